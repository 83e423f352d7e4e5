import type { Clock } from '../../base/clock.ts';

/** A leaky bucket: lets a burst through, then no more than the rate. */
export class RateLimit {
  readonly #clock: Clock;
  readonly #perMs: number;
  readonly #burst: number;
  #level = 0;
  #at: number;

  constructor(clock: Clock, perSecond: number, burst: number) {
    this.#clock = clock;
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
    this.#at = clock.now();
  }

  /** False: taking `amount` now would be over the limit; it is not counted then. */
  take(amount: number): boolean {
    const now = this.#clock.now();
    this.#level = Math.max(0, this.#level - (now - this.#at) * this.#perMs);
    this.#at = now;
    if (this.#level + amount > this.#burst) return false;
    this.#level += amount;
    return true;
  }
}
