import type { Clock, Timeout } from '../base/clock.ts';

export interface DigitsOptions {
  readonly clock: Clock;
  /** Pause after which the digits pressed so far are taken together. */
  readonly interDigitMs: number;
  readonly collected: (digits: string) => void;
}

const maxDigits = 32;

/** Keys pressed one after the other become one message. `#` ends it at once. */
export class Digits {
  readonly #clock: Clock;
  readonly #interDigitMs: number;
  readonly #collected: (digits: string) => void;
  #digits = '';
  #timer: Timeout | undefined;

  constructor(options: DigitsOptions) {
    this.#clock = options.clock;
    this.#interDigitMs = options.interDigitMs;
    this.#collected = options.collected;
  }

  press(digit: string): void {
    this.#digits += digit;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (digit === '#' || this.#digits.length >= maxDigits || this.#interDigitMs <= 0) {
      this.#flush();
      return;
    }
    this.#timer = this.#clock.setTimeout(() => this.#flush(), this.#interDigitMs);
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#digits = '';
  }

  #flush(): void {
    this.#timer = undefined;
    const digits = this.#digits;
    this.#digits = '';
    if (digits) this.#collected(digits);
  }
}
