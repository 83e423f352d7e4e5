import { AudioChunk } from '../audio/chunk.ts';
import { createConverter } from '../audio/convert.ts';
import { type AudioFormat, bytesPerMs, silenceByte } from '../audio/format.ts';
import type { Clock, Timeout } from '../base/clock.ts';
import type { AudioSink } from './model-session.ts';

/** Gaps in the carrier's timestamps are filled up to this length. */
const maxGapMs = 10_000;
/** A gap that is longer than the time that passed by more than this is a jump of the media clock. */
const gapToleranceMs = 1000;
/** A media clock that falls back by more than this has started anew; less is audio out of order. */
const restartMs = 1000;
/** Differences smaller than this are rounding. */
const minGapMs = 10;
/** Media that stops for this long while the caller speaks is followed by silence, so that the turn can end. */
const stalledAfterMs = 750;
const stallSilenceMs = 1000;
/** By then it was more than the longest silence that a model waits for (OPENAI_VAD_SILENCE_DURATION_MS). */
const stallOverMs = 10_750;

export interface UplinkEvents {
  /** Caller audio fell out of the early buffer, or was lost with a model. */
  lost(lostMs: number): void;
}

export interface UplinkOptions {
  readonly clock: Clock;
  /** Format of the leg. */
  readonly from: AudioFormat;
  /** Format of the model session. */
  readonly to: AudioFormat;
  /** How much caller audio is kept while the model is not ready; then the oldest goes first. */
  readonly holdMs: number;
  readonly events: UplinkEvents;
}

/**
 * Caller audio on its way to the model: in order, with silence where the carrier's media clock has gaps, held while
 * the model is not ready.
 */
export class Uplink {
  readonly #clock: Clock;
  readonly #from: AudioFormat;
  readonly #bytesPerMs: number;
  readonly #toBytesPerMs: number;
  readonly #holdMs: number;
  readonly #events: UplinkEvents;
  readonly #convert: ReturnType<typeof createConverter>;
  #sink: AudioSink | undefined;
  /** What it had dropped before it was ours. */
  #droppedBefore = 0;
  #held: AudioChunk[] = [];
  #heldMs = 0;
  #paddedMs = 0;
  #lostMs = 0;
  /** Where the carrier's media clock should stand at the next chunk. */
  #expectedMs: number | undefined;
  /** Silence put in by the stall watch, to be taken off the gap that it filled. */
  #injectedMs = 0;
  #lastAudioAt = 0;
  #watching = false;
  #stallTimer: Timeout | undefined;

  constructor(options: UplinkOptions) {
    this.#clock = options.clock;
    this.#from = options.from;
    this.#bytesPerMs = bytesPerMs(options.from);
    this.#toBytesPerMs = bytesPerMs(options.to);
    this.#holdMs = options.holdMs;
    this.#events = options.events;
    this.#convert = createConverter(options.from, options.to);
    this.#lastAudioAt = Math.floor(options.clock.now());
  }

  get lostMs(): number {
    return this.#lostMs + this.#droppedMs;
  }

  get paddedMs(): number {
    return this.#paddedMs;
  }

  /** When caller audio last arrived, by the clock. */
  get lastAudioAt(): number {
    return this.#lastAudioAt;
  }

  push(chunk: AudioChunk, timestampMs?: number): void {
    // Whole milliseconds, which live in this object; a fraction would be one more to fetch, for every frame.
    const now = Math.floor(this.#clock.now());
    const idleMs = now - this.#lastAudioAt;
    this.#lastAudioAt = now;
    if (timestampMs !== undefined) this.#fillGap(timestampMs, chunk.byteLength / this.#bytesPerMs, idleMs);
    if (this.#watching && !this.#stallTimer) this.#armStall(stalledAfterMs);
    this.#forward(chunk);
  }

  /** The model takes audio: what was held goes first. */
  open(sink: AudioSink): void {
    this.hold();
    this.#sink = sink;
    this.#droppedBefore = sink.droppedBytes ?? 0;
    const held = this.#held;
    this.#held = [];
    this.#heldMs = 0;
    for (const chunk of held) sink.appendAudio(chunk);
  }

  /** The model takes no audio for now. */
  hold(): void {
    const droppedMs = this.#droppedMs;
    this.#sink = undefined;
    this.countLost(droppedMs);
  }

  /** So much of the caller will never be answered. */
  countLost(lostMs: number): void {
    if (lostMs <= 0) return;
    this.#lostMs += lostMs;
    this.#events.lost(lostMs);
  }

  /** While the caller speaks, media that stops is followed by silence. */
  watchStall(on: boolean): void {
    this.#watching = on;
    this.#stallTimer?.cancel();
    this.#stallTimer = undefined;
    if (on) this.#armStall(stalledAfterMs);
  }

  close(): void {
    this.watchStall(false);
    this.hold();
    this.#held = [];
    this.#heldMs = 0;
  }

  /** What the sink of now was given and has dropped. */
  get #droppedMs(): number {
    return this.#sink ? ((this.#sink.droppedBytes ?? 0) - this.#droppedBefore) / this.#toBytesPerMs : 0;
  }

  /** `idleMs`: since the chunk before this one arrived. */
  #fillGap(timestampMs: number, lengthMs: number, idleMs: number): void {
    const gapMs = this.#expectedMs === undefined ? 0 : timestampMs - this.#expectedMs;
    // A little older than expected: repeated or out of order; the order of arrival stands.
    if (gapMs > -minGapMs || gapMs < -restartMs) this.#expectedMs = timestampMs + lengthMs;
    const injectedMs = this.#injectedMs;
    this.#injectedMs = 0;
    if (gapMs < minGapMs || gapMs > idleMs + maxGapMs) return;
    const missingMs = Math.min(gapMs, maxGapMs, idleMs + gapToleranceMs) - injectedMs;
    if (missingMs > 0) this.#silence(missingMs);
  }

  #armStall(delayMs: number): void {
    this.#stallTimer = this.#clock.setTimeout(() => this.#checkStall(), delayMs);
  }

  #checkStall(): void {
    const idleMs = this.#clock.now() - this.#lastAudioAt;
    if (idleMs < stalledAfterMs) {
      this.#armStall(stalledAfterMs - idleMs);
      return;
    }
    this.#stallTimer = undefined;
    this.#injectedMs += stallSilenceMs;
    this.#silence(stallSilenceMs);
    if (idleMs < stallOverMs) this.#armStall(stallSilenceMs);
  }

  #silence(ms: number): void {
    this.#paddedMs += ms;
    const samples = Math.round((ms * this.#from.sampleRate) / 1000);
    const bytes = Math.round((samples * this.#bytesPerMs * 1000) / this.#from.sampleRate);
    this.#forward(AudioChunk.fromBytes(Buffer.alloc(bytes, silenceByte(this.#from))));
  }

  #forward(chunk: AudioChunk): void {
    const converted = this.#convert ? this.#convert.convert(chunk) : chunk;
    if (converted.byteLength === 0) return;
    if (this.#sink) this.#sink.appendAudio(converted);
    else this.#keep(converted);
  }

  #keep(chunk: AudioChunk): void {
    this.#held.push(chunk);
    this.#heldMs += chunk.byteLength / this.#toBytesPerMs;
    let lostMs = 0;
    while (this.#heldMs > this.#holdMs) {
      const dropped = this.#held.shift();
      if (!dropped) break;
      const droppedMs = dropped.byteLength / this.#toBytesPerMs;
      this.#heldMs -= droppedMs;
      lostMs += droppedMs;
    }
    this.countLost(lostMs);
  }
}
