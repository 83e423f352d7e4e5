/** What one pull brought. */
export interface Pulled {
  /** Marks whose last sample before them has now been handed over, in order. */
  readonly marks: readonly string[];
  /** Samples of audio; the rest of the block is silence. */
  readonly samples: number;
  /** Audio came out after a silence that was not a hole. */
  readonly began: boolean;
}

interface Mark {
  readonly name: string;
  /** Samples pushed before it, counted from the start. */
  readonly at: number;
}

/**
 * The audio on its way to the loudspeaker, exact to the sample. A silence in the middle of what was pushed,
 * shorter than `holeSamples`, is counted as an underrun: longer ones are pauses between two answers.
 */
export class PlayoutQueue {
  underruns = 0;
  /** Samples that did not fit. */
  dropped = 0;
  readonly #maxSamples: number;
  readonly #holeSamples: number;
  #chunks: Float32Array[] = [];
  /** Read position in the first chunk. */
  #offset = 0;
  #marks: Mark[] = [];
  #pushed = 0;
  #played = 0;
  #silentFor: number;

  constructor(maxSamples: number, holeSamples: number) {
    this.#maxSamples = maxSamples;
    this.#holeSamples = holeSamples;
    this.#silentFor = holeSamples;
  }

  get queued(): number {
    return this.#pushed - this.#played;
  }

  /** Keeps the array. At the bound the newest audio is dropped, because what comes first must be heard first. */
  push(samples: Float32Array): void {
    const room = this.#maxSamples - this.queued;
    const kept = samples.length > room ? samples.subarray(0, room) : samples;
    this.dropped += samples.length - kept.length;
    if (kept.length === 0) return;
    this.#chunks.push(kept);
    this.#pushed += kept.length;
  }

  mark(name: string): void {
    this.#marks.push({ name, at: this.#pushed });
  }

  /** Drops everything, marks too; what sounds next is no underrun. */
  clear(): void {
    this.#chunks = [];
    this.#offset = 0;
    this.#marks = [];
    this.#played = this.#pushed;
    this.#silentFor = this.#holeSamples;
  }

  /** Fills `out` with audio and, where that runs out, silence. */
  pull(out: Float32Array): Pulled {
    let at = 0;
    while (at < out.length) {
      const chunk = this.#chunks[0];
      if (chunk === undefined) break;
      const part = chunk.subarray(this.#offset, this.#offset + out.length - at);
      out.set(part, at);
      at += part.length;
      this.#offset += part.length;
      if (this.#offset === chunk.length) {
        this.#chunks.shift();
        this.#offset = 0;
      }
    }
    out.fill(0, at);
    this.#played += at;
    const began = this.#countSilence(at, out.length);
    return { marks: this.#passed(), samples: at, began };
  }

  #countSilence(audio: number, block: number): boolean {
    const before = this.#silentFor;
    if (audio > 0) {
      if (before > 0 && before < this.#holeSamples) this.underruns++;
      this.#silentFor = block - audio;
    } else {
      this.#silentFor = Math.min(before + block, this.#holeSamples);
    }
    return audio > 0 && before >= this.#holeSamples;
  }

  #passed(): string[] {
    const names: string[] = [];
    let first = this.#marks[0];
    while (first !== undefined && first.at <= this.#played) {
      names.push(first.name);
      this.#marks.shift();
      first = this.#marks[0];
    }
    return names;
  }
}
