import type { Clock } from '../base/clock.ts';
import { PatchcordError } from '../base/errors.ts';
import { Recent } from '../base/recent.ts';
import { Deadline } from './deadline.ts';
import type { FloorView } from './floor.ts';
import type { ResponseDone, ResponseRequest } from './model-session.ts';
import { Patience } from './patience.ts';
import type { Active, Requested, ResponsesOptions, ResponsesPort } from './response-state.ts';
import { Retries } from './retries.ts';
import { anAnswer, type Wanted, WantedQueue } from './wanted.ts';

/** After the caller's turn the model must start by itself within this; then it is asked. */
const autoDeadlineMs = 5000;
/** A cancelled response must be confirmed within this, and one cancelled before its start must start. */
const cancelDeadlineMs = 3000;
/** How long the end of a response that we never heard of is waited for. */
const unknownActiveMs = 3000;
/** Given-up responses of which a late end is still recognised. */
const maxAbandoned = 16;

/**
 * The one owner of responses: at most one is active, and a request for another waits until it is done, cancelled
 * and confirmed, or timed out.
 */
export class Responses {
  readonly #clock: Clock;
  readonly #port: ResponsesPort;
  readonly #floor: FloorView;
  readonly #respondsToSpeech: boolean;
  readonly #timeoutMs: number;
  readonly #queue: WantedQueue;
  readonly #deadline: Deadline;
  readonly #patience: Patience;
  readonly #retries: Retries;
  #open = false;
  #active: Active | undefined;
  #requested: Requested | undefined;
  #awaitingAuto = false;
  #turnNumber = 0;
  /** The model says that a response is active which is not known here. */
  #unknownActive = false;
  /** The model has named one of our requests before: a response without a name is not ours. */
  #namesRequests = false;
  /** The last answer was empty, and asked for again. */
  #wasEmpty = false;
  #requestNumber = 0;
  readonly #abandoned = new Recent<true>(maxAbandoned);

