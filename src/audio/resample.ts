import { PatchcordError } from '../base/errors.ts';

/** What a filter must keep and how long it may be, by the lower of its two rates. */
interface Band {
  /** Kept flat up to here; what would fold or image onto it is removed. */
  readonly passHz: number;
  /** Half the filter's length in samples of the lower rate: the longer, the cleaner and the later. */
  readonly reach: number;
}

const bands: ReadonlyMap<number, Band> = new Map([
  [8000, { passHz: 3400, reach: 16 }],
  [16000, { passHz: 7000, reach: 20 }],
  [24000, { passHz: 10500, reach: 20 }],
  [48000, { passHz: 21000, reach: 20 }],
]);

/** Every `down`-th tap of a phase; the first falls `first` samples from the current one. */
interface Comb {
  readonly first: number;
  readonly taps: Float64Array;
}

/** The part of the filter that makes every `up`-th output sample, combed so that neighbours share samples. */
type Phase = readonly Comb[];

/** Samples that are filtered at once: 20 ms at 48 kHz. Bounds what an instance holds. */
const blockSamples = 960;

/**
 * A streaming change of rate between 8, 16, 24 and 48 kHz for 16-bit mono: a Kaiser-windowed sinc, run as
 * a polyphase filter. Output is aligned with input and is the same however the input is split; it lags by
 * `delayMs`, which `flush` makes up for. Where the rate goes up by a whole number, the input's own samples
 * come out unchanged.
 */
export class Resampler {
  /** How much later than a sample the output that belongs to it can be made. */
  readonly delayMs: number;
  readonly #up: number;
  readonly #down: number;
  readonly #reach: number;
  readonly #phases: readonly Phase[];
  /** Samples before the current one that a filter phase may need. */
  readonly #history: number;
  readonly #window: Float64Array;
  /** Samples in `#window`; the last one of them is the last one taken in. */
  #held: number;
  #taken = 0;
  #made = 0;

