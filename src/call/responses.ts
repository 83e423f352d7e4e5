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
/** How long, and how often in a row, the end of a response that we never heard of is waited for. */
const unknownActiveMs = 3000;
const maxUnknownActive = 8;
const maxFailuresInRow = 3;
const retryAfterFailureMs = 500;
/** Given-up responses of which a late end is still recognised. */
const maxAbandoned = 16;

const anAnswer: Wanted = { kind: 'answer' };

interface Queued {
  readonly wanted: Wanted;
  /** What it reacts to lies before the caller's turn ended, so the model's own answer to that turn covers it. */
  coveredByAuto: boolean;
}

interface Requested {
  readonly request: ResponseRequest;
  readonly wanted: Wanted;
  cancelled: boolean;
}

interface Active {
  readonly responseId: string;
  /** What it was asked for; an answer when the model started it by itself. */
  readonly wanted: Wanted;
  readonly auto: boolean;
  cancelled: boolean;
  /** Given up before it had shown anything: what it was for is still wanted. */
  stalled: boolean;
  progressed: boolean;
  lastProgressAt: number;
}

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
  #active: Active | undefined;
  #requested: Requested | undefined;
  #queued: Queued[] = [];
  #callerSpeaks = false;
  #awaitingAuto = false;
  #turnNumber = 0;
  #protected = false;
  /** The model says that a response is active which is not known here. */
  #unknownActive = false;
  #unknownActiveInRow = 0;
  /** The model has named one of our requests before: a response without a name is not ours. */
  #namesRequests = false;
  #failuresInRow = 0;
  #requestNumber = 0;
  readonly #abandoned = new Set<string>();
  #deadline: { readonly of: string; readonly timer: Timeout } | undefined;
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

  /** Something is active, asked for, due, or waits for nothing but its moment. */
  get busy(): boolean {
    return (
      this.#active !== undefined ||
      this.#requested !== undefined ||
      this.#awaitingAuto ||
      this.#unknownActive ||
      this.#retryTimer !== undefined ||
      this.#nextIndex() >= 0
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
    if (this.#requested && !this.#requested.cancelled) this.#putBack(this.#requested.wanted);
    this.#requested = undefined;
    this.#callerSpeaks = false;
    this.#awaitingAuto = false;
    this.#unknownActive = false;
    this.#unknownActiveInRow = 0;
    this.#stopTimers();
    return due;
  }

  close(): void {
    this.#open = false;
    this.#queued = [];
    this.#stopTimers();
  }

  /** While protected, the model neither answers nor stops for the caller by itself, and answers wait for the end of it. */
  protect(on: boolean): void {
    this.#protected = on;
    if (!on) this.#pump();
  }

  want(wanted: Wanted): void {
    const coveredByAuto = !this.#awaitingAuto;
    const same =
      wanted.kind === 'answer' ? this.#queued.find((queued) => queued.wanted.kind === 'answer') : undefined;
    if (same) same.coveredByAuto &&= coveredByAuto;
    else this.#queued.push({ wanted, coveredByAuto });
    this.#pump();
  }

  speechStarted(): void {
    this.#callerSpeaks = true;
    this.#awaitingAuto = false;
    this.#queued = this.#queued.filter(({ wanted }) => !wanted.lapses || this.#protected);
    this.#watch();
  }

  speechStopped(): void {
    this.#callerSpeaks = false;
    const undisturbed = this.#active !== undefined && !this.#active.cancelled;
    if (this.#protected) this.#pump();
    else if (!this.#respondsToSpeech) this.want(anAnswer);
    else if (undisturbed) this.#pump();
    else {
      this.#awaitingAuto = true;
      this.#turnNumber += 1;
      this.#watch();
    }
  }

  /** Returns whether the response may be heard: false when it was cancelled before it started. */
  started(responseId: string, requestId: string | undefined): boolean {
    const previous = this.#active;
    if (previous?.responseId === responseId) return !previous.cancelled;
    const requested = this.#claim(requestId);
    const unwanted = requested !== undefined && (requested.cancelled || this.#callerHasFloor());
    this.#active = {
      responseId,
      wanted: requested?.wanted ?? anAnswer,
      auto: requested === undefined,
      cancelled: unwanted,
      stalled: false,
      progressed: false,
      lastProgressAt: this.#clock.now(),
    };
    this.#unknownActive = false;
    this.#unknownActiveInRow = 0;
    if (requested) this.#requested = undefined;
    else {
      // The model's own answer covers what lay before it; a request of ours covers only what it was made for.
      this.#awaitingAuto = false;
      this.#queued = this.#queued.filter((queued) => queued.wanted.kind === 'say' || !queued.coveredByAuto);
    }
    this.#watch();
    // The session itself applies a cancel that was asked for before the response had an id.
    if (unwanted && !requested.cancelled) this.#port.cancel(responseId);
    if (previous) this.#abandon(previous);
    return !unwanted;
  }

  /** Something of the active response arrived. */
  progress(): void {
    if (!this.#active) return;
    this.#active.lastProgressAt = this.#clock.now();
    this.#active.progressed = true;
  }

  done(done: ResponseDone): void {
    const active = this.#active;
    const requested = this.#requested;
    const { responseId, status } = done;
    if (active && (responseId === active.responseId || (responseId === undefined && !requested))) {
      this.#active = undefined;
      // A model that names no requests ended one of ours that we took for its own.
      if (requested?.cancelled && !this.#namesRequests) this.#requested = undefined;
      this.#ended(active, done);
      return;
    }
    // A response can end, mostly fail, without ever having been announced.
    const late = responseId !== undefined && this.#abandoned.has(responseId);
    const unannounced = responseId === undefined || (status === 'failed' && !active && !late);
    if (!unannounced || (!requested && !this.#awaitingAuto)) return;
    this.#requested = undefined;
    if (!requested) this.#awaitingAuto = false;
    const wanted = requested?.wanted ?? anAnswer;
    this.#watch();
    if (status === 'failed' && !this.#callerHasFloor() && !requested?.cancelled)
      this.#retry(done.error, wanted);
    else this.#pump();
  }

  /** `activeResponse`: the model says that another response is active. */
  refused(error: PatchcordError, activeResponse: boolean): void {
    const requested = this.#requested;
    if (!requested) return;
    this.#requested = undefined;
    const unknown = activeResponse && !this.#active;
    if (unknown) this.#unknownActiveInRow += 1;
    if (activeResponse && this.#unknownActiveInRow <= maxUnknownActive) {
      if (!requested.cancelled) this.#putBack(requested.wanted);
      // Its end sends what waits; the deadline is for a response that we never heard of.
      this.#unknownActive = unknown;
      this.#watch();
      return;
    }
    this.#watch();
    if (requested.cancelled) this.#pump();
    else this.#retry(error, requested.wanted);
  }

  /**
   * The agent has to stop. Returns what the session must cancel: a response by id, the one asked for and not yet
   * started, or nothing. `modelCancels`: the model does it by itself.
   */
  interrupted(modelCancels: boolean): string | 'requested' | undefined {
    this.#queued = this.#queued.filter(({ wanted }) => wanted.kind === 'say');
    const active = this.#active;
    const requested = this.#requested;
    let cancel: string | undefined;
    if (active && !active.cancelled) {
      active.cancelled = true;
      if (!modelCancels) cancel = active.responseId;
    }
    // What has not started when the caller speaks is not cancelled by the model.
    if (requested && !requested.cancelled) {
      requested.cancelled = true;
      if (cancel !== undefined) this.#port.cancel(cancel);
      cancel = 'requested';
    }
    this.#watch();
    return cancel;
  }

  #callerHasFloor(): boolean {
    return this.#callerSpeaks && !this.#protected;
  }

  /** The request that a response which starts belongs to, if it is ours. */
  #claim(requestId: string | undefined): Requested | undefined {
    const requested = this.#requested;
    if (requestId !== undefined) {
      this.#namesRequests = true;
      return requestId === requested?.request.requestId ? requested : undefined;
    }
    return this.#namesRequests || this.#awaitingAuto ? undefined : requested;
  }

  #ended(active: Active, done: ResponseDone): void {
    const { status } = done;
    if (status === 'completed') this.#failuresInRow = 0;
    // Cut short by nobody here and without a word: the turn it was for has no answer yet.
    const vanished = status === 'cancelled' && active.auto && !active.cancelled && !active.progressed;
    if (vanished && !this.#callerSpeaks && !this.#protected) {
      this.#awaitingAuto = true;
      this.#turnNumber += 1;
    }
    this.#watch();
    if (this.#callerHasFloor()) this.#pump();
    else if (active.stalled) this.#retry(stalled(), active.wanted);
    else if (status === 'failed' && !active.cancelled) this.#retry(done.error, active.wanted);
    else this.#pump();
  }

  /** Index of what may be sent next; an answer waits for the end of a protected opening. */
  #nextIndex(): number {
    return this.#queued.findIndex(({ wanted }) => !this.#protected || wanted.kind === 'say');
  }

  #pump(): void {
    if (!this.#open || this.#active || this.#requested || this.#unknownActive || this.#retryTimer) return;
    if ((this.#callerSpeaks || this.#awaitingAuto) && !this.#protected) return;
    const index = this.#nextIndex();
    const [queued] = index < 0 ? [] : this.#queued.splice(index, 1);
    if (!queued) {
      this.#port.idle();
      return;
    }
    const { wanted } = queued;
    this.#requestNumber += 1;
    const request: ResponseRequest = {
      requestId: `r${this.#requestNumber}`,
      ...(wanted.instructions === undefined ? {} : { instructions: wanted.instructions }),
      ...(wanted.tools === undefined ? {} : { tools: wanted.tools }),
    };
    this.#requested = { request, wanted, cancelled: false };
    this.#watch();
    this.#port.send(request);
  }

  /** One deadline at a time: that of the state it is in. Begins anew when that state is a new one. */
  #watch(): void {
    const active = this.#active;
    if (active?.cancelled)
      this.#arm(`cancelled ${active.responseId}`, cancelDeadlineMs, () => this.#forgetActive());
    else if (active) this.#arm(`active ${active.responseId}`, this.#stallMs, () => this.#checkProgress());
    else if (this.#requested) {
      const { requestId } = this.#requested.request;
      this.#arm(`requested ${requestId}`, startDeadlineMs, () => this.#startMissing());
    } else if (this.#awaitingAuto)
      this.#arm(`auto ${this.#turnNumber}`, autoDeadlineMs, () => this.#autoMissing());
    else if (this.#unknownActive) this.#arm('unknown', unknownActiveMs, () => this.#unknownOver());
    else this.#disarm();
  }

  #startMissing(): void {
    const requested = this.#requested;
    this.#requested = undefined;
    this.#watch();
    const error = new PatchcordError(
      'PATCHCORD_MODEL_TIMEOUT',
      'The model did not start a response it was asked for.',
    );
    this.#retry(error, requested && !requested.cancelled ? requested.wanted : undefined);
  }

  #autoMissing(): void {
    this.#awaitingAuto = false;
    this.#watch();
    this.want(anAnswer);
  }

  #unknownOver(): void {
    this.#unknownActive = false;
    this.#watch();
    this.#pump();
  }

  #checkProgress(): void {
    const active = this.#active;
    if (!active) return;
    const leftMs = this.#stallMs - (this.#clock.now() - active.lastProgressAt);
    if (leftMs > 0) {
      this.#arm(`active ${active.responseId}`, leftMs, () => this.#checkProgress());
      return;
    }
    active.stalled = !active.progressed;
    // Of one that is asked for again, its end tells.
    if (!active.stalled) this.#port.failed(stalled(), false);
    active.cancelled = true;
    this.#watch();
    this.#port.cancel(active.responseId);
  }

  #forgetActive(): void {
    const active = this.#active;
    if (!active) return;
    this.#active = undefined;
    this.#abandon(active);
    this.#ended(active, { responseId: active.responseId, status: 'cancelled' });
  }

  #abandon(active: Active): void {
    this.#abandoned.add(active.responseId);
    if (this.#abandoned.size > maxAbandoned) {
      const [oldest] = this.#abandoned;
      if (oldest !== undefined) this.#abandoned.delete(oldest);
    }
    this.#port.abandoned(active.responseId);
  }

  #retry(error: PatchcordError | undefined, wanted: Wanted | undefined): void {
    this.#failuresInRow += 1;
    const fatal = this.#failuresInRow >= maxFailuresInRow;
    this.#port.failed(error ?? new PatchcordError('PATCHCORD_RESPONSE_FAILED'), fatal);
    if (fatal || !this.#open) return;
    if (wanted) this.#putBack(wanted);
    this.#retryTimer?.cancel();
    this.#retryTimer = this.#clock.setTimeout(
      () => {
        this.#retryTimer = undefined;
        this.#pump();
      },
      retryAfterFailureMs * 2 ** (this.#failuresInRow - 1),
    );
  }

  /** To the head of the queue, unless it lapsed or is there. */
  #putBack(wanted: Wanted): void {
    if (wanted.lapses && this.#callerHasFloor()) return;
    if (wanted.kind === 'answer' && this.#queued.some((queued) => queued.wanted.kind === 'answer')) return;
    this.#queued.unshift({ wanted, coveredByAuto: true });
  }

  #arm(of: string, delayMs: number, callback: () => void): void {
    if (this.#deadline?.of === of) return;
    this.#disarm();
    const timer = this.#clock.setTimeout(() => {
      this.#deadline = undefined;
      callback();
    }, delayMs);
    this.#deadline = { of, timer };
  }

  #disarm(): void {
    this.#deadline?.timer.cancel();
    this.#deadline = undefined;
  }

  #stopTimers(): void {
    this.#disarm();
    this.#retryTimer?.cancel();
    this.#retryTimer = undefined;
  }
}

function stalled(): PatchcordError {
  return new PatchcordError('PATCHCORD_MODEL_TIMEOUT', 'A response of the model did not end.');
}
