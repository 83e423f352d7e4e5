import type { Clock, Timeout } from '../../src/base/clock.ts';

export interface EarEvents {
  /** Everything before the mark was played; never called for marks that a clear took away. */
  played(name: string): void;
  /** A clear took this mark away. */
  cleared(name: string): void;
  /** Something sounds after silence. */
  started?(): void;
  /** All that there was has been played; not after a clear. */
  completed?(): void;
  changed(): void;
}

export interface Clearing {
  readonly atMs: number;
  /** Played since the call began. */
  readonly playedMs: number;
  /** Queued and now dropped. */
  readonly droppedMs: number;
  /** Bytes received since the call began. */
  readonly receivedBytes: number;
}

interface Boundary {
  /** Bytes of the run. */
  readonly at: number;
  readonly reached: () => void;
}

/** The carrier's loudspeaker: plays what it gets in order and in real time, and knows to the byte what was heard. */
export class Ear {
  readonly clears: Clearing[] = [];
  readonly #clock: Clock;
  readonly #bytesPerMs: number;
  readonly #events: EarEvents;
  readonly #received: Buffer[] = [];
  readonly #heard: Buffer[] = [];
  #receivedBytes = 0;
  /** Played in runs that are over. */
  #playedBytes = 0;
  #run: Buffer[] = [];
  #runBytes = 0;
  #runStartedAt = 0;
  #quietSince: number;
  #marks: (Boundary & { readonly name: string })[] = [];
  #timer: Timeout | undefined;

  constructor(clock: Clock, bytesPerMs: number, events: EarEvents) {
    this.#clock = clock;
    this.#bytesPerMs = bytesPerMs;
    this.#events = events;
    this.#quietSince = clock.now();
  }

  get playedMs(): number {
    return (this.#playedBytes + this.#position()) / this.#bytesPerMs;
  }

  get receivedMs(): number {
    return this.#receivedBytes / this.#bytesPerMs;
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** For how long nothing has sounded; 0 while something does. */
  get quietMs(): number {
    this.#settle();
    return this.#runBytes > 0 ? 0 : this.#clock.now() - this.#quietSince;
  }

  /** Everything that ever arrived, cleared or not. */
  received(fromByte = 0): Buffer {
    return Buffer.concat(this.#received).subarray(fromByte);
  }

  /** Exactly what the caller heard. */
  heard(): Buffer {
    return Buffer.concat([...this.#heard, Buffer.concat(this.#run).subarray(0, this.#position())]);
  }

  play(audio: Buffer): void {
    this.#settle();
    if (audio.length > 0) {
      const begins = this.#runBytes === 0;
      if (begins) this.#runStartedAt = this.#clock.now();
      this.#received.push(audio);
      this.#receivedBytes += audio.length;
      this.#run.push(audio);
      this.#runBytes += audio.length;
      this.#arm();
      if (begins) this.#events.started?.();
    }
    this.#events.changed();
  }

  mark(name: string): void {
    this.#settle();
    const reached = (): void => this.#events.played(name);
    if (this.#runBytes === 0) reached();
    else this.#marks.push({ at: this.#runBytes, name, reached });
    this.#events.changed();
  }

  clear(): void {
    this.#settle();
    const position = this.#position();
    this.clears.push({
      atMs: this.#clock.now(),
      playedMs: (this.#playedBytes + position) / this.#bytesPerMs,
      droppedMs: (this.#runBytes - position) / this.#bytesPerMs,
      receivedBytes: this.#receivedBytes,
    });
    const marks = this.#marks;
    this.#endRun(position);
    for (const { name } of marks) this.#events.cleared(name);
    this.#events.changed();
  }

  close(): void {
    this.#settle();
    this.#endRun(this.#position());
  }

  #position(): number {
    if (this.#runBytes === 0) return 0;
    const due = Math.floor((this.#clock.now() - this.#runStartedAt) * this.#bytesPerMs);
    return Math.min(this.#runBytes, due - (due % 2));
  }

  /** Tells the marks that are due and ends a run that was played out. */
  #settle(): void {
    const position = this.#position();
    const due = this.#marks.filter(({ at }) => at <= position);
    this.#marks = this.#marks.filter(({ at }) => at > position);
    const ends = this.#runBytes > 0 && position >= this.#runBytes;
    if (ends) this.#endRun(position);
    for (const { reached } of due) reached();
    if (ends) this.#events.completed?.();
  }

  #endRun(position: number): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (position > 0) this.#heard.push(Buffer.concat(this.#run).subarray(0, position));
    if (this.#runBytes > 0) this.#quietSince = this.#runStartedAt + position / this.#bytesPerMs;
    this.#playedBytes += position;
    this.#run = [];
    this.#runBytes = 0;
    this.#marks = [];
  }

  /** While something plays, looks every few milliseconds: for marks, and for tests that wait for a position. */
  #arm(): void {
    this.#timer ??= this.#clock.setTimeout(() => {
      this.#timer = undefined;
      this.#settle();
      if (this.#runBytes > 0) this.#arm();
      this.#events.changed();
    }, 5);
  }
}
