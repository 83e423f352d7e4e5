import type { AudioChunk } from '../../audio/chunk.ts';
import type { AudioFormat } from '../../audio/format.ts';
import type { Leg, LegEnd, LegEvents, PlaybackTraits } from '../../call/leg.ts';
import type { Party } from '../../call/party.ts';
import type { AsteriskStream, StreamOwner } from './stream.ts';
import { framesOf, type MediaStart } from './wire.ts';

/** Frames that Asterisk may be sent ahead; at 900 it asks for a stop, and beyond 1,000 it drops what comes. */
const maxQueuedFrames = 850;

export interface AsteriskLegOptions {
  readonly carrierCallId: string;
  readonly party: Party;
  readonly format: AudioFormat;
  readonly start: MediaStart;
  /** Agent audio that Asterisk is sent ahead of the ear. */
  readonly maxQueuedMs: number;
  readonly stream: AsteriskStream;
}

/** One call of Asterisk's WebSocket channel, from MEDIA_START on. */
export class AsteriskLeg implements Leg, StreamOwner {
  readonly carrier = 'asterisk';
  readonly carrierCallId: string;
  readonly party: Party;
  readonly receives: AudioFormat;
  readonly sends: AudioFormat;
  readonly playback: PlaybackTraits;
  readonly #stream: AsteriskStream;
  #phase: 'new' | 'connected' | 'ended' = 'new';
  #events: LegEvents | undefined;
  #hangUp: Promise<void> | undefined;

  constructor(options: AsteriskLegOptions) {
    this.carrierCallId = options.carrierCallId;
    this.party = options.party;
    this.receives = options.format;
    this.sends = options.format;
    this.playback = playbackOf(options);
    this.#stream = options.stream;
  }

  attach(events: LegEvents): void {
    this.#events = events;
  }

  streamOpened(): void {
    this.#events?.answered();
    // Whoever heard of the answer may have hung up in the same breath.
    if (this.#phase !== 'new' || this.#hangUp !== undefined) return;
    this.#stream.answer();
    this.#phase = 'connected';
    this.#events?.connected();
  }

  callerAudio(audio: AudioChunk): void {
    this.#events?.audio(audio);
  }

  callerDigit(digit: string): void {
    this.#events?.digit(digit);
  }

  markPlayed(name: string): void {
    this.#events?.played({ type: 'mark', name });
  }

  flow(open: boolean): void {
    this.#events?.flow?.(open);
  }

  streamEnded(end: LegEnd): void {
    if (this.#phase === 'ended') return;
    this.#phase = 'ended';
    const events = this.#events;
    this.#events = undefined;
    events?.ended(end);
  }

  play(audio: AudioChunk): void {
    this.#stream.play(audio);
  }

  mark(name: string): void {
    this.#stream.mark(name);
  }

  clear(): void {
    if (this.playback.buffering === 'queued') this.#stream.clear();
  }

  hangUp(): Promise<void> {
    if (this.#phase === 'ended') return this.#hangUp ?? Promise.resolve();
    this.#hangUp ??= this.#hangUpNow();
    return this.#hangUp;
  }

  async #hangUpNow(): Promise<void> {
    await this.#stream.close();
    this.streamEnded({ reason: 'hung-up' });
  }
}

/**
 * Documentation: "MARK_MEDIA", "FLUSH_MEDIA". Asterisk queues what it gets and plays a frame of it at a time; a rest
 * that is no whole frame is dropped. Media pauses with the phone's, on hold for one.
 */
function playbackOf({ start, format, maxQueuedMs }: AsteriskLegOptions): PlaybackTraits {
  const { frameMs, maxChunkMs } = framesOf(start, format);
  if (start.unqueued) {
    return {
      buffering: 'paced',
      acknowledges: 'nothing',
      markEveryMs: 0,
      continuousMedia: false,
      delivery: { frameMs },
    };
  }
  return {
    buffering: 'queued',
    // Versions that do not tell the channel's id know no marks either, and log a warning at each.
    acknowledges: start.channelId === undefined ? 'nothing' : 'marks',
    markEveryMs: 200,
    continuousMedia: false,
    delivery: { frameMs, maxChunkMs, leadMs: Math.min(maxQueuedMs, maxQueuedFrames * frameMs) },
  };
}
