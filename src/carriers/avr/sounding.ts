import type { Clock } from '../../base/clock.ts';

/** Quiet for this long: nothing more is on its way. */
const quietMs = 200;

/** Until when the agent sounds, by the send clock: AVR itself does not tell. */
export class Sounding {
  readonly #clock: Clock;
  #until = 0;
  #waiting = new Set<(heard: boolean) => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  sent(ms: number): void {
    this.#until = Math.max(this.#until, this.#clock.now()) + ms;
  }

  /** What was sent is not heard any more: the caller interrupted it, or the call is over. */
  cut(): void {
    this.#until = this.#clock.now();
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const settle of waiting) settle(false);
  }

  /** Settles when all was heard (true), or at the first cut or the signal's abort (false). */
  async heard(signal: AbortSignal): Promise<boolean> {
    let goesOn = true;
    while (goesOn && !signal.aborted) {
      const leftMs = this.#until + quietMs - this.#clock.now();
      if (leftMs <= 0) return true;
      goesOn = await this.#wait(leftMs, signal);
    }
    return false;
  }

  #wait(ms: number, signal: AbortSignal): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const abort = (): void => resolve(false);
    const timer = this.#clock.setTimeout(() => resolve(true), ms);
    this.#waiting.add(resolve);
    signal.addEventListener('abort', abort, { once: true });
    return promise.finally(() => {
      timer.cancel();
      this.#waiting.delete(resolve);
      signal.removeEventListener('abort', abort);
    });
  }
}
