import { randomBytes } from 'node:crypto';
import type { Clock, Timeout } from '../base/clock.ts';

interface Entry<T> {
  readonly value: T;
  readonly expiresAt: number;
}

export interface StreamTokenLimits {
  /** How long a token may be redeemed, milliseconds. */
  readonly lifetimeMs: number;
  /** Tokens held at most; a new one pushes out the oldest. */
  readonly capacity: number;
}

/**
 * Tokens that let a media stream claim the call that a signed webhook announced: each works once and only for a
 * while. All live equally long, so they expire in the order they were made and one timer serves them all.
 */
export class StreamTokens<T> {
  readonly #clock: Clock;
  readonly #limits: StreamTokenLimits;
  readonly #entries = new Map<string, Entry<T>>();
  #timer: Timeout | undefined;

  constructor(clock: Clock, limits: StreamTokenLimits = { lifetimeMs: 60_000, capacity: 10_000 }) {
    this.#clock = clock;
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** 192 random bits as 32 URL-safe characters. */
  issue(value: T): string {
    this.#evict();
    while (this.#entries.size >= this.#limits.capacity) this.#dropOldest();
    const token = randomBytes(24).toString('base64url');
    this.#entries.set(token, { value, expiresAt: this.#clock.now() + this.#limits.lifetimeMs });
    this.#timer ??= this.#clock.setTimeout(this.#sweep, this.#limits.lifetimeMs);
    return token;
  }

  /** Whether the token could be redeemed now; it stays good. */
  has(token: string): boolean {
    const entry = this.#entries.get(token);
    return entry !== undefined && entry.expiresAt > this.#clock.now();
  }

  /** What the token was issued for; undefined when it is unknown, expired or was redeemed before. */
  redeem(token: string): T | undefined {
    const entry = this.#entries.get(token);
    if (!entry) return undefined;
    this.#entries.delete(token);
    if (this.#entries.size === 0) this.#stopTimer();
    return entry.expiresAt > this.#clock.now() ? entry.value : undefined;
  }

  /** Withdraws every token of `value`. */
  revoke(value: T): void {
    for (const [token, entry] of this.#entries) {
      if (entry.value === value) this.#entries.delete(token);
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
    for (const [token, entry] of this.#entries) {
      if (entry.expiresAt > now) return;
      this.#entries.delete(token);
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
