import type { AudioChunk } from '../../audio/chunk.ts';
import type { Clock, Timeout } from '../../base/clock.ts';
import { maxBinaryBytes } from './wire.ts';

export interface AudioOutOptions {
  readonly clock: Clock;
  /** The least time between two frames of what was held. */
  readonly everyMs: number;
  /** Audio that may be held, bytes. */
  readonly capacity: number;
  readonly write: (frame: Buffer) => void;
}

/**
 * Agent audio on its way to Genesys. It comes in the right pieces and at the right pace and is written at once, but
 * while we are told to back off it is held, and leaves after that in as few frames as it fits into.
 */
export class AudioOut {
  readonly #options: AudioOutOptions;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #isHolding = false;
  #timer: Timeout | undefined;

  constructor(options: AudioOutOptions) {
    this.#options = options;
  }

  /** Some of the audio that was given has not been written. */
  get isBehind(): boolean {
    return this.#heldBytes > 0;
  }

  /** False: too much is held, and this was not taken. */
  play(audio: AudioChunk): boolean {
    const { byteLength } = audio;
    if (!this.#isHolding && !this.#timer && this.#heldBytes === 0 && byteLength <= maxBinaryBytes) {
      if (byteLength > 0) this.#options.write(audio.bytes());
      return true;
    }
    if (this.#heldBytes + byteLength > this.#options.capacity) return false;
    this.#held.push(audio.bytes());
    this.#heldBytes += byteLength;
    this.#pump();
    return true;
  }

  hold(): void {
    this.#isHolding = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  release(): void {
    this.#isHolding = false;
    this.#pump();
  }

  /** What is held is not wanted any more. */
  drop(): void {
    this.#held = [];
    this.#heldBytes = 0;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #pump(): void {
    if (this.#isHolding || this.#timer || this.#heldBytes === 0) return;
    this.#options.write(this.#nextFrame());
    this.#timer = this.#options.clock.setTimeout(() => {
      this.#timer = undefined;
      this.#pump();
    }, this.#options.everyMs);
  }

  #nextFrame(): Buffer {
    const pieces: Buffer[] = [];
    let bytes = 0;
    for (let next = this.#held[0]; next !== undefined && bytes < maxBinaryBytes; next = this.#held[0]) {
      const piece = next.subarray(0, maxBinaryBytes - bytes);
      bytes += piece.length;
      pieces.push(piece);
      if (piece.length === next.length) this.#held.shift();
      else this.#held[0] = next.subarray(piece.length);
    }
    this.#heldBytes -= bytes;
    return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces, bytes);
  }
}
