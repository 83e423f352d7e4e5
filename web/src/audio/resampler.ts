/** Zero crossings of the windowed sinc on each side. */
const reach = 16;

/**
 * Streaming change of rate between any two rates, for the browsers that run audio at the rate of the sound
 * card alone. A Hann-windowed sinc that cuts at the lower rate's half; output is late by `reach` samples of it.
 */
export class Resampler {
  readonly #fromRate: number;
  readonly #toRate: number;
  readonly #cut: number;
  readonly #half: number;
  #held: Float32Array<ArrayBufferLike>;
  /** Input sample that `#held` begins with; the first real one is 0, silence lies before it. */
  #origin: number;
  #made = 0;

  constructor(fromRate: number, toRate: number) {
    this.#fromRate = fromRate;
    this.#toRate = toRate;
    this.#cut = Math.min(1, toRate / fromRate);
    this.#half = Math.ceil(reach / this.#cut);
    this.#held = new Float32Array(this.#half);
    this.#origin = -this.#half;
  }

  /** All output that the input so far determines. */
  process(input: Float32Array): Float32Array {
    if (this.#fromRate === this.#toRate) return input;
    const window = new Float32Array(this.#held.length + input.length);
    window.set(this.#held);
    window.set(input, this.#held.length);
    const ready = this.#origin + window.length - 1 - this.#half;
    const until = Math.max(this.#made, Math.floor((ready * this.#toRate) / this.#fromRate) + 1);
    const out = Float32Array.from({ length: until - this.#made }, (_, i) =>
      this.#at(window, this.#positionOf(this.#made + i) - this.#origin),
    );
    this.#made = until;
    const drop = Math.max(0, Math.floor(this.#positionOf(until)) - this.#half - this.#origin);
    this.#held = window.slice(drop);
    this.#origin += drop;
    return out;
  }

  /** From integers each time, so that no error adds up. */
  #positionOf(output: number): number {
    return (output * this.#fromRate) / this.#toRate;
  }

  #at(window: Float32Array, position: number): number {
    const first = Math.max(0, Math.ceil(position - this.#half));
    const last = Math.min(window.length - 1, Math.floor(position + this.#half));
    let sum = 0;
    let gain = 0;
    for (let i = first; i <= last; i++) {
      const distance = i - position;
      const tap =
        sinc(distance * this.#cut) * (0.5 + 0.5 * Math.cos((Math.PI * distance) / (this.#half + 1)));
      sum += tap * (window[i] ?? 0);
      gain += tap;
    }
    return gain === 0 ? 0 : sum / gain;
  }
}

function sinc(x: number): number {
  if (x === 0) return 1;
  const angle = Math.PI * x;
  return Math.sin(angle) / angle;
}
