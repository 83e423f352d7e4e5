import { AudioChunk } from '../../audio/chunk.ts';
import { CallerPosition } from './caller-position.ts';
import { type MediaOffer, maxBinaryBytes } from './wire.ts';

/** µ-law at 8 kHz. */
const bytesPerMs = 8;
/** Audio in the largest binary message. */
export const maxFrameMs = maxBinaryBytes / bytesPerMs;

/** Whoever called, as Genesys names the channel. */
const caller = 'external';

/**
 * The offer to take: the first of µ-law at 8 kHz that has the caller's channel. AudioHook protocol, "open": what is
 * taken is repeated as it was offered.
 */
export function chooseMedia(offers: readonly MediaOffer[]): MediaOffer | undefined {
  return offers.find(
    ({ format, rate, channels }) =>
      format.toUpperCase() === 'PCMU' && rate === 8000 && channels.includes(caller),
  );
}

/**
 * The caller's audio in what comes in, and where it stands in his stream. AudioHook protocol, "Audio": channels are
 * interleaved byte by byte.
 */
export class CallerChannel {
  readonly #count: number;
  readonly #index: number;
  /** The channel that the next byte belongs to. */
  #next = 0;
  readonly #position = new CallerPosition();

  constructor({ channels }: MediaOffer) {
    this.#count = channels.length;
    this.#index = channels.indexOf(caller);
  }

  /** Where the next of his audio begins, milliseconds; what was not sent to us included. */
  get positionMs(): number {
    return this.#position.ms;
  }

  /** The stream went on without us from `startMs`: what comes now is later than the bytes tell. */
  discarded(startMs: number, ms: number): void {
    this.#position.discarded(startMs, ms);
  }

  /** Undefined where nothing of the caller is in it. Of a single channel the frame itself is taken. */
  take(frame: Buffer): AudioChunk | undefined {
    const audio = this.#separate(frame);
    if (audio !== undefined) this.#position.sent(audio.byteLength / bytesPerMs);
    return audio;
  }

  #separate(frame: Buffer): AudioChunk | undefined {
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
