import { type AudioFormat, bytesPerSample } from '../../audio/format.ts';
import type { Clock, Timeout } from '../../base/clock.ts';

/** Nearer than this is the same moment: keeps fractions of binary clocks from losing a sample. */
const epsilonSamples = 1e-6;

/** Why a mark came back: all before it was played, nothing was queued, or the queue was cleared. */
export type MarkReturn = 'played' | 'idle' | 'cleared';

export interface PlayedMedia {
  readonly receivedAtMs: number;
  readonly samples: number;
  /** Undefined while it waits, or when it was cleared before its first sample. */
  startedAtMs: number | undefined;
  playedSamples: number;
  /** When it was cleared before its last sample. */
  clearedAtMs: number | undefined;
}

export interface PlayedMark {
  readonly name: string;
  readonly receivedAtMs: number;
  /** Undefined while it waits, and for ever where a clear drops marks. */
  returnedAtMs: number | undefined;
  how: MarkReturn | undefined;
}

export interface PlayerClear {
  readonly atMs: number;
  /** Played since the carrier last fell silent, up to the clear; 0 when it was idle. */
  readonly stretchMs: number;
  /** Played since the start of the stream. */
  readonly playedMs: number;
  readonly droppedMs: number;
  readonly marks: readonly string[];
}

/** What the player tells its owner; times are the player's exact ones, also where the timer fired late. */
export interface MediaPlayerEvents {
  mark?(name: string, how: MarkReturn): void;
  /** The first sample after silence sounds. */
  started?(atMs: number): void;
  /** The last queued sample was played, or the queue was cleared. */
  silent?(atMs: number, how: 'played' | 'cleared'): void;
}

export interface MediaPlayerOptions {
  /** What becomes of pending marks at a clear: they come back at once (Twilio, Telnyx), or never (Plivo, Asterisk). */
  readonly marksOnClear?: 'returned' | 'dropped';
  /** After silence, audio waits this long before it sounds: takes the jitter out of audio that comes in real time. */
  readonly startDelayMs?: number;
  /** Keeps what was played for `playedAudio()`. */
  readonly keepAudio?: boolean;
  /** Longest queue, in milliseconds; media beyond it is refused. */
  readonly maxQueuedMs?: number;
  /** Silence between two pieces that is shorter than this is an underrun, not the end of an answer. */
  readonly underrunBelowMs?: number;
  /** Records kept of media, marks and clears each; the oldest half is forgotten beyond it. */
  readonly historyLimit?: number;
}

/** What a line needs of whatever plays on it. */
export type LinePlayer = Pick<
  MediaPlayer,
  | 'media'
  | 'marks'
  | 'clears'
  | 'underruns'
  | 'underrunMs'
  | 'stalls'
  | 'playing'
  | 'playedMs'
  | 'play'
  | 'mark'
  | 'clear'
  | 'stall'
  | 'playedAudio'
  | 'close'
>;

interface Queued {
  readonly from: number;
  readonly record: PlayedMedia;
  readonly audio: Uint8Array | undefined;
}

/**
 * The buffer in which a carrier plays what the gateway sends: in arrival order, in real time, to the sample. A mark
 * comes back when everything before it was played, or at once when nothing is queued; a clear empties the buffer.
 * Needs no socket and no caller: only a clock.
 */
export class MediaPlayer {
  readonly media: PlayedMedia[] = [];
  readonly marks: PlayedMark[] = [];
  readonly clears: PlayerClear[] = [];
  underruns = 0;
  underrunMs = 0;
  stalls = 0;
  readonly #clock: Clock;
  readonly #samplesPerMs: number;
  readonly #bytesPerSample: number;
  readonly #events: MediaPlayerEvents;
  readonly #options: Required<MediaPlayerOptions>;
  readonly #heard: Uint8Array[] = [];
  /** The current run: from the first sample after silence to the end of the queue, in samples. */
  #anchorMs = 0;
  #runSamples = 0;
  #floor = 0;
  #queued: Queued[] = [];
  #pendingMarks: { readonly at: number; readonly record: PlayedMark }[] = [];
  #playedBefore = 0;
  #endedAtMs: number | undefined;
  #timer: Timeout | undefined;
  #dueMs = 0;

