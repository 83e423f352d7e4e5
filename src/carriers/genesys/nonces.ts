import type { Clock } from '../../base/clock.ts';

export interface NonceLimits {
  /** How long a nonce is remembered: at least as long as a signature is taken. */
  readonly lifetimeMs: number;
  /** Nonces remembered at most; a new one pushes out the oldest. */
  readonly capacity: number;
}

/** Nonces of signatures that were taken, so that none is taken twice. Needs no timer: old ones leave when new ones come. */
export class Nonces {
  readonly #clock: Clock;
  readonly #limits: NonceLimits;
  /** In the order in which they came, with the time at which each is forgotten. */
  readonly #seen = new Map<string, number>();

  constructor(clock: Clock, limits: NonceLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  get size(): number {
    return this.#seen.size;
  }

  /** False: it was seen before. */
  take(nonce: string): boolean {
    const now = this.#clock.now();
    for (const [seen, until] of this.#seen) {
      if (until > now && this.#seen.size < this.#limits.capacity) break;
      this.#seen.delete(seen);
    }
    if (this.#seen.has(nonce)) return false;
    this.#seen.set(nonce, now + this.#limits.lifetimeMs);
    return true;
  }
}
