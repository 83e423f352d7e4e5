import type { SeededRandom } from '../seeded-random.ts';

/** Cuts a stream into pieces of sizes that nobody expects, odd ones among them: HTTP keeps no frames together. */
export class OddChunks {
  readonly #random: SeededRandom;
  readonly #maxBytes: number;
  #held: Buffer = Buffer.alloc(0);

  constructor(random: SeededRandom, maxBytes = 700) {
    this.#random = random;
    this.#maxBytes = maxBytes;
  }

  /** What is to be written now; the rest waits for more. */
  push(audio: Buffer): Buffer[] {
    this.#held = Buffer.concat([this.#held, audio]);
    const pieces: Buffer[] = [];
    for (;;) {
      const size = 1 + Math.floor(this.#random.next() * this.#maxBytes);
      if (size > this.#held.length) break;
      pieces.push(this.#held.subarray(0, size));
      this.#held = this.#held.subarray(size);
    }
    return pieces;
  }

  /** What was held back. */
  flush(): Buffer {
    const rest = this.#held;
    this.#held = Buffer.alloc(0);
    return rest;
  }
}
