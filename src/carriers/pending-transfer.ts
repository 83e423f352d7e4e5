import type { LegEnd } from '../call/leg.ts';

/**
 * A transfer that the carrier was asked for and has not answered yet. Until it has, nobody knows what the end of the
 * media means: it may be the transfer that ended it. So ends are kept, and whoever would hang up can wait.
 */
export class PendingTransfer {
  #pending: Promise<void> | undefined;
  #end: LegEnd | undefined;

  get isPending(): boolean {
    return this.#pending !== undefined;
  }

  /** Settles when the carrier has answered, at once where nothing was asked. Never rejects; bounded by what `run` asks. */
  get decided(): Promise<void> {
    return this.#pending ?? Promise.resolve();
  }

  /** Keeps an end that came meanwhile, until the carrier has answered. False: it is to be told now. */
  keeps(end: LegEnd): boolean {
    if (!this.isPending || end.error !== undefined) return false;
    this.#end = end;
    return true;
  }

  /** Asks; `ended` is told the end that came meanwhile, before those who wait are. One at a time. */
  async run<Outcome>(ask: () => Promise<Outcome>, ended: (end: LegEnd) => void): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#pending = promise;
    try {
      return await ask();
    } finally {
      const end = this.#end;
      this.#pending = undefined;
      this.#end = undefined;
      if (end !== undefined) ended(end);
      resolve();
    }
  }
}
