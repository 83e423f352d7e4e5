import type { Clock, Timeout } from '../base/clock.ts';

export interface HeardWaitOptions {
  readonly clock: Clock;
  /** All was heard and, where the carrier says so, acknowledged. */
  confirmed(): boolean;
  /** Audio that the caller has not heard yet, wherever it is. */
  pendingMs(): number;
}

/** How long after its reckoned end the carrier's word that all was played is waited for. */
export const confirmBoundMs = 2000;

/** Somebody who waits until all was heard: he is called once, at the latest when the carrier's word is long overdue. */
export class HeardWait {
  readonly #options: HeardWaitOptions;
  #waiting: { readonly callback: () => void; timer: Timeout | undefined } | undefined;

  constructor(options: HeardWaitOptions) {
    this.#options = options;
  }

  /** In the place of whoever waited before. */
  begin(callback: () => void): void {
    this.forget();
    this.#waiting = { callback, timer: undefined };
    if (this.#options.confirmed()) this.#release();
    else this.#bound();
  }

  /** Something was heard or acknowledged: all of it perhaps. */
  check(): void {
    if (this.#waiting && this.#options.confirmed()) this.#release();
  }

  /** Nothing is left to be heard. Called later than this turn of the event loop, which may have more to tell first. */
  cut(): void {
    if (!this.#waiting) return;
    this.#waiting.timer?.cancel();
    this.#waiting.timer = this.#options.clock.setTimeout(() => this.#release(), 0);
  }

  forget(): void {
    this.#waiting?.timer?.cancel();
    this.#waiting = undefined;
  }

  /** What came meanwhile, and what the carrier does not take yet, is waited for as well. */
  #bound(): void {
    if (!this.#waiting) return;
    const { clock } = this.#options;
    this.#waiting.timer = clock.setTimeout(() => {
      if (this.#options.pendingMs() > 0) this.#bound();
      else this.#release();
    }, this.#options.pendingMs() + confirmBoundMs);
  }

  #release(): void {
    const callback = this.#waiting?.callback;
    this.forget();
    callback?.();
  }
}
