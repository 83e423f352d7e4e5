import type { Clock, Timeout } from '../base/clock.ts';

/** One timer for the state that something is in; it begins anew when that state is a new one. */
export class Deadline {
  readonly #clock: Clock;
  #armed: { readonly of: string; readonly timer: Timeout } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Does nothing while the same state is being waited for. */
  arm(of: string, delayMs: number, callback: () => void): void {
    if (this.#armed?.of === of) return;
    this.disarm();
    const timer = this.#clock.setTimeout(() => {
      this.#armed = undefined;
      callback();
    }, delayMs);
    this.#armed = { of, timer };
  }

  disarm(): void {
    this.#armed?.timer.cancel();
    this.#armed = undefined;
  }
}
