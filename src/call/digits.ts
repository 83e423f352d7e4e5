import type { Clock, Timeout } from '../base/clock.ts';

export interface DigitsOptions {
  readonly clock: Clock;
  /** Pause after which the digits pressed so far are taken together. */
  readonly interDigitMs: number;
  readonly collected: (digits: string) => void;
  /** False: nobody takes digits for now, and they are kept until `resume`. Unless given, always true. */
  readonly taken?: () => boolean;
}

const maxDigits = 32;
/** Digits kept while nobody takes them; more are dropped. */
const maxKept = 64;

/** Keys pressed one after the other become one message. `#` ends it at once and is no part of it; alone it is a key. */
export class Digits {
  readonly #clock: Clock;
  readonly #interDigitMs: number;
  readonly #collected: (digits: string) => void;
  readonly #taken: () => boolean;
  /** Messages that nobody has taken yet. */
  #kept: string[] = [];
  #digits = '';
  #timer: Timeout | undefined;

  constructor(options: DigitsOptions) {
    this.#clock = options.clock;
    this.#interDigitMs = options.interDigitMs;
    this.#collected = options.collected;
    this.#taken = options.taken ?? (() => true);
  }

  press(digit: string): void {
    const ends = digit === '#';
    if (!ends || this.#digits === '') this.#digits += digit;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (ends || this.#digits.length >= maxDigits || this.#interDigitMs <= 0) {
      this.#flush();
      return;
    }
    this.#timer = this.#clock.setTimeout(() => this.#flush(), this.#interDigitMs);
  }

  /** Digits are taken again: those that were kept go first, each message as it was pressed. */
  resume(): void {
    const kept = this.#kept;
    this.#kept = [];
    for (const digits of kept) this.#give(digits);
  }

  /** All that was pressed is forgotten. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#digits = '';
    this.#kept = [];
  }

  #flush(): void {
    this.#timer = undefined;
    const digits = this.#digits;
    this.#digits = '';
    if (digits) this.#give(digits);
  }

  #give(digits: string): void {
    if (this.#taken()) this.#collected(digits);
    else if (this.#kept.join('').length + digits.length <= maxKept) this.#kept.push(digits);
  }
}
