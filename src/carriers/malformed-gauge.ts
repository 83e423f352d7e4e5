import type { Clock } from '../base/clock.ts';

export interface MalformedLimits {
  /** Malformed frames that are passed over within `malformedWindowMs`. */
  readonly malformedFrames: number;
  readonly malformedWindowMs: number;
}

/** One bad frame must not cost a call, but in numbers it is no carrier that speaks. */
export class MalformedGauge {
  readonly #clock: Clock;
  readonly #limits: MalformedLimits;
  #frames = 0;
  #since = 0;

  constructor(clock: Clock, limits: MalformedLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Counts one; false: it was one too many. */
  passesOver(): boolean {
    const now = this.#clock.now();
    if (this.#frames === 0 || now - this.#since > this.#limits.malformedWindowMs) {
      this.#frames = 0;
      this.#since = now;
    }
    this.#frames += 1;
    return this.#frames <= this.#limits.malformedFrames;
  }
}
