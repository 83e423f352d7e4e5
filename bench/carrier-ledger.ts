/** What a simulated carrier has made of the audio that it was sent: the truth that the subject's own reckoning is measured against. */
export interface CarrierLedger {
  /** When everything that came so far will have been played. */
  readonly endMs: number;
  /** When what sounds now, or last, began to after silence. */
  readonly sinceMs: number;
  /** Audio of an item has come at `nowMs`. */
  queue(nowMs: number, item: number, lengthMs: number): void;
  /** Drops what has not sounded yet. */
  clear(nowMs: number): void;
  /** Milliseconds of the item that have sounded by `nowMs`. */
  playedMs(item: number, nowMs: number): number;
}

interface Segment {
  readonly item: number;
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * A carrier with a queue: audio sounds from the moment it arrives at an idle carrier, or a little later, without a
 * hole, until the queue runs dry or is cleared.
 */
export class QueueLedger implements CarrierLedger {
  readonly #startDelayMs: () => number;
  readonly #pending: Segment[] = [];
  readonly #playedMs = new Map<number, number>();
  #endMs = Number.NEGATIVE_INFINITY;
  #sinceMs = Number.NEGATIVE_INFINITY;

  /** `startDelayMs`: how long an idle carrier takes to begin. */
  constructor(startDelayMs: () => number = () => 0) {
    this.#startDelayMs = startDelayMs;
  }

  get endMs(): number {
    return this.#endMs;
  }

  get sinceMs(): number {
    return this.#sinceMs;
  }

  queue(nowMs: number, item: number, lengthMs: number): void {
    this.#settle(nowMs);
    if (this.#endMs <= nowMs) this.#sinceMs = nowMs + this.#startDelayMs();
    const startMs = Math.max(this.#sinceMs, this.#endMs);
    const endMs = startMs + lengthMs;
    this.#endMs = endMs;
    const last = this.#pending.at(-1);
    if (last?.item === item && last.endMs === startMs) {
      this.#pending[this.#pending.length - 1] = { item, startMs: last.startMs, endMs };
    } else {
      this.#pending.push({ item, startMs, endMs });
    }
  }

  clear(nowMs: number): void {
    this.#settle(nowMs);
    for (const segment of this.#pending) this.#count(segment, nowMs);
    this.#pending.length = 0;
    this.#endMs = Math.min(this.#endMs, nowMs);
  }

  playedMs(item: number, nowMs: number): number {
    let total = this.#playedMs.get(item) ?? 0;
    for (const segment of this.#pending) {
      if (segment.item === item) total += Math.max(0, Math.min(nowMs, segment.endMs) - segment.startMs);
    }
    return total;
  }

  #settle(nowMs: number): void {
    let first = this.#pending[0];
    while (first && first.endMs <= nowMs) {
      this.#count(first, nowMs);
      this.#pending.shift();
      first = this.#pending[0];
    }
  }

  #count(segment: Segment, nowMs: number): void {
    const played = Math.max(0, Math.min(nowMs, segment.endMs) - segment.startMs);
    this.#playedMs.set(segment.item, (this.#playedMs.get(segment.item) ?? 0) + played);
  }
}

/** A carrier without a queue: what arrives has sounded, and nothing can be taken back. */
export class ArrivalLedger implements CarrierLedger {
  readonly #playedMs = new Map<number, number>();
  #endMs = Number.NEGATIVE_INFINITY;

  get endMs(): number {
    return this.#endMs;
  }

  get sinceMs(): number {
    return this.#endMs;
  }

  queue(nowMs: number, item: number, lengthMs: number): void {
    this.#endMs = nowMs;
    this.#playedMs.set(item, (this.#playedMs.get(item) ?? 0) + lengthMs);
  }

  clear(): void {
    // Nothing waits.
  }

  playedMs(item: number): number {
    return this.#playedMs.get(item) ?? 0;
  }
}
