import type { Clock, Timeout } from '../base/clock.ts';

export type NoInputStep = 'reprompt' | 'warn' | 'end';

export interface NoInputOptions {
  readonly clock: Clock;
  /** Silence before each step, milliseconds; 0 turns the ladder off. */
  readonly afterMs: number;
  /** The silence in a row that ends the call; the one before it warns, those before that ask again. */
  readonly limit: number;
  readonly step: (step: NoInputStep) => void;
}

/** What happens when the caller says nothing: ask again, warn, end. Silence counts from when the agent was heard to its end. */
export class NoInput {
  readonly #clock: Clock;
  readonly #afterMs: number;
  readonly #limit: number;
  readonly #step: (step: NoInputStep) => void;
  #silences = 0;
  #onHold = false;
  #timer: Timeout | undefined;

  constructor(options: NoInputOptions) {
    this.#clock = options.clock;
    this.#afterMs = options.afterMs;
    this.#limit = options.limit;
    this.#step = options.step;
  }

  /** Nobody speaks from now on. */
  silence(): void {
    if (this.#afterMs <= 0 || this.#onHold || this.#timer) return;
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = undefined;
      this.#silences += 1;
      if (this.#silences >= this.#limit) this.#step('end');
      else this.#step(this.#silences === this.#limit - 1 ? 'warn' : 'reprompt');
    }, this.#afterMs);
  }

  /** Somebody speaks or will. */
  pause(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Nobody expects a caller on hold to say anything; the ladder starts over when he is back. */
  hold(on: boolean): void {
    this.callerActed();
    this.#onHold = on;
  }

  /** The caller is there: the ladder starts over. */
  callerActed(): void {
    this.pause();
    this.#silences = 0;
    this.#onHold = false;
  }
}
