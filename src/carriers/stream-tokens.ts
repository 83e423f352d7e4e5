import { randomBytes } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { ExpiringEntries, type ExpiryLimits } from './expiring-entries.ts';

/** Tokens that let a media stream claim the call that a signed webhook announced: each works once and only for a while. */
export class StreamTokens<T> {
  readonly #entries: ExpiringEntries<T>;

  constructor(clock: Clock, limits: ExpiryLimits = { lifetimeMs: 60_000, capacity: 10_000 }) {
    this.#entries = new ExpiringEntries(clock, limits);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** 192 random bits as 32 URL-safe characters. */
  issue(value: T): string {
    const token = randomBytes(24).toString('base64url');
    this.#entries.put(token, value);
    return token;
  }

  /** Whether the token could be redeemed now; it stays good. */
  has(token: string): boolean {
    return this.#entries.find(token) !== undefined;
  }

  /** What the token was issued for; undefined when it is unknown, expired or was redeemed before. */
  redeem(token: string): T | undefined {
    return this.#entries.take(token);
  }

  /** Withdraws every token of `value`. */
  revoke(value: T): void {
    this.#entries.remove(value);
  }

  close(): void {
    this.#entries.close();
  }
}
