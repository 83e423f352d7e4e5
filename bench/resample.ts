/**
 * Quality and cost of the resampler, with sox's beside it in the same run where sox is installed:
 * node bench/resample.ts
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { AudioChunk } from '../src/audio/chunk.ts';
import { createConverter, decodeSamples, encodeSamples } from '../src/audio/convert.ts';
import { type AudioFormat, bytesPerMs, describeFormat, pcm16At, pcmu8k } from '../src/audio/format.ts';
import { Resampler } from '../src/audio/resample.ts';
import { measureQuality, type Resample } from './resampler-quality.ts';

const pairs = [
  [24000, 8000],
  [8000, 24000],
  [16000, 8000],
  [8000, 16000],
  [24000, 16000],
  [16000, 24000],
  [48000, 8000],
  [8000, 48000],
] as const;
const frameMs = 20;
const rounds = 20;
const framesPerRound = 1000;

interface Contender {
  readonly name: string;
  readonly resample: Resample;
  readonly microsPerFrame: (fromRate: number, toRate: number) => number;
}

const ours: Contender = {
  name: 'patchcord',
  resample: (input, fromRate, toRate) => {
    const resampler = new Resampler(fromRate, toRate);
    const parts = [resampler.process(input), resampler.flush()];
    return Int16Array.from(parts.flatMap((part) => [...part]));
  },
  microsPerFrame: (fromRate, toRate) => {
    const resampler = new Resampler(fromRate, toRate);
    const frame = noise((fromRate * frameMs) / 1000);
    return fastest(() => {
      for (let i = 0; i < framesPerRound; i++) resampler.process(frame);
    });
  },
};

/** sox works on whole files, so its cost is what `rate` adds to a run that only copies. */
function soxContender(quality: string): Contender {
  return {
    name: `sox rate ${quality}`,
    resample: (input, fromRate, toRate) =>
      decodeSamples(sox(encodeSamples(input, pcm16At(fromRate)), fromRate, toRate, quality), pcm16At(toRate)),
    microsPerFrame: (fromRate, toRate) => {
      const frames = framesPerRound * 10;
      const input = encodeSamples(noise((frames * fromRate * frameMs) / 1000), pcm16At(fromRate));
      const copying = fastest(() => sox(input, fromRate, fromRate, quality), 3);
      return (fastest(() => sox(input, fromRate, toRate, quality), 3) - copying) / 10;
    },
  };
}

function sox(input: Buffer, fromRate: number, toRate: number, quality: string): Buffer {
  const raw = (rate: number): string[] => [
    '-t',
    'raw',
    '-r',
    `${rate}`,
    '-c1',
    '-esigned',
    '-b16',
    '-L',
    '-',
  ];
  const effect = fromRate === toRate ? [] : ['rate', quality, `${toRate}`];
  return execFileSync('sox', ['-D', '-V1', ...raw(fromRate), ...raw(toRate), ...effect], {
    input,
    maxBuffer: 1 << 30,
  });
}

/** The fastest of several rounds of 1000 frames, in microseconds per frame. */
function fastest(round: () => void, times = rounds): number {
  round();
  const taken = Array.from({ length: times }, () => {
    const start = process.hrtime.bigint();
    round();
    return Number(process.hrtime.bigint() - start) / 1000 / framesPerRound;
  });
  return Math.min(...taken);
}

function noise(length: number): Int16Array {
  return Int16Array.from({ length }, () => Math.round((Math.random() - 0.5) * 30_000));
}

const hasSox = spawnSync('sox', ['--version']).status === 0;
const contenders = hasSox ? [ours, soxContender('-m'), soxContender('-h')] : [ours];
console.log(`node ${process.version}; pass band as in bench/resampler-quality.ts; cost is the best round`);
if (!hasSox) console.log('sox is not installed: its numbers are left out');
for (const [fromRate, toRate] of pairs) {
  const rows = contenders.map(({ name, resample, microsPerFrame }) => {
    const { rejectionDb, rippleDb, lookAheadMs } = measureQuality(resample, fromRate, toRate);
    return {
      resampler: name,
      'rejection dB': rejectionDb.toFixed(1),
      'ripple dB': rippleDb.toFixed(4),
      'look-ahead ms': lookAheadMs.toFixed(2),
      'µs per 20 ms': microsPerFrame(fromRate, toRate).toFixed(2),
    };
  });
  console.log(`${fromRate} -> ${toRate} Hz (delay ${new Resampler(fromRate, toRate).delayMs.toFixed(2)} ms)`);
  console.table(rows);
}

for (const [from, to] of [
  [pcmu8k, pcm16At(24000)],
  [pcm16At(24000), pcmu8k],
] as const) {
  const micros = conversionMicros(from, to).toFixed(2);
  console.log(`whole conversion ${describeFormat(from)} -> ${describeFormat(to)}: ${micros} µs per 20 ms`);
}

/** With the encodings at both ends, as a call runs it. */
function conversionMicros(from: AudioFormat, to: AudioFormat): number {
  const converter = createConverter(from, to);
  const frame = AudioChunk.fromBytes(encodeSamples(noise((from.sampleRate * frameMs) / 1000), from));
  if (frame.byteLength !== frameMs * bytesPerMs(from)) throw new Error('not a frame of 20 ms');
  return fastest(() => {
    for (let i = 0; i < framesPerRound; i++) converter?.convert(frame).bytes();
  });
}
