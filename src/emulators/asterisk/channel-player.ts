import { type AudioFormat, bytesPerMs } from '../../audio/format.ts';
import type { Clock, Timeout } from '../../base/clock.ts';
import { frameMs } from '../phone/caller-audio.ts';
import type {
  LinePlayer,
  MediaPlayerEvents,
  MediaPlayerOptions,
  PlayedMark,
  PlayedMedia,
  PlayerClear,
} from '../phone/media-player.ts';
import type { ChannelEvent, QueueStatus } from './channel-event.ts';
import { MediaQueue } from './media-queue.ts';

export interface ChannelPlayerOptions extends Pick<MediaPlayerOptions, 'keepAudio' | 'historyLimit'> {
  readonly clock: Clock;
  readonly format: AudioFormat;
  /** Events other than marks, which go the line's own way. */
  tell(event: ChannelEvent): void;
}

/** As `MediaPlayer` has them. */
const underrunBelowMs = 300;
const defaultHistory = 20_000;

/**
 * The WebSocket channel's playing: one frame of its queue goes to the phone at each tick of its timer, which runs from
 * the start of the call whether there is something to play or not.
 */
export class ChannelPlayer implements LinePlayer {
  readonly media: PlayedMedia[] = [];
  readonly marks: PlayedMark[] = [];
  readonly clears: PlayerClear[] = [];
  underruns = 0;
  underrunMs = 0;
  stalls = 0;
  readonly #options: ChannelPlayerOptions;
  readonly #queue: MediaQueue;
  readonly #bytesPerMs: number;
  readonly #heard: Buffer[] = [];
  #events: MediaPlayerEvents = {};
  #startedAtMs: number;
  /** Ticks that are over. */
  #ticks = 0;
  #timer: Timeout | undefined;
  /** Given to the phone so far, and what of it since it last fell silent. */
  #givenBytes = 0;
  #stretchBytes = 0;
  /** When the frame that sounds was given out; undefined: nothing sounds. */
  #soundingSinceMs: number | undefined;
  #soundingBytes = 0;
  #silentAtMs: number | undefined;
  #waiting: { readonly record: PlayedMedia; bytes: number }[] = [];
  #pendingMarks: { readonly record: PlayedMark; readonly idle: boolean }[] = [];

