import { Samples } from './figures.ts';

/** Half a frame: a generator that is later than this plays and reads too late to be the truth. */
const heldUpMs = 10;

/** Counts by name. */
export class Tally {
  readonly #counts = new Map<string, number>();

  add(name: string, count = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
  }

  get total(): number {
    let total = 0;
    for (const count of this.#counts.values()) total += count;
    return total;
  }

  toObject(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => a.localeCompare(b)));
  }
}

/** Everything that one run observes. Latencies are collected only while a window is open; faults always. */
export class Meter {
  /** Stamped caller frame leaves the carrier side until its payload reaches the model side, ms. */
  upstreamMs = new Samples();
  /** Stamped delta leaves the model side until its first bytes reach the carrier side, ms. */
  downstreamMs = new Samples();
  /** `speech_started` leaves the model side until `clear` reaches the carrier side, ms. */
  clearMs = new Samples();
  /** How late the generator's own ticks are, ms: the trust that the latencies deserve. */
  generatorLateMs = new Samples();
  /** By scenario: what the model believes was heard minus what the carrier played, ms. */
  readonly truncationMs = new Map<string, Samples>();
  framesSent = 0;
  framesArrived = 0;
  framesLost = 0;
  downstreamBlocksLost = 0;
  /** Frames of carriers that are paced which came short or twice. */
  unevenFrames = 0;
  deadBytes = 0;
  interruptions = 0;
  missedClears = 0;
  /** Cuts that say nothing, because the generator itself was late while the answer played. */
  disturbedCuts = 0;
  /** Protocol mistakes of the subject, by name. */
  readonly violations = new Tally();
  /** Errors that the model side had to answer with, by code. */
  readonly rejections = new Tally();
  measuring = false;
  windowStartMs = 0;
  /** The end of the last time that the generator was held up for longer than half a frame. */
  #heldUpAtMs = Number.NEGATIVE_INFINITY;

  /** Notes by how much a tick of the generator came late. */
  tick(lateMs: number): void {
    if (lateMs > heldUpMs) this.#heldUpAtMs = performance.now();
    if (this.measuring) this.generatorLateMs.add(lateMs);
  }

  /** Whether what was timed since `sinceMs` can be trusted. */
  undisturbedSince(sinceMs: number): boolean {
    return this.#heldUpAtMs < sinceMs;
  }

  /** Starts a fresh window for the latencies. */
  openWindow(): void {
    this.upstreamMs = new Samples();
    this.downstreamMs = new Samples();
    this.clearMs = new Samples();
    this.generatorLateMs = new Samples();
    this.windowStartMs = performance.now();
    this.measuring = true;
  }

  closeWindow(): void {
    this.measuring = false;
  }

  truncation(scenario: string, errorMs: number): void {
    let samples = this.truncationMs.get(scenario);
    if (!samples) {
      samples = new Samples();
      this.truncationMs.set(scenario, samples);
    }
    samples.add(errorMs);
  }
}
