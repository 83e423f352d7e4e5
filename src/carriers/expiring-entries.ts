import type { Clock, Timeout } from '../base/clock.ts';

interface Entry<T> {
  readonly value: T;
  readonly expiresAt: number;
}

export interface ExpiryLimits {
  /** How long an entry may be taken, milliseconds. */
  readonly lifetimeMs: number;
  /** Entries held at most; a new one pushes out the oldest. */
  readonly capacity: number;
}

/**
 * Values that wait under a key to be taken once, and only for a while. All live equally long, so they expire in the
 * order they came and one timer serves them all.
 */
export class ExpiringEntries<T> {
  readonly #clock: Clock;
  readonly #limits: ExpiryLimits;
  readonly #entries = new Map<string, Entry<T>>();
  #timer: Timeout | undefined;

  constructor(clock: Clock, limits: ExpiryLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Takes the place of what waits under the same key. */
  put(key: string, value: T): void {
    this.#evict();
    this.#entries.delete(key);
    while (this.#entries.size >= this.#limits.capacity) this.#dropOldest();
    this.#entries.set(key, { value, expiresAt: this.#clock.now() + this.#limits.lifetimeMs });
    this.#timer ??= this.#clock.setTimeout(this.#sweep, this.#limits.lifetimeMs);
  }

  /** What waits under the key, which stays there; undefined when it is unknown or expired. */
  find(key: string): T | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.expiresAt > this.#clock.now() ? entry.value : undefined;
  }

  /** Like `find`, and it is there no more. */
  take(key: string): T | undefined {
    const value = this.find(key);
    if (this.#entries.delete(key) && this.#entries.size === 0) this.#stopTimer();
    return value;
  }

  /** Removes every entry of `value`. */
  remove(value: T): void {
    for (const [key, entry] of this.#entries) {
      if (entry.value === value) this.#entries.delete(key);
    }
    if (this.#entries.size === 0) this.#stopTimer();
  }

  close(): void {
    this.#entries.clear();
    this.#stopTimer();
  }

  readonly #sweep = (): void => {
    this.#timer = undefined;
    this.#evict();
    const [oldest] = this.#entries.values();
    if (oldest) this.#timer = this.#clock.setTimeout(this.#sweep, oldest.expiresAt - this.#clock.now());
  };

  #evict(): void {
    const now = this.#clock.now();
    for (const [key, entry] of this.#entries) {
      if (entry.expiresAt > now) return;
      this.#entries.delete(key);
    }
  }

  #dropOldest(): void {
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }

  #stopTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