  constructor(options: ChannelPlayerOptions) {
    this.#options = options;
    this.#bytesPerMs = bytesPerMs(options.format);
    this.#startedAtMs = options.clock.now();
    this.#queue = new MediaQueue({
      frameBytes: this.#bytesPerMs * frameMs,
      tell: (event) => this.#told(event),
    });
  }

  /** Who is told what is played. */
  listen(events: MediaPlayerEvents): this {
    this.#events = events;
    return this;
  }

  get status(): QueueStatus {
    return this.#queue.status;
  }

  get playing(): boolean {
    return this.#soundingSinceMs !== undefined;
  }

  /** To the sample, at this moment of the clock. */
  get playedMs(): number {
    if (this.#soundingSinceMs === undefined) return this.#givenBytes / this.#bytesPerMs;
    const intoFrame = this.#options.clock.now() - this.#soundingSinceMs;
    const toComeMs = Math.max(0, this.#soundingBytes / this.#bytesPerMs - intoFrame);
    return this.#givenBytes / this.#bytesPerMs - toComeMs;
  }

  /** What of a message would fill no frame, and is not kept for the next. */
  tailOf(messageBytes: number): number {
    return this.#queue.tailOf(messageBytes);
  }

  /** When the first sample of a message sounds, or undefined when the queue is full: the message is lost. */
  play(audio: Uint8Array): number | undefined {
    const queuedMs = this.#queue.queuedBytes / this.#bytesPerMs;
    const now = this.#options.clock.now();
    const taken = this.#queue.take(Buffer.from(audio));
    if (taken.refused) return undefined;
    const bytes = audio.length - taken.droppedBytes;
    const record: PlayedMedia = {
      receivedAtMs: now,
      samples: Math.floor((bytes / this.#bytesPerMs) * (this.#options.format.sampleRate / 1000)),
      startedAtMs: undefined,
      playedSamples: 0,
      clearedAtMs: undefined,
    };
    this.#remember(this.media, record);
    if (bytes > 0) this.#waiting.push({ record, bytes });
    this.#arm();
    return this.#nextTickAtMs() + queuedMs;
  }

  startBuffering(): void {
    this.#queue.startBuffering();
  }

  stopBuffering(id: string): void {
    this.#queue.stopBuffering(id);
    this.#arm();
  }

  reportDrained(): void {
    this.#queue.reportDrained();
    this.#arm();
  }

  pause(on: boolean): void {
    this.#queue.pause(on);
    this.#arm();
  }

  mark(name: string): void {
    const record: PlayedMark = {
      name,
      receivedAtMs: this.#options.clock.now(),
      returnedAtMs: undefined,
      how: undefined,
    };
    this.#remember(this.marks, record);
    this.#pendingMarks.push({ record, idle: !this.playing && this.status.queueLength === 0 });
    this.#queue.mark(name);
    this.#arm();
  }

  /** Pending marks are dropped too. What was given to the phone is heard to its end, at most one frame. */
  clear(): void {
    const now = this.#options.clock.now();
    const { bytes, marks } = this.#queue.flush();
    for (const { record } of this.#pendingMarks) record.how = 'cleared';
    this.#pendingMarks = [];
    for (const { record } of this.#waiting) record.clearedAtMs = now;
    this.#waiting = [];
    this.#remember(this.clears, {
      atMs: now,
      stretchMs: this.playing ? this.#stretchBytes / this.#bytesPerMs : 0,
      playedMs: this.#givenBytes / this.#bytesPerMs,
      droppedMs: bytes / this.#bytesPerMs,
      marks,
    });
    const sounded = this.playing;
    this.#fallSilent(now);
    if (sounded) this.#events.silent?.(now, 'cleared');
    this.#arm();
  }

  /** The timer stands still for `forMs`; nothing happens when nothing sounds. */
  stall(forMs: number): void {
    if (!this.playing) return;
    this.stalls += 1;
    this.#startedAtMs += forMs;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#arm();
  }

  /** Everything that the phone was given, in order; empty unless `keepAudio` is set. */
  playedAudio(): Buffer {
    return Buffer.concat(this.#heard);
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#queue.flush();
    this.#fallSilent(this.#options.clock.now());
  }

  #nextTickAtMs(): number {
    return this.#startedAtMs + (this.#ticks + 1) * frameMs;
  }

  /** Ticks that find nothing need no timer: they are counted when there is something again. */
  #arm(): void {
    if (this.#timer !== undefined) return;
    const now = this.#options.clock.now();
    this.#ticks = Math.max(this.#ticks, Math.floor((now - this.#startedAtMs) / frameMs));
    if (!this.playing && this.#queue.idle) return;
    this.#timer = this.#options.clock.setTimeout(
      () => {
        this.#timer = undefined;
        this.#tickAll();
      },
      Math.max(0, this.#nextTickAtMs() - now),
    );
  }

  /** System timers may fire a fraction of a millisecond early, and late: what was missed is made up for. */
  #tickAll(): void {
    const now = this.#options.clock.now();
    for (let atMs = this.#nextTickAtMs(); atMs <= now + 0.5; atMs = this.#nextTickAtMs()) {
      this.#ticks += 1;
      this.#tick(atMs);
    }
    this.#arm();
  }

  #tick(atMs: number): void {
    const frame = this.#queue.tick();
    if (frame === undefined) {
      if (!this.playing) return;
      this.#fallSilent(atMs);
      this.#events.silent?.(atMs, 'played');
      return;
    }
    const begins = !this.playing;
    if (begins) this.#begin(atMs);
    this.#give(frame, atMs);
    if (begins) this.#events.started?.(atMs);
  }

  #begin(atMs: number): void {
    this.#stretchBytes = 0;
    const gapMs = this.#silentAtMs === undefined ? underrunBelowMs : atMs - this.#silentAtMs;
    if (gapMs >= underrunBelowMs) return;
    this.underruns += 1;
    this.underrunMs += gapMs;
  }

  #give(frame: Buffer, atMs: number): void {
    this.#soundingSinceMs = atMs;
    this.#soundingBytes = frame.length;
    this.#givenBytes += frame.length;
    this.#stretchBytes += frame.length;
    if (this.#options.keepAudio === true) this.#heard.push(frame);
    const samplesPerByte = this.#options.format.sampleRate / 1000 / this.#bytesPerMs;
    for (let left = frame.length; left > 0; ) {
      const first = this.#waiting[0];
      if (first === undefined) break;
      const bytes = Math.min(left, first.bytes);
      first.record.startedAtMs ??= atMs + (frame.length - left) / this.#bytesPerMs;
      first.record.playedSamples += bytes * samplesPerByte;
      first.bytes -= bytes;
      left -= bytes;
      if (first.bytes === 0) this.#waiting.shift();
    }
  }

  #fallSilent(atMs: number): void {
    if (!this.playing) return;
    this.#soundingSinceMs = undefined;
    this.#silentAtMs = atMs;
  }

  #told(event: ChannelEvent): void {
    if (event.event !== 'MEDIA_MARK_PROCESSED') {
      this.#options.tell(event);
      return;
    }
    const pending = this.#pendingMarks.shift();
    if (pending === undefined) return;
    pending.record.returnedAtMs = this.#options.clock.now();
    pending.record.how = pending.idle ? 'idle' : 'played';
    this.#events.mark?.(event.id, pending.record.how);
  }

  #remember<T>(list: T[], record: T): void {
    const limit = this.#options.historyLimit ?? defaultHistory;
    if (list.length >= limit) list.splice(0, Math.ceil(list.length / 2));
    list.push(record);
  }
}
