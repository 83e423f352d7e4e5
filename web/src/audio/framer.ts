/** Collects samples into frames of one length, as 16-bit little-endian integers. */
export class Framer {
  readonly #frameSamples: number;
  #frame: Int16Array<ArrayBuffer>;
  #filled = 0;

  constructor(frameSamples: number) {
    this.#frameSamples = frameSamples;
    this.#frame = new Int16Array(frameSamples);
  }

  /** Calls `emit` with each frame that is full; the frame is not touched again. */
  push(samples: Float32Array, emit: (frame: Int16Array<ArrayBuffer>) => void): void {
    for (const sample of samples) {
      this.#frame[this.#filled++] = toInt16(sample);
      if (this.#filled < this.#frameSamples) continue;
      emit(this.#frame);
      this.#frame = new Int16Array(this.#frameSamples);
      this.#filled = 0;
    }
  }
}

/** Every browser runs on little-endian machines, so an Int16Array is the wire's own layout. */
export function fromPcm16(bytes: ArrayBuffer): Float32Array {
  const samples = new Int16Array(bytes, 0, bytes.byteLength >> 1);
  return Float32Array.from(samples, (sample) => sample / 32768);
}

function toInt16(sample: number): number {
  return Math.max(-32768, Math.min(32767, Math.round(sample * 32768)));
}

/** RMS over stretches of a fixed length. */
export class LevelMeter {
  readonly #every: number;
  #sum = 0;
  #count = 0;

  constructor(everySamples: number) {
    this.#every = everySamples;
  }

  /** The level, 0 to 1, when a stretch is complete. */
  push(samples: Float32Array): number | undefined {
    for (const sample of samples) this.#sum += sample * sample;
    this.#count += samples.length;
    if (this.#count < this.#every) return undefined;
    const level = Math.sqrt(this.#sum / this.#count);
    this.#sum = 0;
    this.#count = 0;
    return level;
  }
}
