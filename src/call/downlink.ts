import { AudioChunk } from '../audio/chunk.ts';
import { type AudioFormat, bytesPerMs, bytesPerSample, silenceByte } from '../audio/format.ts';
import type { Clock, Timeout } from '../base/clock.ts';
import type { Ticker } from './frame-ticker.ts';
import { HeldAudio } from './held-audio.ts';
import type { PlaybackTraits } from './leg.ts';
import type { Part } from './part.ts';

/** How much of a piece belongs to which part, in the order in which it sounds. */
export interface Share {
  readonly part: Part;
  readonly lengthMs: number;
}

export interface DownlinkOptions {
  readonly clock: Clock;
  readonly ticker: Ticker;
  readonly format: AudioFormat;
  readonly traits: PlaybackTraits;
  /** What the carrier holds now and has not played. */
  aheadMs(): number;
  /** Audio of one part, whole. */
  give(chunk: AudioChunk, part: Part): void;
  /** Audio of several parts, or filled up with silence at its end. */
  giveMixed(chunk: AudioChunk, shares: readonly Share[]): void;
  /** Silence that belongs to no part. */
  giveSilence(chunk: AudioChunk): void;
}

/** Whose the next of the held bytes are. */
interface Waiting {
  readonly part: Part;
  bytes: number;
}

/**
 * Agent audio between the ledger and the leg, in the leg's format: hands it on in the pieces and at the pace that the
 * carrier takes. Where the carrier takes whatever comes, nothing waits here.
 */
export class Downlink {
  readonly #options: DownlinkOptions;
  readonly #clock: Clock;
  readonly #bytesPerMs: number;
  readonly #leadMs: number;
  readonly #everyMs: number;
  readonly #frameBytes: number;
  readonly #minBytes: number;
  readonly #maxBytes: number;
  readonly #silence: AudioChunk | undefined;
  readonly #paced: boolean;
  readonly #held = new HeldAudio();
  #queue: Waiting[] = [];
  /** The carrier takes nothing for now. */
  #shut = false;
  #nextAt = Number.NEGATIVE_INFINITY;
  #timer: Timeout | undefined;
  #leave: (() => void) | undefined;

