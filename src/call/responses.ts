import type { Clock, Timeout } from '../base/clock.ts';
import { PatchcordError } from '../base/errors.ts';
import type { ResponseDone, ResponseRequest } from './model-session.ts';

/** What somebody in the call wants the agent to say. */
export interface Wanted {
  /** `answer`: react to the conversation as it stands; any later response does that. `say`: this text, whatever else is said. */
  readonly kind: 'answer' | 'say';
  readonly instructions?: string;
  readonly tools?: boolean;
  /** Not said any more once the caller has spoken. */
  readonly lapses?: boolean;
}

export interface ResponsesPort {
  send(request: ResponseRequest): void;
  /** Cancel a response that started although the caller has the floor. */
  cancel(responseId: string): void;
  /** An active response was given up: nothing more of it comes. */
  abandoned(responseId: string): void;
  /** Nothing is active, asked for or waiting any more. */
  idle(): void;
  /** A response failed or never came; the retries are used up when `fatal`. */
  failed(error: PatchcordError, fatal: boolean): void;
}

export interface ResponsesOptions {
  readonly clock: Clock;
  readonly port: ResponsesPort;
  /** The model starts a response by itself when the caller stops speaking. */
  readonly respondsToSpeech: boolean;
  /** An active response must show some progress within this. */
  readonly stallMs: number;
}

/** A request must be followed by its start within this. */
const startDeadlineMs = 10_000;
/** After the caller's turn the model must start by itself within this; then it is asked. */
const autoDeadlineMs = 8000;
/** A cancelled response must be confirmed within this. */
const cancelDeadlineMs = 3000;
const maxFailuresInRow = 3;
const retryAfterFailureMs = 500;

/**
 * The one owner of responses: at most one is active, and a request for another waits until it is done, cancelled
 * and confirmed, or timed out.
 */
export class Responses {
  readonly #clock: Clock;
  readonly #port: ResponsesPort;
  readonly #respondsToSpeech: boolean;
  readonly #stallMs: number;
  #open = false;
  #active: { readonly responseId: string; cancelled: boolean; lastProgressAt: number } | undefined;
  #requested: { readonly request: ResponseRequest; readonly wanted: Wanted; cancelled: boolean } | undefined;
  #queued: Wanted[] = [];
  #callerSpeaks = false;
  #awaitingAuto = false;
  #protected = false;
  #failuresInRow = 0;
  #requestNumber = 0;
  #timer: Timeout | undefined;
  #retryTimer: Timeout | undefined;

  constructor(options: ResponsesOptions) {
    this.#clock = options.clock;
    this.#port = options.port;
    this.#respondsToSpeech = options.respondsToSpeech;
    this.#stallMs = options.stallMs;
  }

  get activeId(): string | undefined {
    return this.#active?.responseId;
  }

  get busy(): boolean {
    return (
      this.#active !== undefined ||
      this.#requested !== undefined ||
      this.#queued.length > 0 ||
      this.#awaitingAuto ||
      this.#retryTimer !== undefined
    );
  }

  /** The session takes requests. */
  open(): void {
    this.#open = true;
    this.#pump();
  }

