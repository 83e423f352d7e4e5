import type { Clock, Timeout } from './clock.ts';

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A clock that stands still until a test moves it; timers due in a step fire in order, at their own time. */
export class VirtualClock implements Clock {
  #now = 0;
  #order = 0;
  readonly #startEpochMs: number;
  readonly #entries = new Set<Entry>();

  constructor(startEpochMs = Date.UTC(2026, 0, 1)) {
    this.#startEpochMs = startEpochMs;
  }

  now(): number {
    return this.#now;
  }

  epochMs(): number {
    return this.#startEpochMs + this.#now;
  }

  /** Timers not yet fired or cancelled: what a leak check counts. */
  get pending(): number {
    return this.#entries.size;
  }

  setTimeout(callback: () => void, delayMs: number): Timeout {
    const entry: Entry = { at: this.#now + Math.max(0, delayMs), order: this.#order++, callback };
    this.#entries.add(entry);
    return { cancel: () => this.#entries.delete(entry) };
  }

  /** Moves time forward by `ms`, firing what becomes due. */
  advance(ms: number): void {
    const until = this.#now + ms;
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      this.#entries.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
    }
    this.#now = until;
  }

  /** Like `advance`, but lets promises settle between timers, or whatever else the test waits for. */
  async advanceAsync(ms: number, settle: () => Promise<void> = settlePromises): Promise<void> {
    const until = this.#now + ms;
    await settle();
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      this.#entries.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
      await settle();
    }
    this.#now = until;
  }

  #next(until: number): Entry | undefined {
    let found: Entry | undefined;
    for (const entry of this.#entries) {
      if (entry.at > until) continue;
      if (!found || entry.at < found.at || (entry.at === found.at && entry.order < found.order))
        found = entry;
    }
    return found;
  }
}

/** Lets chains of settled promises run; ten hops are more than any awaited chain here has. */
async function settlePromises(): Promise<void> {
  for (let hop = 0; hop < 10; hop++) await Promise.resolve();
}