  /** Throws PATCHCORD_AUDIO_FORMAT for any other rate. */
  constructor(fromRate: number, toRate: number) {
    const band = bands.get(Math.min(fromRate, toRate));
    if (band === undefined || !bands.has(fromRate) || !bands.has(toRate)) {
      throw new PatchcordError('PATCHCORD_AUDIO_FORMAT', `cannot resample ${fromRate} Hz to ${toRate} Hz`);
    }
    const common = greatestCommonDivisor(fromRate, toRate);
    this.#up = toRate / common;
    this.#down = fromRate / common;
    // The tap at the very end would be zero.
    this.#reach = fromRate === toRate ? 0 : band.reach * Math.max(this.#up, this.#down) - 1;
    this.#phases = designPhases(this.#up, this.#down, this.#reach, band.passHz / Math.min(fromRate, toRate));
    this.#history = Math.max(...this.#phases.flat().map((comb) => -comb.first));
    this.#window = new Float64Array(blockSamples + 2 * Math.ceil(this.#reach / this.#up) + this.#down + 1);
    this.#held = this.#history;
    this.delayMs = (this.#reach * 1000) / (fromRate * this.#up);
  }

  /** All output that the input so far determines; never keeps `input`. */
  process(input: Int16Array): Int16Array {
    const output = new Int16Array(this.outputOf(input.length));
    this.processInto(output, input);
    return output;
  }

  /** Samples that come out when so many more go in. */
  outputOf(inputSamples: number): number {
    return this.#ready(this.#taken + inputSamples) - this.#made;
  }

  /** The same as `process` into memory of the caller's, `outputOf(input.length)` samples of it. */
  processInto(output: Int16Array, input: Int16Array): void {
    this.#run(input, output);
  }

  /** The output still owed, so that all of it is `round(input * to / from)` samples; then starts anew. */
  flush(): Int16Array {
    const total = Math.round((this.#taken * this.#up) / this.#down);
    const output = new Int16Array(total - this.#made);
    this.#run(new Int16Array(Math.ceil(this.#reach / this.#up)), output);
    this.reset();
    return output;
  }

  /** Starts anew; what is owed is forgotten. */
  reset(): void {
    this.#window.fill(0);
    this.#held = this.#history;
    this.#taken = 0;
    this.#made = 0;
  }

  /** Output samples that can be made from `taken` input samples. */
  #ready(taken: number): number {
    return Math.max(0, Math.ceil((taken * this.#up - this.#reach) / this.#down));
  }

  #run(input: Int16Array, output: Int16Array): void {
    let written = 0;
    for (let at = 0; at < input.length; at += blockSamples) {
      const end = Math.min(at + blockSamples, input.length);
      this.#take(input, at, end);
      const count = Math.min(this.#ready(this.#taken) - this.#made, output.length - written);
      this.#make(output, written, count);
      written += count;
    }
  }

  /** Moves what is still needed to the front of the window and puts the new samples behind it. */
  #take(input: Int16Array, start: number, end: number): void {
    const window = this.#window;
    const oldest = Math.floor((this.#made * this.#down) / this.#up) - this.#history;
    const keep = this.#taken - oldest;
    if (keep < this.#held) window.copyWithin(0, this.#held - keep, this.#held);
    let held = keep;
    for (let i = start; i < end; i++) window[held++] = input[i] as number;
    this.#held = held;
    this.#taken += end - start;
  }

  #make(output: Int16Array, at: number, count: number): void {
    const origin = this.#taken - this.#held;
    for (let lane = 0; lane < Math.min(count, this.#up); lane++) {
      const position = (this.#made + lane) * this.#down;
      const phase = this.#phases[position % this.#up] as Phase;
      const from = Math.floor(position / this.#up) - origin;
      filter(phase, this.#window, from, this.#down, output, at + lane, this.#up, at + count);
    }
    this.#made += count;
  }
}

/**
 * Output samples `at`, `at + stride`... below `end`, each `step` input samples on. Four run side by side and
 * hand the sample they read to each other; all are summed in one order, so that a split never shows.
 */
function filter(
  phase: Phase,
  window: Float64Array,
  from: number,
  step: number,
  output: Int16Array,
  at: number,
  stride: number,
  end: number,
): void {
  let base = from;
  let to = at;
  for (; to + 3 * stride < end; to += 4 * stride) {
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    for (const { first, taps } of phase) {
      let read = base + first;
      let x = window[read] as number;
      let y = window[read + step] as number;
      let z = window[read + 2 * step] as number;
      read += 3 * step;
      for (let i = 0; i < taps.length; i++) {
        const tap = taps[i] as number;
        const next = window[read] as number;
        read += step;
        a += tap * x;
        b += tap * y;
        c += tap * z;
        d += tap * next;
        x = y;
        y = z;
        z = next;
      }
    }
    output[to] = toSample(a);
    output[to + stride] = toSample(b);
    output[to + 2 * stride] = toSample(c);
    output[to + 3 * stride] = toSample(d);
    base += 4 * step;
  }
  for (; to < end; to += stride) {
    let sum = 0;
    for (const { first, taps } of phase) {
      let read = base + first;
      for (let i = 0; i < taps.length; i++) {
        sum += (taps[i] as number) * (window[read] as number);
        read += step;
      }
    }
    output[to] = toSample(sum);
    base += step;
  }
}

function toSample(value: number): number {
  if (value >= 32767) return 32767;
  return value <= -32768 ? -32768 : Math.round(value);
}

/**
 * The low-pass cuts at half the lower rate, so its transition is the mirror image of itself: aliases and
 * images stay above `pass` (a part of the lower rate), and the taps at whole samples of that rate are zero.
 */
function designPhases(up: number, down: number, reach: number, pass: number): Phase[] {
  const spacing = Math.max(up, down);
  const transition = (1 - 2 * pass) / spacing;
  // Kaiser's estimates (Oppenheim and Schafer, "Discrete-Time Signal Processing", section on the Kaiser window).
  const attenuationDb = 7.95 + 14.36 * transition * 2 * reach;
  const beta = 0.1102 * (attenuationDb - 8.7);
  const centre = besselI0(beta);
  const tapAt = (distance: number): number => {
    if (distance % spacing === 0) return distance === 0 ? centre : 0;
    const angle = (Math.PI * distance) / spacing;
    const edge = distance / (reach + 1);
    return (Math.sin(angle) / angle) * besselI0(beta * Math.sqrt(1 - edge * edge));
  };
  return Array.from({ length: up }, (_, offset) => {
    const first = Math.ceil((offset - reach) / up);
    const last = Math.floor((offset + reach) / up);
    const taps = Float64Array.from({ length: last - first + 1 }, (_, i) => tapAt((first + i) * up - offset));
    const gain = taps.reduce((sum, tap) => sum + tap, 0);
    return combed(
      taps.map((tap) => tap / gain),
      first,
      down,
    );
  });
}

function combed(taps: Float64Array, first: number, step: number): Phase {
  const combs = Array.from({ length: Math.min(step, taps.length) }, (_, start) => {
    const every = taps.filter((_, i) => i % step === start);
    const from = every.findIndex((tap) => tap !== 0);
    const to = every.findLastIndex((tap) => tap !== 0);
    return { first: first + start + from * step, taps: every.slice(from, to + 1) };
  });
  return combs.filter((comb) => comb.taps.length > 0);
}

function besselI0(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-17; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
