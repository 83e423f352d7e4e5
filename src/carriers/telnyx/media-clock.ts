/** How far the clock may be off between two frames, milliseconds. */
const toleranceMs = 5;

/**
 * The times that Telnyx gives its frames, whose unit it does not document: they are passed on only once two frames in a
 * row have shown that they count milliseconds. In any other unit every frame would look like a gap to be filled.
 */
export class MediaClock {
  #proven = false;
  #last: { readonly atMs: number; readonly lengthMs: number } | undefined;

  /** The time of a frame of this length, where it is to be trusted. */
  at(timestampMs: number | undefined, lengthMs: number): number | undefined {
    if (this.#proven || timestampMs === undefined) return timestampMs;
    if (this.#last !== undefined) {
      const expectedMs = this.#last.atMs + this.#last.lengthMs;
      this.#proven = Math.abs(timestampMs - expectedMs) <= toleranceMs;
    }
    this.#last = { atMs: timestampMs, lengthMs };
    return this.#proven ? timestampMs : undefined;
  }
}
