import type { Clock } from '../base/clock.ts';

export interface FloodLimits {
  /** More messages or bytes than these within `floodWindowMs` are a flood. */
  readonly floodMessages: number;
  readonly floodBytes: number;
  readonly floodWindowMs: number;
}

/** Tells a peer that sends faster than anything real from one that catches up after a stall. */
export class FloodGauge {
  readonly #clock: Clock;
  readonly #limits: FloodLimits;
  #messages = 0;
  #bytes = 0;
  #since: number;

  constructor(clock: Clock, limits: FloodLimits) {
    this.#clock = clock;
    this.#limits = limits;
    this.#since = clock.now();
  }

  /** True: with these it is a flood. Reads the clock only when a whole window's worth has come in. */
  floods(messages: number, bytes: number): boolean {
    this.#messages += messages;
    this.#bytes += bytes;
    if (this.#messages < this.#limits.floodMessages && this.#bytes < this.#limits.floodBytes) return false;
    const now = this.#clock.now();
    const tooSoon = now - this.#since < this.#limits.floodWindowMs;
    this.#messages = 0;
    this.#bytes = 0;
    this.#since = now;
    return tooSoon;
  }

  /** A message that was counted is not to count. */
  forgive(bytes: number): void {
    this.#messages = Math.max(0, this.#messages - 1);
    this.#bytes = Math.max(0, this.#bytes - bytes);
  }
}
