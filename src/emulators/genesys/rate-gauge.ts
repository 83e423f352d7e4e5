/** So many at once, and so many per second after that. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** Says which message is one too many. Times are the clock's milliseconds. */
export class RateGauge {
  readonly #rate: Rate;
  #left: number;
  #atMs: number | undefined;

  constructor(rate: Rate) {
    this.#rate = rate;
    this.#left = rate.burst;
  }

  /** Counts one; false when the limit is passed. */
  take(nowMs: number): boolean {
    const { perSecond, burst } = this.#rate;
    const passedMs = nowMs - (this.#atMs ?? nowMs);
    this.#atMs = nowMs;
    this.#left = Math.min(burst, this.#left + (passedMs * perSecond) / 1000);
    if (this.#left < 1 - 1e-9) return false;
    this.#left -= 1;
    return true;
  }
}
