import { AudioChunk } from '../../audio/chunk.ts';
import { type AudioFormat, pcmu8k } from '../../audio/format.ts';
import type { Clock } from '../../base/clock.ts';
import { PatchcordError } from '../../base/errors.ts';
import type {
  Interruption,
  ModelCapabilities,
  ModelEvents,
  ModelSession,
  ResponseDone,
  ResponseRequest,
  SessionOptions,
  SpeechModel,
} from '../model-session.ts';

/** What goes wrong, and how long things take; every figure comes from the test's own dice. */
export interface Behaviour {
  readonly clock: Clock;
  random(): number;
  /** Share of the responses that end this way. */
  readonly faults: Partial<Record<Fault, number>>;
  /** Share of the responses that call a tool. */
  readonly toolShare: number;
}

export type Fault =
  | 'failed'
  | 'failed-unannounced'
  | 'lost-created'
  | 'lost-done'
  | 'silent'
  | 'endless'
  | 'vanishes';

interface ServerResponse {
  readonly id: string;
  readonly auto: boolean;
  readonly request: ResponseRequest | undefined;
  readonly fault: Fault | undefined;
}

const earliestMs = 5;
const latencySpanMs = 100;

/**
 * A model as the Realtime protocol has it: one response at a time, which the caller's speech cancels and which a
 * finished turn starts; latency both ways, in order; a request while one is active is refused, a cancel that finds
 * nothing is only counted, and one for a request that has not started is kept by the session until it has.
 */
export class FaithfulModel implements SpeechModel {
  readonly name = 'faithful';
  readonly #behaviour: Behaviour;
  readonly sessions: FaithfulSession[] = [];

  constructor(behaviour: Behaviour) {
    this.#behaviour = behaviour;
  }

  get session(): FaithfulSession {
    const session = this.sessions.at(-1);
    if (!session) throw new Error('no session was opened');
    return session;
  }

  open(options: SessionOptions, events: ModelEvents): ModelSession {
    const session = new FaithfulSession(this.#behaviour, options, events);
    this.sessions.push(session);
    return session;
  }
}

export class FaithfulSession implements ModelSession {
  readonly capabilities: ModelCapabilities = {
    truncate: true,
    cancel: true,
    cancelsOnSpeech: true,
    respondsToSpeech: true,
  };
  readonly receives: AudioFormat = pcmu8k;
  readonly sends: AudioFormat = pcmu8k;
  readonly truncateMarginMs = 0;
  readonly #behaviour: Behaviour;
  readonly #events: ModelEvents;
  #up = 0;
  #down = 0;
  #closed = false;
  #epoch = 0;
  #healthy = false;
  /** The server's side. */
  #active: ServerResponse | undefined;
  #speaking = false;
  #protected: boolean;
  #number = 0;
  /** Requests that were cancelled before they had started. */
  readonly #cancelOnStart = new Set<string>();
  #lastRequestId = '';
  /** Until then the connection is down and the caller is not heard. */
  backAt = 0;
  refusals = 0;
  idleCancels = 0;
  readonly results: string[] = [];
  readonly toolCalls: string[] = [];
  readonly started: { readonly at: number; readonly auto: boolean }[] = [];

  constructor(behaviour: Behaviour, options: SessionOptions, events: ModelEvents) {
    this.#behaviour = behaviour;
    this.#events = events;
    this.#protected = options.protectOpening;
    this.#tell(() => events.ready());
  }

  /** From now on nothing goes wrong any more. */
  heal(): void {
    this.#healthy = true;
  }

  /** The connection is lost with all that was on its way, and is back a while later with nothing active. */
  drop(backAfterMs: number): void {
    const { clock } = this.#behaviour;
    this.#epoch += 1;
    this.#active = undefined;
    this.#speaking = false;
    this.#cancelOnStart.clear();
    this.#events.resuming(new PatchcordError('PATCHCORD_MODEL_LOST'));
    this.backAt = clock.now() + backAfterMs;
    this.#down = this.backAt;
    this.#up = this.#down;
    this.#tell(() => this.#events.ready());
  }

  /** The caller, as the server hears him. */
  callerStarts(): void {
    if (this.#speaking || this.#behaviour.clock.now() < this.backAt) return;
    this.#speaking = true;
    this.#number += 1;
    const itemId = `user-${this.#number}`;
    this.#tell(() => this.#events.speechStarted(itemId));
    if (this.#active && !this.#protected) this.#finish(this.#active, { status: 'cancelled' });
  }

  callerStops(): void {
    if (!this.#speaking) return;
    this.#speaking = false;
    this.#tell(() => this.#events.speechStopped(undefined));
    if (!this.#active && !this.#protected) this.#start(undefined);
  }

  appendAudio(): void {
    // What the caller says is told by `callerStarts` and `callerStops`.
  }

  interrupt({ cancel }: Interruption): void {
    if (cancel === 'requested') this.#cancelOnStart.add(this.#lastRequestId);
    else if (cancel !== undefined) this.#send(() => this.#cancel(cancel));
  }

  addText(): void {
    // Goes into a conversation that nobody asks for.
  }

  toolResult(toolCallId: string): void {
    this.results.push(toolCallId);
  }

  requestResponse(request: ResponseRequest): void {
    this.#lastRequestId = request.requestId;
    this.#send(() => {
      if (!this.#active) {
        this.#start(request);
        return;
      }
      this.refusals += 1;
      const error = new PatchcordError('PATCHCORD_MODEL_ERROR', 'active response');
      this.#tell(() => this.#events.requestRefused(error, true));
    });
  }

  protect(on: boolean): void {
    this.#send(() => {
      this.#protected = on;
    });
  }

