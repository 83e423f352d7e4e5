import type { AudioChunk } from '../audio/chunk.ts';
import type { AudioFormat } from '../audio/format.ts';
import type { Clock } from '../base/clock.ts';
import type { CallEventBody } from './events.ts';
import type { Floor } from './floor.ts';
import type { AudioItem, ModelSession, ResponseDone } from './model-session.ts';
import { partKey } from './part.ts';
import type { Phrase } from './phrase.ts';
import type { Playout } from './playout.ts';
import type { Responses } from './responses.ts';
import type { Transcript } from './transcript.ts';
import type { CutCause } from './turn.ts';

export interface TurnsPort {
  emit(event: CallEventBody): void;
  /** The caller speaks or has acted. */
  callerActed(): void;
  /** The agent does not speak, nothing is on its way, and nobody waits for the caller's turn to end. */
  quiet(): void;
  /** Somebody ends the call: nothing is answered any more. */
  ending(): boolean;
}

export interface TurnsOptions {
  readonly clock: Clock;
  readonly session: ModelSession;
  readonly floor: Floor;
  readonly playout: Playout;
  readonly transcript: Transcript;
  readonly responses: Responses;
  readonly port: TurnsPort;
}

/** What happens when the floor goes from one to the other; above all, when the caller takes it from the agent. */
export class Turns {
  readonly #clock: Clock;
  readonly #session: ModelSession;
  readonly #floor: Floor;
  readonly #playout: Playout;
  readonly #transcript: Transcript;
  readonly #responses: Responses;
  readonly #port: TurnsPort;
  #openingAsked = false;
  #spokeWhileProtected = false;
  /** The answer that is due: when the caller fell silent, and how long the model waited to be sure. */
  #due: { readonly stoppedAt: number; readonly endpointingMs: number | undefined } | undefined;
  /** Items of which the carrier's acknowledgement completes the latency figure. */
  readonly #measured = new Map<string, { readonly stoppedAt: number; readonly event: LatencyEvent }>();
  #spokenResponseId: string | undefined;
  #cutByCaller = false;

  constructor(options: TurnsOptions) {
    this.#clock = options.clock;
    this.#session = options.session;
    this.#floor = options.floor;
    this.#playout = options.playout;
    this.#transcript = options.transcript;
    this.#responses = options.responses;
    this.#port = options.port;
  }

  /** The response has let the caller hear something. */
  hasSpoken(responseId: string): boolean {
    return this.#spokenResponseId === responseId;
  }

  /** The caller has cut the agent's last answer, be it with a key. */
  get cutByCaller(): boolean {
    return this.#cutByCaller;
  }

