/** How regularly a stream of audio came. Times are milliseconds. */
export interface PacingReport {
  readonly frames: number;
  /** From when a frame was due, counted from the first of its run, to when it was there: the worst of all. */
  readonly maxLateMs: number;
  /** How far a frame came before it was due: the worst of all. */
  readonly maxEarlyMs: number;
  /** Mean distance of a frame from when it was due. */
  readonly meanDeviationMs: number;
  /** The longest time between two frames of a run. */
  readonly maxGapMs: number;
  /** Times at which the stream paused for longer than `pauseMs`; a new run begins after each. */
  readonly pauses: number;
}

export interface PacingOptions {
  readonly frameBytes: number;
  readonly frameMs: number;
  /** Longer than this between two frames is a pause of the sender, not jitter. */
  readonly pauseMs?: number;
}

/** Measures frames of a byte stream against their own schedule: one every `frameMs`, from the first of a run on. */
export class Pacing {
  readonly #options: Required<PacingOptions>;
  #bytes = 0;
  #frames = 0;
  #runFrames = 0;
  #runStartedAtMs = 0;
  #lastAtMs = 0;
  #maxLateMs = 0;
  #maxEarlyMs = 0;
  #deviationMs = 0;
  #maxGapMs = 0;
  #pauses = 0;

  constructor(options: PacingOptions) {
    this.#options = { pauseMs: 200, ...options };
  }

  arrived(bytes: number, atMs: number): void {
    this.#bytes += bytes;
    for (; this.#bytes >= this.#options.frameBytes; this.#bytes -= this.#options.frameBytes)
      this.#frame(atMs);
  }

  get report(): PacingReport {
    return {
      frames: this.#frames,
      maxLateMs: this.#maxLateMs,
      maxEarlyMs: this.#maxEarlyMs,
      meanDeviationMs: this.#frames === 0 ? 0 : this.#deviationMs / this.#frames,
      maxGapMs: this.#maxGapMs,
      pauses: this.#pauses,
    };
  }

  #frame(atMs: number): void {
    const { frameMs, pauseMs } = this.#options;
    const gapMs = atMs - this.#lastAtMs;
    if (this.#frames === 0 || gapMs > pauseMs) {
      if (this.#frames > 0) this.#pauses += 1;
      this.#runStartedAtMs = atMs;
      this.#runFrames = 0;
    } else this.#maxGapMs = Math.max(this.#maxGapMs, gapMs);
    const lateMs = atMs - (this.#runStartedAtMs + this.#runFrames * frameMs);
    this.#maxLateMs = Math.max(this.#maxLateMs, lateMs);
    this.#maxEarlyMs = Math.max(this.#maxEarlyMs, -lateMs);
    this.#deviationMs += Math.abs(lateMs);
    this.#lastAtMs = atMs;
    this.#runFrames += 1;
    this.#frames += 1;
  }
}