  renew(): void {
    this.drop(0);
  }

  close(): void {
    this.#closed = true;
  }

  #cancel(responseId: string): void {
    if (this.#active?.id === responseId) this.#finish(this.#active, { status: 'cancelled' });
    else this.idleCancels += 1;
  }

  #start(request: ResponseRequest | undefined): void {
    const { clock, random } = this.#behaviour;
    this.#number += 1;
    const fault = this.#fault();
    const response = { id: `resp-${this.#number}`, auto: request === undefined, request, fault };
    this.started.push({ at: clock.now(), auto: response.auto });
    if (fault === 'failed-unannounced') {
      const error = new PatchcordError('PATCHCORD_RESPONSE_FAILED');
      this.#tell(() => this.#events.responseDone({ status: 'failed', error }));
      return;
    }
    this.#active = response;
    this.#tellOf(response, () => {
      if (request && this.#cancelOnStart.delete(request.requestId))
        this.#send(() => this.#cancel(response.id));
      this.#events.responseStarted(response.id, request?.requestId);
    });
    if (fault === 'silent') return;
    this.#generate(response, 1 + Math.floor(random() * 8));
  }

  #generate(response: ServerResponse, deltas: number): void {
    const { clock, random, toolShare } = this.#behaviour;
    clock.setTimeout(
      () => {
        if (this.#active !== response) return;
        const item = { responseId: response.id, itemId: `item-${response.id}`, contentIndex: 0 };
        const bytes = AudioChunk.fromBytes(Buffer.alloc(8 * (100 + Math.floor(random() * 400)), 1));
        if (response.fault !== 'vanishes') {
          this.#tellOf(response, () => this.#events.agentText(item, 'word '));
          this.#tellOf(response, () => this.#events.audio(item, bytes));
        }
        if (deltas > 0) {
          this.#generate(response, deltas - 1);
          return;
        }
        if (response.fault === 'endless') return;
        this.#tellOf(response, () => this.#events.audioDone(item));
        const failed = response.fault === 'failed';
        const mayCall = response.request?.tools !== false && !failed && response.fault !== 'vanishes';
        if (mayCall && !this.#healthy && random() < toolShare) this.#callTool(response);
        const status = failed ? 'failed' : response.fault === 'vanishes' ? 'cancelled' : 'completed';
        this.#finish(response, { status });
      },
      20 + random() * 150,
    );
  }

  #callTool(response: ServerResponse): void {
    const toolCallId = `tool-${response.id}`;
    const { id: responseId } = response;
    if (response.fault === undefined) this.toolCalls.push(toolCallId);
    this.#tellOf(response, () =>
      this.#events.toolCall({ responseId, toolCallId, name: 'look_up', arguments: '{}' }),
    );
  }

  #finish(response: ServerResponse, done: Pick<ResponseDone, 'status'>): void {
    this.#active = undefined;
    if (response.fault === 'lost-done') return;
    this.#tellOf(response, () => this.#events.responseDone({ responseId: response.id, ...done }));
  }

  #fault(): Fault | undefined {
    if (this.#healthy) return undefined;
    let dice = this.#behaviour.random();
    for (const [fault, share] of Object.entries(this.#behaviour.faults)) {
      dice -= share;
      if (dice < 0) return fault as Fault;
    }
    return undefined;
  }

  /** Of a response whose start was lost nothing is heard at all. */
  #tellOf(response: ServerResponse, action: () => void): void {
    if (response.fault !== 'lost-created') this.#tell(action);
  }

  #tell(action: () => void): void {
    this.#down = this.#travel(this.#down, action);
  }

  #send(action: () => void): void {
    this.#up = this.#travel(this.#up, action);
  }

  /** In order, whatever the latency of each. */
  #travel(lastAt: number, action: () => void): number {
    const { clock, random } = this.#behaviour;
    const epoch = this.#epoch;
    const now = clock.now();
    const at = Math.max(lastAt, now + earliestMs + random() * latencySpanMs);
    clock.setTimeout(() => {
      if (!this.#closed && epoch === this.#epoch) action();
    }, at - now);
    return at;
  }
}