  constructor(options: ResponsesOptions) {
    this.#clock = options.clock;
    this.#port = options.port;
    this.#floor = options.floor;
    this.#queue = new WantedQueue(options.floor);
    this.#respondsToSpeech = options.respondsToSpeech;
    this.#timeoutMs = options.timeoutMs;
    this.#deadline = new Deadline(options.clock);
    this.#patience = new Patience({
      clock: options.clock,
      timeoutMs: options.timeoutMs,
      over: (error, again) => this.#nothingHeard(error, again),
    });
    this.#retries = new Retries(options.clock);
  }

  get activeId(): string | undefined {
    return this.#active?.responseId;
  }

  /** The session takes requests. */
  get isOpen(): boolean {
    return this.#open;
  }

  /** Something is active, asked for, due, or waits for nothing but its moment. */
  get busy(): boolean {
    return (
      this.#active !== undefined ||
      this.#requested !== undefined ||
      this.#awaitingAuto ||
      this.#unknownActive ||
      this.#retries.waiting ||
      this.#queue.waits
    );
  }

  /** From now on it does. */
  open(): void {
    this.#open = true;
    this.#pump();
  }

  /**
   * The session is gone and with it all that was in flight. What had not been heard of is wanted again. Returns what
   * is due besides: the rest of an answer, or one to the turn that the caller is in.
   */
  lost(): 'answer' | 'turn' | undefined {
    const active = this.#active;
    const requested = this.#requested;
    const due = this.#floor.callerHasIt
      ? 'turn'
      : this.#awaitingAuto || (active?.delivered && !active.cancelled)
        ? 'answer'
        : undefined;
    this.#open = false;
    if (active && !active.cancelled && !active.delivered) this.#queue.putBack(active.wanted);
    if (requested && !requested.cancelled) this.#queue.putBack(requested.wanted);
    this.#active = undefined;
    this.#requested = undefined;
    this.#awaitingAuto = false;
    this.#unknownActive = false;
    this.#stopTimers();
    return due;
  }

  /** The session is new and hears the end of a turn that began before it: the model answers that, or is asked. */
  awaitTurn(): void {
    this.#awaitAuto();
    this.#watch();
  }

  close(): void {
    this.#open = false;
    this.#active = undefined;
    this.#requested = undefined;
    this.#awaitingAuto = false;
    this.#unknownActive = false;
    this.#queue.clear();
    this.#stopTimers();
  }

  /** The protected opening is over. `spoke`: the caller did meanwhile, and waits for an answer from now on. */
  openingOver(spoke: boolean): void {
    if (!spoke) {
      this.#pump();
      return;
    }
    this.#patience.stop();
    this.want(anAnswer);
  }

  /** The caller speaks on and on: he is not answered, but what has to be said no longer waits for him. */
  floorLifted(): void {
    this.#pump();
  }

  want(wanted: Wanted): void {
    this.#queue.add(wanted, !this.#awaitingAuto);
    this.#pump();
  }

  speechStarted(): void {
    this.#awaitingAuto = false;
    this.#queue.callerStarted();
    this.#watch();
  }

  speechStopped(): void {
    const undisturbed = this.#active !== undefined && !this.#active.cancelled;
    if (this.#floor.isProtected) this.#pump();
    else if (!this.#respondsToSpeech) this.want(anAnswer);
    else if (undisturbed) this.#pump();
    else this.awaitTurn();
  }

  /** Returns whether the response may be heard: false when it was cancelled before it started. */
  started(responseId: string, requestId: string | undefined): boolean {
    const previous = this.#active;
    if (previous?.responseId === responseId) return !previous.cancelled;
    const requested = this.#claim(requestId);
    const unwanted = requested !== undefined && (requested.cancelled || this.#floor.callerHasIt);
    this.#active = {
      responseId,
      wanted: requested?.wanted ?? anAnswer,
      auto: requested === undefined,
      cancelled: unwanted,
      delivered: false,
      lastProgressAt: this.#clock.now(),
    };
    this.#unknownActive = false;
    if (requested) this.#requested = undefined;
    else {
      // The model's own answer covers what lay before it; a request of ours covers only what it was made for.
      this.#awaitingAuto = false;
      this.#queue.dropCovered();
    }
    this.#watch();
    // The session itself applies a cancel that was asked for before the response had an id.
    if (unwanted && !requested.cancelled) {
      this.#sayLater(requested.wanted);
      this.#port.cancel(responseId);
    }
    if (previous) this.#abandon(previous);
    return !unwanted;
  }

  /** Something of a response arrived, which counts while it is the active one; `delivered`: audio or the call of a tool, not words alone. */
  progress(responseId: string, delivered: boolean): void {
    const active = this.#active;
    if (active?.responseId !== responseId) return;
    active.lastProgressAt = this.#clock.now();
    if (!delivered || active.delivered) return;
    active.delivered = true;
    this.#retries.delivered();
    this.#patience.heard();
    this.#wasEmpty = false;
    this.#watch();
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
    if (status === 'failed' && !this.#floor.callerHasIt && !requested?.cancelled)
      this.#retry(done.error, wanted);
    else this.#pump();
  }

  /** `activeResponse`: the model says that another response is active. */
  refused(error: PatchcordError, activeResponse: boolean): void {
    const requested = this.#requested;
    if (!requested) return;
    this.#requested = undefined;
    if (activeResponse) {
      if (!requested.cancelled) this.#queue.putBack(requested.wanted);
      // Its end sends what waits; the deadline is for a response that we never heard of.
      this.#unknownActive = this.#active === undefined;
      this.#watch();
      return;
    }
    if (requested.cancelled) this.#pump();
    else this.#retry(error, requested.wanted);
  }

  /**
   * The agent has to stop. Returns what the session must cancel: a response by id, the one asked for and not yet
   * started, or nothing. `modelCancels`: the model does it by itself.
   */
  interrupted(modelCancels: boolean): string | 'requested' | undefined {
    this.#queue.dropAnswers();
    const active = this.#active;
    const requested = this.#requested;
    let cancel: string | undefined;
    if (active && !active.cancelled) {
      active.cancelled = true;
      if (!active.delivered) this.#sayLater(active.wanted);
      if (!modelCancels) cancel = active.responseId;
    }
    // What has not started when the caller speaks is not cancelled by the model.
    if (requested && !requested.cancelled) {
      requested.cancelled = true;
      this.#sayLater(requested.wanted);
      if (cancel !== undefined) this.#port.cancel(cancel);
      cancel = 'requested';
    }
    this.#watch();
    return cancel;
  }

  /** Nothing of it was heard, and it has to be said whatever else is. */
  #sayLater(wanted: Wanted): void {
    if (wanted.kind === 'say' && !wanted.lapses) this.#queue.putBack(wanted);
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
    const { delivered, cancelled, wanted } = active;
    // Cut short by nobody here and without a word: the turn it was for has no answer yet.
    const vanished = status === 'cancelled' && active.auto && !cancelled && !delivered;
    if (vanished && !this.#floor.callerSpeaks && !this.#floor.isProtected) this.#awaitAuto();
    const failed = status === 'failed' && !cancelled;
    const empty = (status === 'completed' || status === 'incomplete') && !cancelled && !delivered;
    if (delivered) this.#retries.ended(failed);
    if (this.#floor.callerHasIt) this.#pump();
    else if (failed) this.#retry(done.error, wanted);
    else if (empty && !this.#wasEmpty) {
      this.#wasEmpty = true;
      this.#retry(
        new PatchcordError('PATCHCORD_RESPONSE_FAILED', 'The model answered with nothing.'),
        wanted,
      );
    } else {
      // A model that has nothing to say twice means it.
      this.#wasEmpty = false;
      this.#pump();
    }
  }

  #awaitAuto(): void {
    this.#awaitingAuto = true;
    this.#turnNumber += 1;
  }

  /** The caller waits for something to hear. */
  #owed(): boolean {
    if (!this.#open || this.#floor.callerHasIt) return false;
    const active = this.#active;
    if (active && !active.cancelled) return !active.delivered;
    if (this.#awaitingAuto || (this.#requested && !this.#requested.cancelled)) return true;
    return this.#floor.callerSpeaks ? this.#queue.mayTake(this.#awaitingAuto) : this.#queue.waits;
  }

  #pump(): void {
    if (this.#open && !this.#active && !this.#requested && !this.#unknownActive && !this.#retries.waiting) {
      const wanted = this.#queue.take(this.#awaitingAuto);
      if (wanted) this.#ask(wanted);
      else if ((!this.#floor.callerSpeaks && !this.#awaitingAuto) || this.#floor.isProtected)
        this.#port.idle();
    }
    this.#watch();
  }

  #ask(wanted: Wanted): void {
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

  /** One deadline for the state it is in, and one for the caller's patience; each begins anew with what it waits for. */
  #watch(): void {
    const active = this.#active;
    const requested = this.#requested;
    const deadline = this.#deadline;
    if (active?.cancelled)
      deadline.arm(`cancelled ${active.responseId}`, cancelDeadlineMs, () => this.#forgetActive());
    else if (active)
      deadline.arm(`active ${active.responseId}`, this.#timeoutMs, () => this.#checkProgress());
    else if (requested?.cancelled)
      deadline.arm(`cancelled ${requested.request.requestId}`, cancelDeadlineMs, () => this.#startMissing());
    else if (requested) deadline.disarm();
    else if (this.#awaitingAuto)
      deadline.arm(`auto ${this.#turnNumber}`, Math.min(autoDeadlineMs, this.#timeoutMs / 2), () =>
        this.#autoMissing(),
      );
    else if (this.#unknownActive) deadline.arm('unknown', unknownActiveMs, () => this.#unknownOver());
    else deadline.disarm();
    this.#patience.owed(this.#owed());
  }

  #nothingHeard(error: PatchcordError, again: boolean): void {
    if (again) this.#port.failed(error, true);
    else this.#port.silent(error);
    this.#watch();
  }

  /** What was cancelled before its start never started. */
  #startMissing(): void {
    this.#requested = undefined;
    this.#pump();
  }

  #autoMissing(): void {
    this.#awaitingAuto = false;
    this.want(anAnswer);
  }

  #unknownOver(): void {
    this.#unknownActive = false;
    this.#pump();
  }

  #checkProgress(): void {
    const active = this.#active;
    if (!active) return;
    const leftMs = this.#timeoutMs - (this.#clock.now() - active.lastProgressAt);
    if (leftMs > 0) {
      this.#deadline.arm(`active ${active.responseId}`, leftMs, () => this.#checkProgress());
      return;
    }
    // One that gave nothing yet is watched with the caller's patience.
    if (!active.delivered) return;
    active.cancelled = true;
    this.#port.failed(
      new PatchcordError('PATCHCORD_MODEL_TIMEOUT', 'A response of the model did not end.'),
      false,
    );
    this.#port.cancel(active.responseId);
    this.#watch();
  }

  #forgetActive(): void {
    const active = this.#active;
    if (!active) return;
    this.#active = undefined;
    this.#abandon(active);
    this.#ended(active, { responseId: active.responseId, status: 'cancelled' });
  }

  #abandon(active: Active): void {
    this.#abandoned.set(active.responseId, true);
    this.#port.abandoned(active.responseId);
  }

  #retry(error: PatchcordError | undefined, wanted: Wanted): void {
    const fatal = this.#retries.failed();
    this.#port.failed(error ?? new PatchcordError('PATCHCORD_RESPONSE_FAILED'), fatal);
    if (!fatal && this.#open) {
      this.#queue.putBack(wanted);
      this.#retries.later(() => this.#pump());
    }
    this.#watch();
  }

  #stopTimers(): void {
    this.#deadline.disarm();
    this.#patience.stop();
    this.#retries.stop();
  }
}