  constructor(
    clock: Clock,
    format: AudioFormat,
    events: MediaPlayerEvents = {},
    options: MediaPlayerOptions = {},
  ) {
    this.#clock = clock;
    this.#samplesPerMs = format.sampleRate / 1000;
    this.#bytesPerSample = bytesPerSample(format);
    this.#events = events;
    this.#options = {
      marksOnClear: 'returned',
      startDelayMs: 0,
      keepAudio: false,
      maxQueuedMs: 600_000,
      underrunBelowMs: 300,
      historyLimit: 20_000,
      ...options,
    };
  }

  /** Whether a sample sounds now (or is held by a stall). */
  get playing(): boolean {
    this.#settle();
    return this.#runSamples > 0;
  }

  /** Samples played since the start, to the sample, at this moment of the clock. */
  get playedSamples(): number {
    this.#settle();
    return this.#playedBefore + this.#position();
  }

  get playedMs(): number {
    return this.playedSamples / this.#samplesPerMs;
  }

  get queuedMs(): number {
    this.#settle();
    return (this.#runSamples - this.#position()) / this.#samplesPerMs;
  }

  /** Queues whole samples of audio. The time its first one will sound, or undefined when refused. */
  play(audio: Uint8Array): number | undefined {
    this.#settle();
    const now = this.#clock.now();
    const queued = this.#runSamples - this.#position();
    const samples = Math.floor(audio.length / this.#bytesPerSample);
    if (queued + samples > this.#options.maxQueuedMs * this.#samplesPerMs) return undefined;
    const record: PlayedMedia = {
      receivedAtMs: now,
      samples,
      startedAtMs: undefined,
      playedSamples: 0,
      clearedAtMs: undefined,
    };
    this.#remember(this.media, record);
    if (samples === 0) return now;
    const startsRun = this.#runSamples === 0;
    if (startsRun) this.#startRun(now);
    const from = this.#runSamples;
    this.#queued.push({ from, record, audio: this.#options.keepAudio ? audio : undefined });
    this.#runSamples += samples;
    if (startsRun) {
      record.startedAtMs = this.#anchorMs;
      this.#events.started?.(this.#anchorMs);
    }
    this.#arm();
    return this.#anchorMs + from / this.#samplesPerMs;
  }

  mark(name: string): void {
    this.#settle();
    const record: PlayedMark = {
      name,
      receivedAtMs: this.#clock.now(),
      returnedAtMs: undefined,
      how: undefined,
    };
    this.#remember(this.marks, record);
    if (this.#runSamples === 0) {
      this.#return(record, 'idle', record.receivedAtMs);
      return;
    }
    this.#pendingMarks.push({ at: this.#runSamples, record });
    this.#arm();
  }

  clear(): void {
    this.#settle();
    const now = this.#clock.now();
    const position = this.#position();
    const marks = this.#pendingMarks.map(({ record }) => record);
    this.#remember(this.clears, {
      atMs: now,
      stretchMs: position / this.#samplesPerMs,
      playedMs: (this.#playedBefore + position) / this.#samplesPerMs,
      droppedMs: (this.#runSamples - position) / this.#samplesPerMs,
      marks: marks.map(({ name }) => name),
    });
    const wasPlaying = this.#runSamples > 0;
    this.#finishQueued(position, now);
    this.#endRun(position, undefined);
    if (wasPlaying) this.#events.silent?.(now, 'cleared');
    for (const record of marks) {
      if (this.#options.marksOnClear === 'returned') this.#return(record, 'cleared', now);
      else record.how = 'cleared';
    }
  }

  /** The carrier's playout stands still for `forMs`; nothing happens when it is silent. */
  stall(forMs: number): void {
    this.#settle();
    if (this.#runSamples === 0) return;
    this.stalls += 1;
    this.#floor = this.#position();
    this.#anchorMs += forMs;
    this.#arm();
  }

  /** Everything the caller heard, in order; empty unless `keepAudio` is set. */
  playedAudio(): Uint8Array {
    this.#settle();
    const position = this.#position();
    const current = this.#queued.map(({ from, audio }) =>
      audio?.subarray(0, Math.max(0, position - from) * this.#bytesPerSample),
    );
    return Buffer.concat([...this.#heard, ...current.filter((part) => part !== undefined)]);
  }

  /** Stops the timer; what was played up to now stays on record. */
  close(): void {
    this.#settle();
    const position = this.#position();
    this.#finishQueued(position, this.#clock.now());
    this.#endRun(position, undefined);
  }

  #startRun(now: number): void {
    this.#anchorMs = now + this.#options.startDelayMs;
    this.#floor = 0;
    const gapMs = this.#endedAtMs === undefined ? 0 : this.#anchorMs - this.#endedAtMs;
    if (gapMs <= epsilonSamples || gapMs >= this.#options.underrunBelowMs) return;
    this.underruns += 1;
    this.underrunMs += gapMs;
  }

  #position(): number {
    const passed = Math.floor((this.#clock.now() - this.#anchorMs) * this.#samplesPerMs + epsilonSamples);
    return Math.min(this.#runSamples, Math.max(this.#floor, passed));
  }

  /** Brings the records up to now: what started, which marks are due, whether the run is over. */
  #settle(): void {
    if (this.#runSamples === 0) return;
    const position = this.#position();
    let done = 0;
    for (const { from, record, audio } of this.#queued) {
      if (from >= position && from > 0) break;
      record.startedAtMs ??= this.#anchorMs + from / this.#samplesPerMs;
      record.playedSamples = Math.min(record.samples, position - from);
      if (record.playedSamples < record.samples) break;
      if (audio !== undefined) this.#heard.push(audio);
      done += 1;
    }
    if (done > 0) this.#queued.splice(0, done);
    const due = this.#pendingMarks.findIndex(({ at }) => at > position);
    const returned = this.#pendingMarks.splice(0, due === -1 ? this.#pendingMarks.length : due);
    const endedAtMs = this.#anchorMs + this.#runSamples / this.#samplesPerMs;
    const ended = position >= this.#runSamples;
    if (ended) this.#endRun(position, endedAtMs);
    // Told after the state is settled: whoever listens may play, mark or clear at once.
    if (ended) this.#events.silent?.(endedAtMs, 'played');
    for (const { record } of returned) this.#return(record, 'played', this.#clock.now());
  }

  #finishQueued(position: number, now: number): void {
    for (const { from, record, audio } of this.#queued) {
      const played = Math.max(0, Math.min(record.samples, position - from));
      record.playedSamples = played;
      if (played > 0) record.startedAtMs ??= this.#anchorMs + from / this.#samplesPerMs;
      record.clearedAtMs = now;
      if (audio !== undefined && played > 0)
        this.#heard.push(audio.subarray(0, played * this.#bytesPerSample));
    }
  }

  #endRun(position: number, endedAtMs: number | undefined): void {
    this.#playedBefore += position;
    this.#runSamples = 0;
    this.#floor = 0;
    this.#queued = [];
    this.#pendingMarks = [];
    this.#endedAtMs = endedAtMs;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #return(record: PlayedMark, how: MarkReturn, atMs: number): void {
    record.how = how;
    record.returnedAtMs = atMs;
    this.#events.mark?.(record.name, how);
  }

  /** One timer: for the next mark, or for the end of the run. */
  #arm(): void {
    if (this.#runSamples === 0) return;
    const at = this.#pendingMarks[0]?.at ?? this.#runSamples;
    const dueMs = this.#anchorMs + at / this.#samplesPerMs;
    if (this.#timer !== undefined && dueMs === this.#dueMs) return;
    this.#timer?.cancel();
    this.#dueMs = dueMs;
    this.#timer = this.#clock.setTimeout(
      () => {
        this.#timer = undefined;
        this.#settle();
        if (this.#timer === undefined) this.#arm();
      },
      Math.max(0, dueMs - this.#clock.now()),
    );
  }

  #remember<T>(list: T[], record: T): void {
    if (list.length >= this.#options.historyLimit) list.splice(0, Math.ceil(list.length / 2));
    list.push(record);
  }
}
