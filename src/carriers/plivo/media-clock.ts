/** Chunks may be stamped this much early or late; less is no gap. */
const jitterMs = 60;
const leastGapMs = 120;
/** A longer gap, or a fall back by more than `restartMs`, says that the clock was set. */
const maxGapMs = 10_000;
const restartMs = 1000;

/**
 * The media time of one stream's chunks, without holes where there are none. Plivo's timestamps are milliseconds of
 * an unknown beginning, and may be taken from a wall clock when a chunk is sent, so that they waver and can be set.
 * The line is made of the chunks' own lengths; a timestamp moves it only where it shows a gap.
 */
export class MediaClock {
  /** Where the next chunk begins; undefined before the first timestamp. */
  #lineMs: number | undefined;
  /** How far Plivo's clock is ahead of the line. */
  #aheadMs = 0;

  /** The time at the chunk's first sample; undefined while Plivo has told none. */
  at(timestampMs: number | undefined, lengthMs: number): number | undefined {
    if (timestampMs !== undefined) this.#follow(timestampMs);
    const startMs = this.#lineMs;
    if (startMs !== undefined) this.#lineMs = startMs + lengthMs;
    return startMs;
  }

  #follow(timestampMs: number): void {
    this.#lineMs ??= timestampMs;
    const gapMs = timestampMs - this.#aheadMs - this.#lineMs;
    if (gapMs >= leastGapMs && gapMs <= maxGapMs) this.#lineMs += gapMs;
    // Stamped earlier than any before: those were late. Further back it is old audio, and further still another clock.
    else if ((gapMs < 0 && gapMs >= -jitterMs) || gapMs < -restartMs || gapMs > maxGapMs)
      this.#aheadMs += gapMs;
  }
}
