import type { AudioChunk } from '../audio/chunk.ts';
import type { Clock } from '../base/clock.ts';
import type { PatchcordError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Agent } from './agent.ts';
import type { CallLimits } from './call-limits.ts';
import { Digits } from './digits.ts';
import type { CallEventBody } from './events.ts';
import type { Ticker } from './frame-ticker.ts';
import { Goodbye } from './goodbye.ts';
import { GuardedEvents } from './isolation.ts';
import { type Joined, join } from './joined.ts';
import type { HangUpReason, Leg, Played } from './leg.ts';
import { ModelLine } from './model-line.ts';
import type { ModelEvents, ResponseDone, SpeechModel } from './model-session.ts';
import { NoInput, type NoInputStep } from './no-input.ts';
import type { Phrase } from './phrase.ts';
import { greetingPrompt, noInputPrompts, sayAs, verbatimPrompt } from './prompts.ts';
import { Sounding } from './sounding.ts';
import type { ModelState } from './states.ts';
import { type Tool, Tools } from './tools.ts';
import { Transcript } from './transcript.ts';
import type { CutCause, Turn } from './turn.ts';
import { Uplink } from './uplink.ts';

export interface ConversationOptions {
  readonly callId: string;
  readonly leg: Leg;
  readonly agent: Agent;
  readonly model: SpeechModel;
  readonly tools: readonly Tool[];
  readonly limits: CallLimits;
  /** Said when no model can be reached any more. */
  readonly apology: Phrase;
  readonly clock: Clock;
  /** Tells when frames are due, for legs whose audio we pace. */
  readonly ticker: Ticker;
  readonly log: Logger;
  emit(event: CallEventBody): void;
  /** Somebody follows what is said word by word: `turn.updated` is told only then. Unless given, always. */
  followed?(): boolean;
  hangUp(reason: HangUpReason): void;
  /** Something in here threw. */
  broken(thrown: unknown): void;
}

/**
 * What is said in a call: joins the caller's audio, keys and acknowledgements to a session with a model. Opened when
 * the phone is picked up, connected when media flows, closed once.
 */
export class Conversation {
  readonly #options: ConversationOptions;
  readonly #clock: Clock;
  readonly #leg: Leg;
  readonly #ticker: Ticker;
  readonly #model: ModelLine;
  readonly #transcript: Transcript;
  readonly #tools: Tools;
  readonly #noInput: NoInput;
  readonly #digits: Digits;
  readonly #goodbye: Goodbye;
  #joined: Joined | undefined;
  #uplink: Uplink | undefined;
  #sounding: Sounding | undefined;
  #connectedAt: number | undefined;
  #firstAudioSeen = false;
  #everReady = false;
  #closed = false;
  /** What the next session has to do about what was lost with the last. */
  #due: 'answer' | 'turn' | undefined;

