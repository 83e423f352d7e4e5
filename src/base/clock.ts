/** A pending timeout; `cancel` is safe to call twice and after it fired. */
export interface Timeout {
  cancel(): void;
}

/** Time as a parameter: the only source of "now" and of timers, so that tests run in virtual time. */
export interface Clock {
  /** Monotonic milliseconds with a fraction; only differences mean anything. */
  now(): number;
  /** Wall-clock milliseconds since the epoch, for records and logs. */
  epochMs(): number;
  setTimeout(callback: () => void, delayMs: number): Timeout;
}

export class SystemClock implements Clock {
  now(): number {
    return performance.now();
  }

  epochMs(): number {
    return Date.now();
  }

  setTimeout(callback: () => void, delayMs: number): Timeout {
    return new SystemTimeout(setTimeout(callback, delayMs));
  }
}

class SystemTimeout implements Timeout {
  readonly #handle: NodeJS.Timeout;

  constructor(handle: NodeJS.Timeout) {
    this.#handle = handle;
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }
}
