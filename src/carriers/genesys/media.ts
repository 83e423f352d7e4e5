import { AudioChunk } from '../../audio/chunk.ts';
import type { MediaOffer } from './wire.ts';

/** Whoever called, as Genesys names the channel. */
const caller = 'external';

/**
 * The offer to take: the first of µ-law at 8 kHz that has the caller's channel, else the first of µ-law at 8 kHz.
 * AudioHook protocol, "open": what is taken is repeated as it was offered.
 */
export function chooseMedia(offers: readonly MediaOffer[]): MediaOffer | undefined {
  const usable = offers.filter(({ format, rate }) => format.toUpperCase() === 'PCMU' && rate === 8000);
  return usable.find(({ channels }) => channels.includes(caller)) ?? usable[0];
}

/** The caller's audio in what comes in. AudioHook protocol, "Audio": channels are interleaved byte by byte. */
export class CallerChannel {
  readonly #count: number;
  readonly #index: number;
  /** The channel that the next byte belongs to. */
  #next = 0;

  constructor({ channels }: MediaOffer) {
    this.#count = channels.length;
    this.#index = Math.max(0, channels.indexOf(caller));
  }

  /** Undefined where nothing of the caller is in it. Of a single channel the frame itself is taken. */
  take(frame: Buffer): AudioChunk | undefined {
    if (frame.length === 0) return undefined;
    if (this.#count === 1) return AudioChunk.fromBytes(frame);
    const first = (this.#index - this.#next + this.#count) % this.#count;
    this.#next = (this.#next + frame.length) % this.#count;
    if (first >= frame.length) return undefined;
    const audio = Buffer.allocUnsafe(Math.ceil((frame.length - first) / this.#count));
    for (let at = first, to = 0; at < frame.length; at += this.#count, to += 1) audio[to] = frame[at] ?? 0;
    return AudioChunk.fromBytes(audio);
  }
}
