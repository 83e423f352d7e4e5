import type { AudioChunk } from '../../audio/chunk.ts';

type Early = { readonly audio: AudioChunk } | { readonly digit: string };

export interface EarlyMediaTaker {
  audio(chunk: AudioChunk): void;
  digit(digit: string): void;
}

/** 10 s of 16 bit at 8 kHz. */
const maxBytes = 160_000;
const bytesPerMs = 16;
const maxItems = 4000;

/**
 * What the caller says and presses before his call is there: while it is not named yet, and while it is looked up
 * who answers it. Kept in order; of more than ten seconds the oldest is dropped and counted.
 */
export class EarlyMedia implements EarlyMediaTaker {
  #items: Early[] = [];
  #bytes = 0;
  #lostBytes = 0;

  get lostMs(): number {
    return Math.round(this.#lostBytes / bytesPerMs);
  }

  audio(chunk: AudioChunk): void {
    this.#bytes += chunk.byteLength;
    this.#keep({ audio: chunk });
  }

  digit(digit: string): void {
    this.#keep({ digit });
  }

  /** Gives everything on, once, in the order in which it came. */
  giveTo(taker: EarlyMediaTaker): void {
    const items = this.#items;
    this.drop();
    for (const item of items) {
      if ('audio' in item) taker.audio(item.audio);
      else taker.digit(item.digit);
    }
  }

  /** Nobody wants it any more. */
  drop(): void {
    this.#items = [];
    this.#bytes = 0;
  }

  #keep(item: Early): void {
    this.#items.push(item);
    while (this.#bytes > maxBytes || this.#items.length > maxItems) {
      const oldest = this.#items.shift();
      if (oldest === undefined) return;
      if (!('audio' in oldest)) continue;
      this.#bytes -= oldest.audio.byteLength;
      this.#lostBytes += oldest.audio.byteLength;
    }
  }
}
