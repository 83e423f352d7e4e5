import { execFileSync } from 'node:child_process';
import { ensureSystemPackage, findProgram } from '../scripts/system-packages.ts';
import { AudioChunk } from '../src/audio/chunk.ts';
import { createConverter, decodeSamples, encodeSamples } from '../src/audio/convert.ts';
import { type AudioFormat, bytesPerMs, pcm16At } from '../src/audio/format.ts';
import { Resampler } from '../src/audio/resample.ts';
import { measureQuality, type Resample, type ResamplerQuality } from './resampler-quality.ts';

const frameMs = 20;
const framesPerRound = 1000;

/** A resampler that can be looked at. */
export interface Contender {
  readonly name: string;
  readonly resample: Resample;
  /** CPU time of a frame of 20 ms, microseconds: the best of `rounds`, of a thousand frames each. */
  readonly microsPerFrame: (fromRate: number, toRate: number, rounds: number) => number;
}

export interface ResamplerFigures extends ResamplerQuality {
  readonly microsPerFrame: number;
}

/** The resampler between the carriers' rate and the model's, and soxr's in the same run. */
export interface ResamplingFigures {
  readonly pairs: ReadonlyArray<{
    readonly fromRate: number;
    readonly toRate: number;
    readonly ours: ResamplerFigures;
    readonly soxr: ResamplerFigures | undefined;
  }>;
  /** Why soxr is not there. */
  readonly soxMissing: string | undefined;
}

/** `install`: sox may be installed where it is missing. */
export async function measureResampling(options: {
  rounds: number;
  install: boolean;
}): Promise<ResamplingFigures> {
  const { rounds, install } = options;
  const failure = install ? await ensureSystemPackage('sox') : undefined;
  const sox = findProgram('sox');
  const soxr = sox === undefined ? undefined : soxContender(sox, '-h');
  const pairs = (
    [
      [24_000, 8000],
      [8000, 24_000],
    ] as const
  ).map(([fromRate, toRate]) => ({
    fromRate,
    toRate,
    ours: measureResampler(patchcord, fromRate, toRate, rounds),
    soxr: soxr && measureResampler(soxr, fromRate, toRate, rounds),
  }));
  return { pairs, soxMissing: soxr ? undefined : (failure ?? 'it is not installed') };
}

export function measureResampler(
  contender: Contender,
  fromRate: number,
  toRate: number,
  rounds: number,
): ResamplerFigures {
  const quality = measureQuality(contender.resample, fromRate, toRate);
  return { ...quality, microsPerFrame: contender.microsPerFrame(fromRate, toRate, rounds) };
}

export const patchcord: Contender = {
  name: 'patchcord',
  resample: (input, fromRate, toRate) => {
    const resampler = new Resampler(fromRate, toRate);
    const parts = [resampler.process(input), resampler.flush()];
    return Int16Array.from(parts.flatMap((part) => [...part]));
  },
  microsPerFrame: (fromRate, toRate, rounds) => {
    const resampler = new Resampler(fromRate, toRate);
    const frame = noise((fromRate * frameMs) / 1000);
    return fastest(rounds, () => {
      for (let i = 0; i < framesPerRound; i++) resampler.process(frame);
    });
  },
};

/** soxr as sox has it. sox works on whole files, so its cost is what `rate` adds to a run that only copies. */
export function soxContender(program: string, quality: '-m' | '-h'): Contender {
  const sox = (input: Buffer, fromRate: number, toRate: number): Buffer => {
    const effect = fromRate === toRate ? [] : ['rate', quality, `${toRate}`];
    return execFileSync(program, ['-D', '-V1', ...raw(fromRate), ...raw(toRate), ...effect], {
      input,
      maxBuffer: 1 << 30,
    });
  };
  return {
    name: `sox rate ${quality}`,
    resample: (input, fromRate, toRate) =>
      decodeSamples(sox(encodeSamples(input, pcm16At(fromRate)), fromRate, toRate), pcm16At(toRate)),
    microsPerFrame: (fromRate, toRate, rounds) => {
      const frames = framesPerRound * 10;
      const input = encodeSamples(noise((frames * fromRate * frameMs) / 1000), pcm16At(fromRate));
      const times = Math.ceil(rounds / 7);
      const copying = fastest(times, () => sox(input, fromRate, fromRate));
      return (fastest(times, () => sox(input, fromRate, toRate)) - copying) / 10;
    },
  };
}

function raw(rate: number): string[] {
  return ['-t', 'raw', '-r', `${rate}`, '-c1', '-esigned', '-b16', '-L', '-'];
}

/** With the encodings at both ends, as a call runs it: microseconds per frame of 20 ms. */
export function conversionMicros(from: AudioFormat, to: AudioFormat, rounds: number): number {
  const converter = createConverter(from, to);
  const frame = AudioChunk.fromBytes(encodeSamples(noise((from.sampleRate * frameMs) / 1000), from));
  if (frame.byteLength !== frameMs * bytesPerMs(from)) throw new Error('not a frame of 20 ms');
  return fastest(rounds, () => {
    for (let i = 0; i < framesPerRound; i++) converter?.convert(frame).bytes();
  });
}

/** The fastest of several rounds of 1000 frames, in microseconds per frame. */
function fastest(rounds: number, round: () => void): number {
  round();
  const taken = Array.from({ length: rounds }, () => {
    const start = process.hrtime.bigint();
    round();
    return Number(process.hrtime.bigint() - start) / 1000 / framesPerRound;
  });
  return Math.min(...taken);
}

function noise(length: number): Int16Array {
  return Int16Array.from({ length }, () => Math.round((Math.random() - 0.5) * 30_000));
}
