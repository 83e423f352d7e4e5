import { randomBytes } from 'node:crypto';
import type { Clock, Timeout } from '../../base/clock.ts';

export interface Transfer {
  /** The call that is transferred; no other may fetch the answer. */
  readonly callUuid: string;
  /** What Plivo is told to do with the call. */
  readonly answer: string;
  /** Plivo has asked for it: the call has left us. */
  fetched(): void;
}

export interface TransferLimits {
  readonly lifetimeMs: number;
  /** Transfers held at most; a new one pushes out the oldest. */
  readonly capacity: number;
}

/**
 * Answers that wait for Plivo to fetch them, each for one call and one transfer. Plivo asks again when the reply was
 * lost, so an answer stays until its time is over.
 */
export class Transfers {
  readonly #clock: Clock;
  readonly #limits: TransferLimits;
  readonly #waiting = new Map<string, { readonly transfer: Transfer; readonly timer: Timeout }>();

  constructor(clock: Clock, limits: TransferLimits = { lifetimeMs: 60_000, capacity: 1000 }) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Gives the id to fetch it with. */
  offer(transfer: Transfer): string {
    const [oldest] = this.#waiting.keys();
    if (oldest !== undefined && this.#waiting.size >= this.#limits.capacity) this.withdraw(oldest);
    const id = randomBytes(12).toString('base64url');
    const timer = this.#clock.setTimeout(() => this.withdraw(id), this.#limits.lifetimeMs);
    this.#waiting.set(id, { transfer, timer });
    return id;
  }

  find(id: string): Transfer | undefined {
    return this.#waiting.get(id)?.transfer;
  }

  withdraw(id: string): void {
    this.#waiting.get(id)?.timer.cancel();
    this.#waiting.delete(id);
  }

  close(): void {
    for (const id of [...this.#waiting.keys()]) this.withdraw(id);
  }
}
