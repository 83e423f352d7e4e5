import type { Clock, Timeout } from '../../base/clock.ts';

/** Waits between the tries of something. Owns a timer for each. */
export class Pauses {
  readonly #clock: Clock;
  readonly #waiting = new Map<Timeout, () => void>();
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Settles after that long, or when nobody may wait any more. */
  pass(ms: number): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#clock.setTimeout(() => {
      this.#waiting.delete(timer);
      resolve();
    }, ms);
    this.#waiting.set(timer, resolve);
    return promise;
  }

  close(): void {
    this.#isClosed = true;
    for (const [timer, resolve] of this.#waiting) {
      timer.cancel();
      resolve();
    }
    this.#waiting.clear();
  }
}