  /** The session is gone and with it all that was in flight. Returns whether an answer was due. */
  lost(): boolean {
    const due =
      this.#active !== undefined || this.#requested !== undefined || this.#awaitingAuto || this.#callerSpeaks;
    this.#open = false;
    this.#active = undefined;
    if (this.#requested && !this.#requested.cancelled) this.#queued.unshift(this.#requested.wanted);
    this.#requested = undefined;
    this.#callerSpeaks = false;
    this.#awaitingAuto = false;
    this.#stopTimers();
    return due;
  }

  close(): void {
    this.#open = false;
    this.#queued = [];
    this.#stopTimers();
  }

  /** While protected, the model neither answers nor stops for the caller by itself. */
  protect(on: boolean): void {
    this.#protected = on;
  }

  want(wanted: Wanted): void {
    const same = wanted.kind === 'answer' && this.#queued.some((queued) => queued.kind === 'answer');
    if (!same) this.#queued.push(wanted);
    this.#pump();
  }

  /** Forgets requests that have not been sent. */
  forgetQueued(): void {
    this.#queued = [];
  }

  speechStarted(): void {
    this.#callerSpeaks = true;
    this.#awaitingAuto = false;
    this.#queued = this.#queued.filter((wanted) => !wanted.lapses || this.#protected);
    if (!this.#active && !this.#requested) this.#arm(undefined, 0);
  }

  speechStopped(): void {
    this.#callerSpeaks = false;
    const undisturbed = this.#active !== undefined && !this.#active.cancelled;
    if (!this.#respondsToSpeech || this.#protected || undisturbed) {
      this.#pump();
      return;
    }
    this.#awaitingAuto = true;
    if (!this.#active && !this.#requested) this.#arm(() => this.#autoMissing(), autoDeadlineMs);
  }

  /** Returns whether the response may be heard: false when it was cancelled before it started. */
  started(responseId: string, requestId: string | undefined): boolean {
    const requested = this.#requested;
    const ours =
      requested !== undefined && (requestId === undefined || requestId === requested.request.requestId);
    this.#active = { responseId, cancelled: false, lastProgressAt: this.#clock.now() };
    this.#awaitingAuto = false;
    this.#queued = this.#queued.filter((wanted) => wanted.kind === 'say');
    if (ours) this.#requested = undefined;
    this.#arm(() => this.#checkProgress(), this.#stallMs);
    // The session itself applies a cancel that was asked for before the response had an id.
    if (ours && requested.cancelled) {
      this.#cancelled(responseId);
      return false;
    }
    if (ours && this.#callerSpeaks && !this.#protected) {
      this.#port.cancel(responseId);
      this.#cancelled(responseId);
      return false;
    }
    return true;
  }

  /** Something of the active response arrived. */
  progress(): void {
    if (this.#active) this.#active.lastProgressAt = this.#clock.now();
  }

  done(done: ResponseDone): void {
    const active = this.#active;
    if (active && (done.responseId === undefined || done.responseId === active.responseId)) {
      this.#active = undefined;
    } else if (done.status === 'failed' && !active && (this.#requested || this.#awaitingAuto)) {
      // A response can fail without ever having been announced.
      this.#requested = undefined;
      this.#awaitingAuto = false;
    } else {
      return;
    }
    if (this.#awaitingAuto) this.#arm(() => this.#autoMissing(), autoDeadlineMs);
    else this.#arm(undefined, 0);
    if (done.status === 'failed' && !this.#callerSpeaks) this.#retry(done.error, { kind: 'answer' });
    else {
      if (done.status === 'completed') this.#failuresInRow = 0;
      this.#pump();
    }
  }

  /** `activeResponse`: the model says that another response is active. */
  refused(error: PatchcordError, activeResponse: boolean): void {
    const requested = this.#requested;
    if (!requested) return;
    this.#requested = undefined;
    this.#arm(undefined, 0);
    if (activeResponse) {
      if (!requested.cancelled) this.#queued.unshift(requested.wanted);
      // Its end pumps the queue; the deadline is for an active response that we never heard of.
      if (!this.#active) this.#arm(() => this.#pump(), cancelDeadlineMs);
      return;
    }
    this.#retry(error, requested.wanted);
  }

  /**
   * The agent has to stop. Returns what the session must cancel: a response by id, the one asked for and not yet
   * started, or nothing. `modelCancels`: the model does it by itself.
   */
  interrupted(modelCancels: boolean): string | 'requested' | undefined {
    this.#queued = this.#queued.filter((wanted) => wanted.kind === 'say');
    if (this.#requested) {
      const first = !this.#requested.cancelled;
      // What has not started when the caller speaks is not cancelled by the model.
      this.#requested.cancelled = true;
      return first ? 'requested' : undefined;
    }
    const active = this.#active;
    if (!active || active.cancelled) return undefined;
    this.#cancelled(active.responseId);
    return modelCancels ? undefined : active.responseId;
  }

  #cancelled(responseId: string): void {
    if (this.#active?.responseId !== responseId) return;
    this.#active.cancelled = true;
    this.#arm(() => this.#forgetActive(), cancelDeadlineMs);
  }

  #pump(): void {
    if (!this.#open || this.#active || this.#requested || this.#retryTimer) return;
    if ((this.#callerSpeaks || this.#awaitingAuto) && !this.#protected) return;
    const wanted = this.#queued.shift();
    if (!wanted) {
      this.#port.idle();
      return;
    }
    this.#requestNumber += 1;
    const request: ResponseRequest = {
      requestId: `r${this.#requestNumber}`,
      ...(wanted.instructions === undefined ? {} : { instructions: wanted.instructions }),
      ...(wanted.tools === undefined ? {} : { tools: wanted.tools }),
    };
    this.#requested = { request, wanted, cancelled: false };
    this.#arm(() => this.#startMissing(), startDeadlineMs);
    this.#port.send(request);
  }

  #startMissing(): void {
    const requested = this.#requested;
    this.#requested = undefined;
    const error = new PatchcordError(
      'PATCHCORD_MODEL_TIMEOUT',
      'The model did not start a response it was asked for.',
    );
    this.#retry(error, requested && !requested.cancelled ? requested.wanted : undefined);
  }

  #autoMissing(): void {
    this.#awaitingAuto = false;
    this.want({ kind: 'answer' });
  }

  #checkProgress(): void {
    const active = this.#active;
    if (!active) return;
    const idleMs = this.#clock.now() - active.lastProgressAt;
    if (idleMs < this.#stallMs) {
      this.#arm(() => this.#checkProgress(), this.#stallMs - idleMs);
      return;
    }
    this.#port.failed(
      new PatchcordError('PATCHCORD_MODEL_TIMEOUT', 'A response of the model did not end.'),
      false,
    );
    this.#port.cancel(active.responseId);
    this.#cancelled(active.responseId);
  }

  #forgetActive(): void {
    const active = this.#active;
    this.#active = undefined;
    if (active) this.#port.abandoned(active.responseId);
    if (this.#awaitingAuto) {
      this.#arm(() => this.#autoMissing(), autoDeadlineMs);
      return;
    }
    this.#pump();
  }

  #retry(error: PatchcordError | undefined, wanted: Wanted | undefined): void {
    this.#failuresInRow += 1;
    const fatal = this.#failuresInRow >= maxFailuresInRow;
    this.#port.failed(error ?? new PatchcordError('PATCHCORD_RESPONSE_FAILED'), fatal);
    if (fatal || !this.#open) return;
    const covered = wanted?.kind === 'answer' && this.#queued.some((queued) => queued.kind === 'answer');
    if (wanted && !covered) this.#queued.unshift(wanted);
    this.#retryTimer?.cancel();
    this.#retryTimer = this.#clock.setTimeout(
      () => {
        this.#retryTimer = undefined;
        this.#pump();
      },
      retryAfterFailureMs * 2 ** (this.#failuresInRow - 1),
    );
  }

  /** One deadline at a time: that of the state it is in. */
  #arm(callback: (() => void) | undefined, delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = callback ? this.#clock.setTimeout(callback, delayMs) : undefined;
  }

  #stopTimers(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#retryTimer?.cancel();
    this.#retryTimer = undefined;
  }
}
