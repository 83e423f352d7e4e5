import type { Clock, Timeout } from '../../base/clock.ts';

/** Where Genesys does not say how long to wait: after the first, second and third complaint. */
const delaysMs = [3_000, 9_000, 27_000] as const;
/** No longer than this is waited, whatever Genesys says: a caller sits in silence meanwhile. */
const longestMs = 120_000;
/** Complaints are forgotten after this long without one. */
const forgottenAfterMs = 300_000;
/** Frames that were on their way when the first complaint was written are complained about too, for at most this long. */
const longestRoundTripMs = 1_000;

export interface BackoffEvents {
  /** Send nothing but what has to be sent. */
  began(): void;
  ended(): void;
}

/** What to do when Genesys says that it is sent too much (error 429). */
export class Backoff {
  readonly #clock: Clock;
  readonly #events: BackoffEvents;
  #complaints = 0;
  #lastAt = Number.NEGATIVE_INFINITY;
  #beganAt = 0;
  #until = 0;
  #timer: Timeout | undefined;

  constructor(clock: Clock, events: BackoffEvents) {
    this.#clock = clock;
    this.#events = events;
  }

  get isActive(): boolean {
    return this.#timer !== undefined;
  }

  /** False: it was one too many, and the session has to end. */
  complained(retryAfterMs: number | undefined, roundTripMs: number): boolean {
    const now = this.#clock.now();
    const sameCause = this.isActive && now - this.#beganAt < Math.min(roundTripMs, longestRoundTripMs);
    if (now - this.#lastAt > forgottenAfterMs) this.#complaints = 0;
    this.#lastAt = now;
    if (!sameCause) this.#complaints += 1;
    const delayMs = delaysMs[this.#complaints - 1];
    if (delayMs === undefined) return false;
    const wasActive = this.isActive;
    if (!sameCause) this.#beganAt = now;
    this.#until = Math.max(this.#until, now + Math.min(retryAfterMs ?? delayMs, longestMs));
    this.#timer?.cancel();
    this.#wait(now);
    if (!wasActive) this.#events.began();
    return true;
  }

  /** Node's timers may be early by a part of a millisecond, which Genesys would count as audio too soon. */
  #wait(now: number): void {
    this.#timer = this.#clock.setTimeout(() => {
      const firedAt = this.#clock.now();
      if (firedAt < this.#until) {
        this.#wait(firedAt);
        return;
      }
      this.#timer = undefined;
      this.#events.ended();
    }, this.#until - now);
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
