interface Piece {
  readonly start: number;
  readonly bytes: Buffer;
}

/**
 * The input audio buffer: raw bytes at their place in all audio ever appended. Bounded: beyond `maxBytes` the
 * oldest audio falls out and is counted.
 */
export class InputBuffer {
  readonly #maxBytes: number;
  #pieces: Piece[] = [];
  #end = 0;
  #start = 0;
  #droppedBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes appended so far, in all. */
  get end(): number {
    return this.#end;
  }

  /** Place of the oldest byte still held. */
  get start(): number {
    return this.#start;
  }

  get droppedBytes(): number {
    return this.#droppedBytes;
  }

  append(bytes: Buffer): void {
    this.#pieces.push({ start: this.#end, bytes });
    this.#end += bytes.length;
    const excess = this.#end - this.#start - this.#maxBytes;
    if (excess <= 0) return;
    this.#droppedBytes += excess;
    this.forgetBefore(this.#start + excess);
  }

  /** The bytes from `from` up to `to`, as far as they are still held. */
  slice(from: number, to: number): Buffer {
    const parts: Buffer[] = [];
    const first = Math.max(from, this.#start);
    for (const piece of this.#pieces) {
      const begin = Math.max(0, first - piece.start);
      const end = Math.min(piece.bytes.length, to - piece.start);
      if (begin < end) parts.push(piece.bytes.subarray(begin, end));
    }
    return Buffer.concat(parts);
  }

  forgetBefore(place: number): void {
    this.#start = Math.min(Math.max(this.#start, place), this.#end);
    let gone = 0;
    for (const piece of this.#pieces) {
      if (piece.start + piece.bytes.length > this.#start) break;
      gone++;
    }
    if (gone > 0) this.#pieces.splice(0, gone);
  }
}
