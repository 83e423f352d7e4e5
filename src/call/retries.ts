import type { Clock, Timeout } from '../base/clock.ts';

const maxFailuresInRow = 3;
const firstPauseMs = 500;

/** Counts answers that failed in a row, and waits before the next is asked for. */
export class Retries {
  readonly #clock: Clock;
  #failuresInRow = 0;
  /** Answers in a row that broke off after the caller had heard their beginning. */
  #brokenOffInRow = 0;
  #timer: Timeout | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get waiting(): boolean {
    return this.#timer !== undefined;
  }

  /** An answer has given something to hear. */
  delivered(): void {
    this.#failuresInRow = 0;
  }

  /** An answer that had given something to hear is over. */
  ended(brokenOff: boolean): void {
    this.#brokenOffInRow = brokenOff ? this.#brokenOffInRow + 1 : 0;
  }

  /** Returns whether it was one too many. */
  failed(): boolean {
    this.#failuresInRow += 1;
    return Math.max(this.#failuresInRow, this.#brokenOffInRow) >= maxFailuresInRow;
  }

  later(again: () => void): void {
    this.stop();
    this.#timer = this.#clock.setTimeout(
      () => {
        this.#timer = undefined;
        again();
      },
      firstPauseMs * 2 ** (this.#failuresInRow - 1),
    );
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
