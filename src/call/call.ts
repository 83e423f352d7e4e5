import type { AudioChunk } from '../audio/chunk.ts';
import type { Clock, Timeout } from '../base/clock.ts';
import { messageOf, PatchcordError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { CallLimits } from './call-limits.ts';
import { CallReport } from './call-report.ts';
import { Conversation, type ConversationOptions } from './conversation.ts';
import type { CallEndReason, CallEventBody, CallObserver, CallSnapshot } from './events.ts';
import { GuardedClock, guardedTicker } from './isolation.ts';
import type { HangUpReason, Leg, LegEnd, LegEvents, Played, TransferOutcome, TransferTarget } from './leg.ts';
import type { Party } from './party.ts';
import { type CallState, callArrows, follow } from './states.ts';
import type { Turn } from './turn.ts';

/** What a conversation needs, but for what the call itself is to it. */
export interface CallOptions extends Omit<ConversationOptions, 'emit' | 'hangUp' | 'broken'> {
  readonly observe: CallObserver;
}

/** Even a call without a bound of its own does not wait for the carrier for ever. */
const defaultEndTimeoutMs = 5000;

/**
 * One call: a leg joined to a conversation with a model under an agent. Owns the leg, the states of the call, its
 * deadlines and its end; what is said inside is the conversation's.
 */
export class Call {
  readonly callId: string;
  readonly #leg: Leg;
  readonly #firstCarrierCallId: string;
  readonly #limits: CallLimits;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #observe: CallObserver;
  readonly #report: CallReport;
  readonly #conversation: Conversation;
  #state: CallState = 'ringing';
  #endReason: CallEndReason | undefined;
  #deadline: Timeout | undefined;
  #mediaWatch: Timeout | undefined;
  /** The caller is with somebody else already. */
  #left = false;
  #over = false;
  /** `call.ended` was told: nothing comes after it. */
  #told = false;

  constructor(options: CallOptions) {
    this.callId = options.callId;
    this.#leg = options.leg;
    this.#firstCarrierCallId = options.leg.carrierCallId;
    this.#limits = options.limits;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#observe = options.observe;
    this.#conversation = new Conversation({
      ...options,
      clock: new GuardedClock(options.clock, (thrown) => this.#broken(thrown)),
      ticker: guardedTicker(options.ticker, (thrown) => this.#broken(thrown)),
      emit: (event) => this.#emit(event),
      broken: (thrown) => this.#broken(thrown),
      hangUp: (reason) => this.end(reason),
    });
    this.#report = new CallReport(options, this.#conversation);
  }

  get state(): CallState {
    return this.#state;
  }

  get party(): Party {
    return this.#leg.party;
  }

  get carrierCallId(): string {
    return this.#leg.carrierCallId;
  }

  /** Our id, the carrier's, and the one that the carrier had when the call began: whoever dialled it knows that one. */
  goesBy(id: string): boolean {
    return id === this.callId || id === this.carrierCallId || id === this.#firstCarrierCallId;
  }

  /** The agent and the caller hear each other. */
  get #talks(): boolean {
    return this.#state === 'live' && !this.#left;
  }

  snapshot(): CallSnapshot {
    return this.#report.snapshot(this.#state);
  }

  /** Takes the leg's events from now on. */
  start(): void {
    this.#emit({ type: 'call.started', call: this.snapshot() });
    this.#arm(this.#limits.answerTimeoutMs, () => this.end('answer-timeout'));
    this.#leg.attach(this.#legEvents());
  }

  /** The agent falls silent at once. Returns whether it was speaking. */
  interrupt(): boolean {
    return this.#talks && this.#conversation.interrupt('operator');
  }

  /** Whether the caller could be given to somebody else now. */
  get canTransfer(): boolean {
    return this.#talks && this.#leg.transfer !== undefined;
  }

  /** Gives the caller to somebody else, which ends the call here; undefined: its carrier cannot, or it is not live. */
  transfer(target: TransferTarget): Promise<TransferOutcome> | undefined {
    return this.#talks ? this.#leg.transfer?.(target) : undefined;
  }

  /** Has the agent say this, once it has the floor. False: the call is not live. */
  say(text: string): boolean {
    if (!this.#talks) return false;
    this.#conversation.say(text);
    return true;
  }

  /** Presses keys towards the other side; undefined: its carrier cannot, or it is not live. */
  sendDigits(digits: string): Promise<void> | undefined {
    return this.#talks ? this.#leg.sendDigits?.(digits) : undefined;
  }

  /** Ends the call in order: the agent is asked to say goodbye, and the call ends when that was heard, within a bound. */
  finish(reason: HangUpReason, instructions: string): void {
    if (this.#talks) this.#conversation.sayGoodbye(reason, instructions, false);
    else if (!this.#left) this.end(reason);
  }

  /** Ends the call now. Only the first reason counts. */
  end(reason: HangUpReason): void {
    if (this.#state === 'ending' || this.#state === 'ended') return;
    this.#endReason ??= endReasonOf(reason);
    // First of all, so that nothing below can end the call a second time.
    this.#go('end');
    this.#arm(this.#limits.endTimeoutMs || defaultEndTimeoutMs, () => this.#ended());
    this.#close();
    this.#hangUp(reason).then(
      () => this.#ended(),
      (thrown) => {
        this.#log.error({ error: messageOf(thrown) }, 'hanging up failed');
        this.#ended();
      },
    );
  }

  /** A leg that throws is as good as one that rejects. */
  async #hangUp(reason: HangUpReason): Promise<void> {
    await this.#leg.hangUp(reason, this.snapshot());
  }

  /** Whatever a model or a leg does when it is let go, the call ends. */
  #close(): void {
    this.#mediaWatch?.cancel();
    try {
      this.#conversation.close();
    } catch (thrown) {
      this.#log.error({ error: messageOf(thrown) }, 'a part of the call could not be closed');
    }
  }

  /** What a leg may tell: nothing it says, and nothing that fails here, reaches beyond this call. */
  #legEvents(): LegEvents {
    const conversation = this.#conversation;
    return {
      answered: () => this.#guard(() => this.#answered()),
      connected: () => this.#guard(() => this.#connected()),
      // Written out: this runs for every frame of every call.
      audio: (chunk: AudioChunk, timestampMs?: number) => {
        try {
          conversation.callerAudio(chunk, timestampMs);
        } catch (thrown) {
          this.#broken(thrown);
        }
      },
      digit: (digit: string) => this.#guard(() => this.#digit(digit)),
      played: (played: Played) => this.#guard(() => this.#played(played)),
      flow: (open: boolean) => this.#guard(() => this.#conversation.flow(open)),
      hold: (on: boolean) => this.#guard(() => this.#hold(on)),
      reset: () => this.#guard(() => this.#reset()),
      left: () => this.#guard(() => this.#leave()),
      ended: (end: LegEnd) => this.#guard(() => this.#legEnded(end)),
    };
  }

  #answered(): void {
    if (!this.#go('answered')) return;
    this.#arm(this.#limits.mediaTimeoutMs, () => this.end('answer-timeout'));
    this.#conversation.open();
  }

  #connected(): void {
    if (this.#state === 'ringing') this.#answered();
    if (!this.#go('connected')) return;
    this.#report.live();
    this.#arm(this.#limits.maxDurationMs, () => this.#tooLong());
    if (this.#leg.playback.continuousMedia) this.#watchMedia();
    this.#conversation.connect();
  }

  #digit(digit: string): void {
    if (!this.#talks || !/^[0-9*#A-D]$/.test(digit)) return;
    this.#emit({ type: 'digit', digit });
    this.#conversation.digit(digit);
  }

  #played(played: Played): void {
    if (this.#talks) this.#conversation.played(played);
  }

  #hold(on: boolean): void {
    if (this.#talks) this.#conversation.hold(on);
  }

  #reset(): void {
    if (this.#talks) this.#conversation.reset();
  }

  /** The leg ends within a bound of its own; nobody is there to be talked to until then. */
  #leave(): void {
    if (!this.#talks) return;
    this.#left = true;
    this.#close();
  }

  #tooLong(): void {
    this.finish(
      'max-duration',
      'The longest time for this call is over. Say so in one short sentence and say goodbye.',
    );
  }

  #watchMedia(): void {
    const { mediaLostMs } = this.#limits;
    if (mediaLostMs <= 0) return;
    const idleMs = this.#conversation.callerIdleMs();
    if (idleMs >= mediaLostMs) {
      this.#emitError(new PatchcordError('PATCHCORD_MEDIA_LOST'), true);
      this.end('media-lost');
      return;
    }
    this.#mediaWatch = this.#clock.setTimeout(
      () => this.#guard(() => this.#watchMedia()),
      mediaLostMs - idleMs,
    );
  }

  #legEnded(end: LegEnd): void {
    if (this.#state === 'ended') return;
    this.#endReason ??= endReasonOfLeg(end);
    if (end.error) this.#emitError(end.error, true);
    this.#ended();
  }

  #ended(): void {
    if (this.#over) return;
    this.#over = true;
    this.#deadline?.cancel();
    this.#close();
    this.#go('leg-ended');
    const reason = this.#endReason ?? 'internal-error';
    this.#emit({ type: 'call.ended', reason, call: this.snapshot() });
    this.#told = true;
  }

  #go(event: string): boolean {
    const from = this.#state;
    const to = follow(callArrows, from, event);
    if (to === undefined) return false;
    this.#state = to;
    this.#emit({ type: 'call.state', from, to, cause: event });
    return true;
  }

  #arm(delayMs: number, callback: () => void): void {
    this.#deadline?.cancel();
    this.#deadline = delayMs > 0 ? this.#clock.setTimeout(() => this.#guard(callback), delayMs) : undefined;
  }

  #guard(action: () => void): void {
    try {
      action();
    } catch (thrown) {
      this.#broken(thrown);
    }
  }

  #broken(thrown: unknown): void {
    if (this.#told) return;
    this.#log.error(
      { error: messageOf(thrown), stack: thrown instanceof Error ? thrown.stack : undefined },
      'call broke',
    );
    this.#endReason ??= 'internal-error';
    this.#emitError(new PatchcordError('PATCHCORD_INTERNAL'), true);
    this.end('internal-error');
  }

  /** What a leg does with it is the carrier's: it may fail, and the call goes on. */
  #tellLeg(turn: Turn): void {
    try {
      this.#leg.turnEnded?.(turn);
    } catch (thrown) {
      this.#log.error({ error: messageOf(thrown) }, 'the leg could not be told of a turn');
    }
  }

  #emitError(error: PatchcordError, fatal: boolean): void {
    this.#emit({ type: 'error', code: error.code, message: error.message, fatal });
  }

  #emit(body: CallEventBody): void {
    if (this.#told) return;
    this.#report.count(body);
    if (body.type === 'turn.ended') this.#tellLeg(body.turn);
    try {
      this.#observe({ callId: this.callId, atEpochMs: this.#clock.epochMs(), ...body });
    } catch (thrown) {
      this.#log.error({ error: messageOf(thrown) }, 'an observer failed');
    }
  }
}

function endReasonOf(reason: HangUpReason): CallEndReason {
  return reason === 'agent' ? 'agent-hung-up' : reason;
}

function endReasonOfLeg(end: LegEnd): CallEndReason {
  switch (end.reason) {
    case 'hung-up':
      return 'caller-hung-up';
    case 'transferred':
      return 'transferred';
    case 'busy':
      return 'busy';
    case 'no-answer':
      return 'not-answered';
    case 'connection-lost':
      return 'carrier-lost';
    case 'failed':
    case 'protocol-error':
      return 'carrier-failed';
  }
}