  constructor(options: DownlinkOptions) {
    const { format, traits, ticker } = options;
    const { delivery } = traits;
    this.#options = options;
    this.#clock = options.clock;
    this.#bytesPerMs = bytesPerMs(format);
    this.#paced = traits.buffering === 'paced';
    const bytesOf = (ms: number): number => {
      const samples = Math.floor((ms * format.sampleRate) / 1000);
      return samples * bytesPerSample(format);
    };
    const frameMs = this.#paced ? ticker.frameMs : delivery.frameMs;
    this.#frameBytes = frameMs === undefined ? 0 : bytesOf(frameMs);
    // A piece is within the lead and holds a whole frame at least, else nothing would ever be given.
    this.#leadMs = Math.max(frameMs ?? 0, delivery.leadMs ?? Number.POSITIVE_INFINITY);
    const maxMs = Math.min(delivery.maxChunkMs ?? Number.POSITIVE_INFINITY, this.#leadMs);
    this.#maxBytes =
      maxMs === Number.POSITIVE_INFINITY
        ? maxMs
        : Math.max(this.#frameBytes, wholeFrames(bytesOf(maxMs), this.#frameBytes));
    this.#minBytes = Math.min(bytesOf(delivery.minChunkMs ?? 0), this.#maxBytes);
    this.#everyMs = delivery.everyMs ?? 0;
    if (!this.#paced) return;
    if (delivery.fillsSilence) {
      this.#silence = AudioChunk.fromBytes(Buffer.alloc(this.#frameBytes, silenceByte(format)));
      this.#join();
    }
  }

  /** Audio that waits here. */
  get queuedMs(): number {
    return this.#held.byteLength / this.#bytesPerMs;
  }

  push(part: Part, chunk: AudioChunk): void {
    if (chunk.byteLength === 0) return;
    if (this.#passes(chunk.byteLength)) {
      if (this.#everyMs > 0) this.#nextAt = this.#clock.now() + this.#everyMs;
      this.#options.give(chunk, part);
      return;
    }
    part.waitingBytes += chunk.byteLength;
    this.#held.push(chunk.bytes());
    const last = this.#queue.at(-1);
    if (last?.part === part) last.bytes += chunk.byteLength;
    else this.#queue.push({ part, bytes: chunk.byteLength });
    if (!this.#paced) {
      this.#pump();
      return;
    }
    this.#join();
    this.#options.ticker.look();
  }

  /** The carrier takes no more for now, or takes it again. */
  flow(open: boolean): void {
    this.#shut = !open;
    if (open && !this.#paced) this.#pump();
  }

  /** No more audio of the part that was pushed last comes: what is left of it need not wait for more. */
  ended(): void {
    if (!this.#paced && this.#held.byteLength > 0) this.#pump();
  }

  /** What waits is forgotten. */
  drop(): void {
    for (const { part } of this.#queue) part.waitingBytes = 0;
    this.#queue = [];
    this.#held.clear();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  close(): void {
    this.drop();
    this.#leave?.();
    this.#leave = undefined;
  }

  #join(): void {
    this.#leave ??= this.#options.ticker.join((frames) => this.#tick(frames));
  }

  /** Paced: so many frames are due. */
  #tick(frames: number): void {
    for (let frame = 0; frame < frames; frame++) {
      const bytes = this.#shut ? 0 : this.#nextBytes();
      if (bytes > 0) this.#give(bytes);
      else if (this.#silence) this.#options.giveSilence(this.#silence);
    }
    if (this.#silence === undefined && this.#held.byteLength === 0) {
      this.#leave?.();
      this.#leave = undefined;
    }
  }

  /** Queued: hands on what may go now, and comes back when more may. */
  #pump(): void {
    if (this.#timer) return;
    while (this.#held.byteLength > 0 && !this.#shut) {
      const bytes = this.#nextBytes();
      if (bytes === 0) return;
      const waitMs = Math.max(this.#nextAt - this.#clock.now(), this.#overLeadMs(bytes));
      if (waitMs > 0) {
        this.#timer = this.#clock.setTimeout(() => {
          this.#timer = undefined;
          this.#pump();
        }, waitMs);
        return;
      }
      this.#nextAt = this.#clock.now() + this.#everyMs;
      this.#give(bytes);
    }
  }

  /** Whether a chunk may go as it came: nothing waits before it, and it is a piece that the carrier takes now. */
  #passes(bytes: number): boolean {
    if (this.#paced || this.#shut || this.#held.byteLength > 0) return false;
    if (bytes > this.#maxBytes || bytes < this.#minBytes || wholeFrames(bytes, this.#frameBytes) < bytes)
      return false;
    if (this.#everyMs > 0 && this.#nextAt > this.#clock.now()) return false;
    return this.#leadMs === Number.POSITIVE_INFINITY || this.#overLeadMs(bytes) <= 0;
  }

  /** How much too far ahead of the ear a piece would be now. */
  #overLeadMs(bytes: number): number {
    return this.#options.aheadMs() + bytes / this.#bytesPerMs - this.#leadMs;
  }

  /** Bytes of the next piece, of what is there; 0: more has to come first. */
  #nextBytes(): number {
    const queued = this.#held.byteLength;
    const most = this.#paced ? this.#frameBytes : this.#maxBytes;
    const atEnd = this.#queue.at(-1)?.part.generationDone === true;
    const bytes = Math.min(queued, most);
    if (bytes === queued && atEnd) return bytes;
    if (bytes < this.#minBytes) return 0;
    return wholeFrames(bytes, this.#frameBytes);
  }

  /** Hands on the first of the held bytes; the last frame is filled up with silence. */
  #give(bytes: number): void {
    const frames = this.#frameBytes > 0 ? Math.ceil(bytes / this.#frameBytes) : 1;
    const piece = Buffer.allocUnsafe(this.#frameBytes > 0 ? frames * this.#frameBytes : bytes);
    this.#held.shift(bytes === piece.length ? piece : piece.subarray(0, bytes));
    const chunk = AudioChunk.fromBytes(piece);
    const [first] = this.#queue;
    if (first && bytes === piece.length && bytes <= first.bytes) {
      this.#count(first, bytes);
      this.#options.give(chunk, first.part);
      return;
    }
    piece.fill(silenceByte(this.#options.format), bytes);
    const shares: Share[] = [];
    for (let left = bytes; left > 0; ) {
      const [next] = this.#queue;
      if (!next) break;
      const share = Math.min(left, next.bytes);
      this.#count(next, share);
      left -= share;
      shares.push({ part: next.part, lengthMs: share / this.#bytesPerMs });
    }
    this.#options.giveMixed(chunk, shares);
  }

  /** So many bytes of what waits first are on their way. */
  #count(from: Waiting, bytes: number): void {
    from.part.waitingBytes -= bytes;
    from.bytes -= bytes;
    if (from.bytes === 0) this.#queue.shift();
  }
}

/** The bytes that fill frames; all of them where the carrier knows no frames. */
function wholeFrames(bytes: number, frameBytes: number): number {
  return frameBytes > 0 ? bytes - (bytes % frameBytes) : bytes;
}
