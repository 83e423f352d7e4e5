import { toBase64 } from './base64.ts';

/**
 * A piece of audio that can show itself as raw bytes or as base64 and converts at most once.
 * Base64 is held as ASCII bytes, because that is what is read from one socket and written to the next.
 */
export class AudioChunk {
  /** Length of the raw audio in bytes, known without decoding. */
  readonly byteLength: number;
  #raw: Buffer | undefined;
  #base64: Buffer | undefined;

  private constructor(byteLength: number, raw: Buffer | undefined, base64: Buffer | undefined) {
    this.byteLength = byteLength;
    this.#raw = raw;
    this.#base64 = base64;
  }

  static fromBytes(raw: Uint8Array): AudioChunk {
    const view = Buffer.isBuffer(raw) ? raw : Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
    return new AudioChunk(view.length, view, undefined);
  }

  /** `text` must be valid base64 (see `isBase64`); a Buffer is kept, not copied. */
  static fromBase64(text: Buffer | string): AudioChunk {
    const ascii = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
    return new AudioChunk(decodedLength(ascii), undefined, ascii);
  }

  bytes(): Buffer {
    this.#raw ??= Buffer.from(this.base64().toString('latin1'), 'base64');
    return this.#raw;
  }

  /** Base64 as ASCII bytes. */
  base64(): Buffer {
    this.#base64 ??= toBase64(this.#raw ?? Buffer.alloc(0));
    return this.#base64;
  }

  /** The raw bytes from `start` up to `end`; stays base64 where the cut falls on a group of three bytes. */
  slice(start: number, end = this.byteLength): AudioChunk {
    const to = Math.min(end, this.byteLength);
    if (start <= 0 && to === this.byteLength) return this;
    const whole = start % 3 === 0 && (to % 3 === 0 || to === this.byteLength);
    if (this.#raw === undefined && whole) {
      const ascii = this.base64();
      const stop = to === this.byteLength ? ascii.length : (to / 3) * 4;
      return AudioChunk.fromBase64(ascii.subarray((start / 3) * 4, stop));
    }
    return AudioChunk.fromBytes(this.bytes().subarray(start, to));
  }
}

const equals = 0x3d;

function decodedLength(ascii: Buffer): number {
  const length = ascii.length;
  if (length === 0) return 0;
  let padding = 0;
  if (ascii[length - 1] === equals) padding = ascii[length - 2] === equals ? 2 : 1;
  return Math.floor((length * 3) / 4) - padding;
}
