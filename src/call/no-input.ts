import type { Clock, Timeout } from '../base/clock.ts';

export type NoInputStep = 'reprompt' | 'warn' | 'end';

export interface NoInputOptions {
  readonly clock: Clock;
  /** Silence before each step, milliseconds; 0 turns the ladder off. */
  readonly afterMs: number;
  readonly step: (step: NoInputStep) => void;
}

const ladder: readonly NoInputStep[] = ['reprompt', 'warn', 'end'];

/** What happens when the caller says nothing: ask again, warn, end. Silence counts from when the agent was heard to its end. */
export class NoInput {
  readonly #clock: Clock;
  readonly #afterMs: number;
  readonly #step: (step: NoInputStep) => void;
  #next = 0;
  #timer: Timeout | undefined;

  constructor(options: NoInputOptions) {
    this.#clock = options.clock;
    this.#afterMs = options.afterMs;
    this.#step = options.step;
  }

  /** Nobody speaks from now on. */
  silence(): void {
    if (this.#afterMs <= 0 || this.#timer) return;
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = undefined;
      const step = ladder[Math.min(this.#next, ladder.length - 1)];
      this.#next += 1;
      if (step) this.#step(step);
    }, this.#afterMs);
  }

  /** Somebody speaks or will. */
  pause(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** The caller is there: the ladder starts over. */
  callerActed(): void {
    this.pause();
    this.#next = 0;
  }
}