  constructor(options: ConversationOptions) {
    const { clock, limits } = options;
    this.#options = options;
    this.#clock = clock;
    this.#leg = options.leg;
    this.#ticker = options.ticker;
    this.#model = new ModelLine({
      clock,
      emit: (event) => options.emit(event),
      late: (error) => this.#failed(error, true),
    });
    this.#transcript = new Transcript(clock, {
      started: (turn) => options.emit({ type: 'turn.started', turn }),
      followed: () => this.#followed(),
      updated: (turn) => options.emit({ type: 'turn.updated', turn }),
      ended: (turn) => options.emit({ type: 'turn.ended', turn }),
    });
    this.#noInput = new NoInput({
      clock,
      afterMs: limits.noInputMs,
      limit: limits.noInputLimit,
      step: (step) => this.#noInputStep(step),
    });
    this.#digits = new Digits({
      clock,
      interDigitMs: limits.interDigitMs,
      taken: () => this.#model.state === 'ready',
      collected: (digits) => this.#digitsCollected(digits),
    });
    this.#goodbye = new Goodbye({ clock, timeoutMs: limits.goodbyeTimeoutMs, hangUp: options.hangUp });
    this.#tools = new Tools({
      clock,
      log: options.log,
      callId: options.callId,
      leg: options.leg,
      tools: options.tools,
      port: {
        started: (toolCallId, name) => options.emit({ type: 'tool.started', toolCallId, name }),
        finished: (toolCallId, name, ok, durationMs) =>
          options.emit({ type: 'tool.finished', toolCallId, name, ok, durationMs }),
        failed: (error) => this.#error(error, false),
        results: (results, respond) => this.#toolResults(results, respond),
        outcome: (note, respond) => this.#toolOutcome(note, respond),
        endCall: () => this.#endCall(),
      },
    });
  }

  get modelState(): ModelState {
    return this.#model.state;
  }

  get turns(): Turn[] {
    this.#sounding?.asked();
    return this.#transcript.turns;
  }

  get lostCallerAudioMs(): number {
    return this.#uplink?.lostMs ?? 0;
  }

  get paddedCallerAudioMs(): number {
    return this.#uplink?.paddedMs ?? 0;
  }

  /** Time since the carrier last sent audio. */
  callerIdleMs(): number {
    return this.#clock.now() - (this.#uplink?.lastAudioAt ?? this.#connectedAt ?? this.#clock.now());
  }

  /** Opens the session with the model; the greeting is made while the phone still rings. */
  open(): void {
    if (this.#joined || this.#closed) return;
    this.#model.go('open');
    this.#joined = join({
      ...this.#options,
      transcript: this.#transcript,
      events: new GuardedEvents(this.#modelEvents(), {
        open: () => !this.#closed && this.#model.state !== 'gone',
        broken: (thrown) => this.#options.broken(thrown),
      }),
      port: {
        emit: (event) => this.#options.emit(event),
        callerActed: () => this.#callerActed(),
        quiet: () => this.#quiet(),
        ending: () => this.#goodbye.pending,
        callerIdleMs: () => this.callerIdleMs(),
        itemSent: () => this.#itemSent(),
        abandoned: (responseId) => this.#tools.responseDone(responseId, false, false),
        failed: (error, fatal) => this.#failed(error, fatal),
        silent: (error) => this.#silent(error),
      },
    });
  }

  /** Media flows: what was made so far is sent, and the caller is heard from the first frame on. */
  connect(): void {
    const joined = this.#joined;
    if (!joined || this.#closed) return;
    this.#connectedAt = this.#clock.now();
    const { emit, limits } = this.#options;
    this.#uplink = new Uplink({
      clock: this.#clock,
      from: this.#leg.receives,
      to: joined.session.receives,
      holdMs: limits.earlyAudioMs,
      events: { lost: (lostMs) => emit({ type: 'caller-audio.lost', lostMs }) },
    });
    this.#sounding = new Sounding({
      clock: this.#clock,
      playout: joined.playout,
      transcript: this.#transcript,
      marks: this.#leg.playback.acknowledges === 'marks',
      followed: () => this.#followed(),
    });
    joined.playout.open(this.#leg, this.#leg.sends, this.#leg.playback);
    if (this.#model.state === 'ready') this.#openUplink(joined);
    if (this.#model.state === 'gone') this.#apologise();
    else joined.turns.checkQuiet();
  }

  /** Nothing happens before `connect` and after `close`. */
  callerAudio(chunk: AudioChunk, timestampMs?: number): void {
    if (this.#closed) return;
    this.#uplink?.push(chunk, timestampMs);
    this.#ticker.look();
  }

  played(played: Played): void {
    this.#joined?.playout.acknowledged(played);
    this.#sounding?.acknowledged();
  }

  /** The leg takes no agent audio for now, or takes it again. */
  flow(open: boolean): void {
    this.#joined?.playout.flow(open);
  }

  /** The caller is on hold, and not asked whether he is still there; or he is back. */
  hold(on: boolean): void {
    this.#noInput.hold(on);
    if (!on) this.#joined?.turns.checkQuiet();
  }

  /** A key was pressed: the agent stops, and is told the keys once no more follow. */
  digit(digit: string): void {
    // Without a model nobody could do anything with it, and the apology is not cut for it.
    if (this.#model.state === 'gone') return;
    this.#callerActed();
    this.#joined?.turns.interrupt('digit');
    this.#digits.press(digit);
  }

  /** Another conversation in the same call: the agent falls silent, and the model forgets what was said. */
  reset(): void {
    const joined = this.#joined;
    if (!joined || this.#closed || this.#model.state === 'gone' || !this.#transcript.begun) return;
    this.#callerActed();
    joined.turns.interrupt('operator');
    this.#digits.close();
    this.#transcript.startAnew();
    this.#tools.startAnew();
    joined.session.restart?.();
    // An answer to what was said before is owed to nobody; the caller may be in the middle of what comes now.
    if (this.#due === 'answer') this.#due = undefined;
  }

  interrupt(cause: CutCause): boolean {
    return this.#joined?.turns.interrupt(cause) ?? false;
  }

  /** The agent says this word for word, once it has the floor. */
  say(text: string): void {
    this.#say(verbatimPrompt(text), false);
  }

  /** Ask the agent for a goodbye and hang up once it was heard. */
  sayGoodbye(reason: HangUpReason, instructions: string, revocable: boolean): void {
    this.#noInput.pause();
    if (!this.#goodbye.request(reason, revocable, this.#joined?.playout)) return;
    this.#say(instructions, revocable);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#sounding?.close();
    this.#noInput.pause();
    this.#digits.close();
    this.#goodbye.close();
    this.#tools.close();
    this.#uplink?.close();
    const joined = this.#joined;
    if (joined) {
      for (const item of joined.playout.cut()) {
        this.#transcript.agentCut(item, 'call-ended', item.generationDone);
      }
      joined.responses.close();
      joined.floor.close();
      joined.playout.close();
      joined.session.close();
    }
    this.#transcript.close();
    this.#model.go('close');
  }

  #followed(): boolean {
    return this.#options.followed?.() ?? true;
  }

  #modelEvents(): ModelEvents {
    return {
      ready: () => this.#ready(),
      resuming: (error) => this.#resuming(error),
      speechStarted: (itemId) => {
        this.#joined?.turns.speechStarted(itemId);
        this.#uplink?.watchStall(true);
      },
      speechStopped: (itemId, silentForMs) => {
        this.#uplink?.watchStall(false);
        this.#transcript.callerStopped(itemId, silentForMs ?? 0);
        this.#joined?.turns.speechStopped(silentForMs);
      },
      callerText: (itemId, text, final) => {
        if (final && text === '') this.#transcript.callerEnded(itemId);
        else this.#transcript.callerText(itemId, text, final);
      },
      responseStarted: (responseId, requestId) => {
        this.#noInput.pause();
        this.#joined?.turns.responseStarted(responseId, requestId);
      },
      audio: (item, chunk) => this.#joined?.turns.audio(item, chunk),
      audioDone: (item) => this.#joined?.playout.finish(item),
      agentText: (item, delta) => this.#joined?.turns.agentText(item, delta),
      toolCall: (call) => {
        this.#joined?.responses.progress(call.responseId, true);
        this.#tools.called(call);
      },
      responseDone: (done) => this.#responseDone(done),
      requestRefused: (error, activeResponse) => {
        this.#joined?.responses.refused(error, activeResponse);
        this.#error(error, false);
      },
      goingAway: (timeLeftMs) => this.#options.log.info({ timeLeftMs }, 'the model session ends soon'),
      failed: (error, fatal) => this.#failed(error, fatal),
    };
  }

  #ready(): void {
    const joined = this.#joined;
    if (!joined || this.#closed) return;
    this.#model.go('ready');
    const { opening } = this.#options.agent;
    for (const note of this.#tools.sessionReady()) joined.session.addText('system', note);
    const due = this.#due;
    // An answer that waits for a tool is asked for with its outcome.
    const answerDue = due === 'answer' && !this.#tools.busy;
    if (this.#goodbye.pending) {
      // Somebody ends the call: the goodbye waits, and nothing goes before it.
      if (answerDue && !joined.responses.busy) joined.responses.want({ kind: 'answer' });
    } else if (!this.#everReady && opening.speaker === 'agent') {
      this.#say(greetingPrompt(opening, this.#leg.party.direction), true);
    } else if (answerDue) {
      joined.responses.want({ kind: 'answer' });
    } else if (due === 'turn') {
      // The rest of what the caller says comes to the new session: it hears the end of the turn itself.
      joined.responses.awaitTurn();
    }
    this.#everReady = true;
    joined.turns.openingAsked();
    if (answerDue || due === 'turn') this.#due = undefined;
    joined.responses.open();
    if (this.#uplink) this.#openUplink(joined);
    this.#digits.resume();
  }

  #openUplink(joined: Joined): void {
    this.#uplink?.open(joined.session.audioSink ?? joined.session);
  }

  #resuming(error: PatchcordError | undefined): void {
    const joined = this.#joined;
    if (!joined || this.#closed) return;
    this.#model.go('resuming');
    if (error) this.#error(error, false);
    // What he said and nobody has written down: the next session will not know of it.
    this.#uplink?.countLost(this.#transcript.unwordedMs);
    this.#uplink?.hold();
    this.#uplink?.watchStall(false);
    const toolsDue = this.#tools.busy;
    this.#tools.sessionLost();
    const due = joined.turns.sessionLost() ?? (toolsDue ? 'answer' : undefined);
    if (this.#everReady) this.#due = due ?? this.#due;
    this.#noInput.pause();
  }

  #failed(error: PatchcordError, fatal: boolean): void {
    if (this.#closed) return;
    this.#error(error, fatal);
    if (!fatal || this.#model.state === 'gone') return;
    this.#model.go('failed');
    const { responses, floor } = this.#joined ?? {};
    // A goodbye that was all said needs nothing behind it.
    const saidGoodbye = this.#goodbye.pending && responses?.busy === false && floor?.callerSpeaks === false;
    this.#joined?.session.close();
    this.#joined?.turns.sessionLost();
    this.#tools.drop();
    this.#noInput.pause();
    this.#uplink?.hold();
    this.#uplink?.watchStall(false);
    if (saidGoodbye) this.#goodbye.agentQuiet();
    else if (this.#connectedAt !== undefined) this.#apologise();
  }

  /** No model can be had: what is queued plays out, then a recorded sentence, then the call ends in order. */
  #apologise(): void {
    const joined = this.#joined;
    if (!joined) return;
    joined.turns.sayPhrase('phrase-apology', this.#options.apology, this.#leg.sends);
    this.#goodbye.request('model-failed', false, joined.playout);
    this.#goodbye.agentQuiet();
  }

  #endCall(): void {
    const joined = this.#joined;
    // A caller who is speaking, or who has cut the answer, has taken it back before it was asked.
    if (!joined || this.#closed || joined.floor.callerSpeaks || joined.turns.cutByCaller) return;
    this.#goodbye.request('agent', true, joined.playout);
  }

  /** The session no longer answers: another takes its place where that can be had. */
  #silent(error: PatchcordError): void {
    const session = this.#joined?.session;
    if (!session || this.#closed) return;
    if (session.renew) session.renew(error);
    else this.#failed(error, true);
  }

  #responseDone(done: ResponseDone): void {
    const joined = this.#joined;
    if (!joined || this.#closed) return;
    if (done.usage) this.#options.emit({ type: 'usage', usage: done.usage });
    const { responseId } = done;
    if (responseId !== undefined) {
      this.#tools.responseDone(responseId, done.status === 'completed', joined.turns.hasSpoken(responseId));
    }
    joined.turns.responseDone(done);
  }

  #toolResults(
    results: readonly { readonly toolCallId: string; readonly output: string }[],
    respond: boolean,
  ): void {
    const joined = this.#joined;
    if (!joined || this.#closed || this.#model.state !== 'ready') return;
    for (const { toolCallId, output } of results) joined.session.toolResult(toolCallId, output);
    if (respond) joined.responses.want({ kind: 'answer' });
    else joined.turns.checkQuiet();
  }

  /** In words: the session that asked for the tool was lost, and this one does not know its call. */
  #toolOutcome(note: string, respond: boolean): void {
    const joined = this.#joined;
    if (!joined || this.#closed || this.#model.state !== 'ready') return;
    joined.session.addText('system', note);
    const due = respond || this.#due === 'answer';
    if (due && !this.#tools.busy) {
      this.#due = undefined;
      joined.responses.want({ kind: 'answer' });
    } else if (!due) joined.turns.checkQuiet();
  }

  #itemSent(): void {
    this.#sounding?.sent();
    if (this.#firstAudioSeen || this.#connectedAt === undefined) return;
    this.#firstAudioSeen = true;
    this.#options.emit({
      type: 'latency.pick-up',
      firstAudioMs: Math.round(this.#clock.now() - this.#connectedAt),
    });
  }

  #callerActed(): void {
    this.#noInput.callerActed();
    this.#goodbye.callerSpoke();
  }

  /** Neither side speaks and nothing is on its way. */
  #quiet(): void {
    if (this.#closed || this.#connectedAt === undefined) return;
    if (this.#tools.busy && !this.#goodbye.isFinal) return;
    if (this.#goodbye.pending) this.#goodbye.agentQuiet();
    else if (this.#model.state === 'ready' && !this.#joined?.floor.callerSpeaks) this.#noInput.silence();
  }

  #digitsCollected(digits: string): void {
    const joined = this.#joined;
    if (!joined || this.#closed) return;
    const spelled = [...digits].join(' ');
    this.#transcript.callerNote(`[${spelled}]`);
    joined.session.addText('caller', `The caller pressed ${spelled} on the telephone keypad.`);
    joined.responses.want({ kind: 'answer' });
  }

  #noInputStep(step: NoInputStep): void {
    if (step === 'end') this.sayGoodbye('no-input', noInputPrompts.end, true);
    else this.#say(noInputPrompts[step], true);
  }

  /** `lapses`: not once the caller has spoken. */
  #say(what: string, lapses: boolean): void {
    if (this.#closed) return;
    const instructions = sayAs(this.#options.agent, what);
    this.#joined?.responses.want({ kind: 'say', instructions, tools: false, lapses });
  }

  #error(error: PatchcordError, fatal: boolean): void {
    const { code, message, details } = error;
    const told = Object.keys(details).length === 0 ? {} : { details };
    this.#options.emit({ type: 'error', code, message, fatal, ...told });
  }
}
