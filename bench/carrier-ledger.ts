/** Bytes of µ-law per millisecond at 8 kHz. */
const bytesPerMs = 8;

interface Segment {
  readonly item: number;
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * What a carrier has really played: audio sounds from the moment it arrives at an idle carrier, one byte
 * every 1/8 ms without a hole, until it runs dry or is cleared. This is the truth that the subject's own
 * reckoning is measured against.
 */
export class CarrierLedger {
  readonly #pending: Segment[] = [];
  readonly #playedMs = new Map<number, number>();
  #endMs = Number.NEGATIVE_INFINITY;

  /** When everything queued so far will have been played. */
  get endMs(): number {
    return this.#endMs;
  }

  /** Queues audio of an item at `nowMs`. */
  queue(nowMs: number, item: number, bytes: number): void {
    this.#settle(nowMs);
    const startMs = Math.max(nowMs, this.#endMs);
    const endMs = startMs + bytes / bytesPerMs;
    this.#endMs = endMs;
    const last = this.#pending.at(-1);
    if (last?.item === item && last.endMs === startMs) {
      this.#pending[this.#pending.length - 1] = { item, startMs: last.startMs, endMs };
    } else {
      this.#pending.push({ item, startMs, endMs });
    }
  }

  /** Drops what has not sounded yet. */
  clear(nowMs: number): void {
    this.#settle(nowMs);
    for (const segment of this.#pending) this.#count(segment, nowMs);
    this.#pending.length = 0;
    this.#endMs = Math.min(this.#endMs, nowMs);
  }

  /** Milliseconds of the item that have sounded by `nowMs`. */
  playedMs(item: number, nowMs: number): number {
    let total = this.#playedMs.get(item) ?? 0;
    for (const segment of this.#pending) {
      if (segment.item === item) total += Math.max(0, Math.min(nowMs, segment.endMs) - segment.startMs);
    }
    return total;
  }

  /** Drops the count of an item that nobody asks about any more. */
  forget(item: number): void {
    this.#playedMs.delete(item);
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