  speechStarted(itemId: string | undefined): void {
    // First of all, and in this turn of the event loop: the agent falls silent.
    this.#floor.callerStarts();
    this.#due = undefined;
    if (this.#floor.isProtected) this.#spokeWhileProtected = true;
    else if (this.#agentHasFloor() || this.#playout.unconfirmed) this.#interrupt('caller-spoke');
    this.#responses.speechStarted();
    this.#port.emit({ type: 'speech.started' });
    if (itemId !== undefined) this.#transcript.callerStarted(itemId);
    if (!this.#floor.isProtected) this.#port.callerActed();
  }

  speechStopped(silentForMs: number | undefined): void {
    this.#floor.callerStops();
    this.#due = { stoppedAt: this.#clock.now() - (silentForMs ?? 0), endpointingMs: silentForMs };
    this.#port.emit({ type: 'speech.stopped' });
    this.#responses.speechStopped();
  }

  /** Stops the agent for a reason other than the model's own voice detection. Returns whether it was speaking. */
  interrupt(cause: CutCause): boolean {
    if (!this.#agentHasFloor() && !this.#playout.unconfirmed) return false;
    if (this.#floor.isProtected && cause === 'digit') return false;
    this.#interrupt(cause);
    // Nothing that could end may be left to say so.
    this.checkQuiet();
    return true;
  }

  responseStarted(responseId: string, requestId: string | undefined): void {
    if (this.#responses.started(responseId, requestId)) this.#cutByCaller = false;
    else this.#playout.bury(responseId);
  }

  audio(item: AudioItem, chunk: AudioChunk): void {
    this.#responses.progress(item.responseId, true);
    if (!this.#playout.append(item, chunk)) return;
    this.#spokenResponseId = item.responseId;
  }

  agentText(item: AudioItem, delta: string): void {
    this.#responses.progress(item.responseId, false);
    if (this.#playout.isDead(item)) return;
    this.#transcript.agentText(item, delta, this.#playout.generatedMs(item));
  }

  /** The agent's voice says what no model made; only once the media flows. */
  sayPhrase(itemId: string, phrase: Phrase, format: AudioFormat): void {
    const item: AudioItem = { responseId: itemId, itemId, contentIndex: 0 };
    this.#transcript.agentStarted(item);
    this.#playout.appendPhrase(item, phrase.audio(format));
    this.#transcript.agentText(item, phrase.text, this.#playout.generatedMs(item));
  }

  responseDone(done: ResponseDone): void {
    if (done.responseId !== undefined) this.#playout.finishResponse(done.responseId);
    this.#responses.done(done);
    this.checkQuiet();
  }

  /** The first audio of an item went to the carrier. */
  itemSent(item: AudioItem): void {
    this.#transcript.agentStarted(item);
    const due = this.#due;
    if (!due) return;
    this.#due = undefined;
    const event: LatencyEvent = {
      type: 'latency.turn',
      turnId: this.#transcript.turnIdOf(item) ?? 0,
      firstAudioMs: Math.round(this.#clock.now() - due.stoppedAt),
      ...(due.endpointingMs === undefined ? {} : { endpointingMs: due.endpointingMs }),
    };
    this.#measured.clear();
    this.#measured.set(partKey(item), { stoppedAt: due.stoppedAt, event });
    this.#port.emit(event);
  }

  itemHeardFirst(item: AudioItem, startedAt: number): void {
    const measured = this.#measured.get(partKey(item));
    if (!measured) return;
    this.#measured.delete(partKey(item));
    const heardMs = Math.round(Math.max(measured.event.firstAudioMs, startedAt - measured.stoppedAt));
    this.#port.emit({ ...measured.event, heardMs });
  }

  /**
   * The session was lost: what is queued plays on, nothing more comes of it. Returns what is due once there is
   * another: an answer, or one to the turn that the caller is in.
   */
  sessionLost(): 'answer' | 'turn' | undefined {
    const inTurn = this.#floor.callerSpeaks && !this.#floor.isProtected;
    const due = this.#responses.lost() ?? (this.#due === undefined ? undefined : 'answer');
    this.#floor.callerStops();
    this.#transcript.modelLost(this.#playout.disown());
    return inTurn ? 'turn' : due;
  }

  /** The agent was asked for its opening: once it has nothing more to say, a protected one is over. */
  openingAsked(): void {
    this.#openingAsked = true;
  }

  /** Looks whether everything that was to be said was heard, and says so. */
  checkQuiet(): void {
    if (this.#floor.callerHasIt) return;
    // Nothing is active that could finish it: an item whose end was never told ends with its audio.
    if (!this.#responses.busy && this.#playout.pendingMs === 0) this.#playout.finishAll();
    if (this.#agentHasFloor()) return;
    if (this.#floor.isProtected) {
      if (!this.#openingAsked) return;
      this.#endOpening();
      if (this.#floor.callerSpeaks || this.#responses.busy) return;
    }
    this.#port.quiet();
  }

  /** The model hears the caller by itself again; what he said meanwhile is answered. */
  #endOpening(): void {
    this.#floor.endProtection();
    this.#session.protect(false);
    const spoke = this.#spokeWhileProtected;
    // First: a goodbye that was said in the opening is not followed by an answer.
    if (spoke && this.#responses.isOpen && !this.#floor.callerHasIt) this.#port.quiet();
    this.#responses.openingOver(spoke && !this.#port.ending());
  }

  #agentHasFloor(): boolean {
    return this.#responses.busy || this.#playout.pendingMs > 0 || this.#playout.unfinished;
  }

  #interrupt(cause: CutCause): void {
    const readAt = this.#clock.now();
    const cut = this.#playout.cut(this.#responses.activeId);
    const clearMs = Math.round((this.#clock.now() - readAt) * 1000) / 1000;
    const modelCancels =
      cause === 'caller-spoke' && this.#session.capabilities.cancelsOnSpeech && !this.#floor.isProtected;
    const cancel = this.#responses.interrupted(modelCancels);
    const items = cut.filter((item) => item.owned);
    if (items.length > 0 || cancel !== undefined) {
      this.#session.interrupt({ items, ...(cancel === undefined ? {} : { cancel }) });
    }
    this.#measured.clear();
    if (cause !== 'operator') this.#cutByCaller = true;
    for (const item of cut) this.#transcript.agentCut(item, cause, item.generationDone);
    this.#transcript.cutOpen(cause);
    if (cut.length === 0) return;
    this.#port.emit({
      type: 'barge-in',
      cause,
      clearMs,
      items: cut.map(({ itemId, heardMs, generatedMs }) => ({ itemId, heardMs, generatedMs })),
    });
  }
}

type LatencyEvent = Extract<CallEventBody, { type: 'latency.turn' }>;
