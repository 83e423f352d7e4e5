import { describe, expect, it } from 'vitest';
import { Resampler } from './resampler.ts';

const sine = (hz: number, rate: number, count: number) =>
  Float32Array.from({ length: count }, (_, i) => Math.sin((2 * Math.PI * hz * i) / rate));

function inBlocks(resampler: Resampler, input: Float32Array, size: number): number[] {
  const out: number[] = [];
  for (let at = 0; at < input.length; at += size)
    out.push(...resampler.process(input.subarray(at, at + size)));
  return out;
}

const rms = (samples: readonly number[]) =>
  Math.sqrt(samples.reduce((sum, s) => sum + s * s, 0) / samples.length);

describe.each([
  [44100, 24000],
  [48000, 24000],
  [24000, 44100],
  [24000, 48000],
])('the resampler from %i to %i Hz', (from, to) => {
  it('keeps a tone of 1 kHz within 1 %', () => {
    const out = inBlocks(new Resampler(from, to), sine(1000, from, from), 128);
    expect(out.length).toBeGreaterThan(to * 0.99);
    expect(out.length).toBeLessThanOrEqual(to);
    const wanted = sine(1000, to, out.length);
    const error = out.slice(200).map((sample, i) => sample - (wanted[i + 200] ?? 0));
    expect(rms(error)).toBeLessThan(0.01);
  });

  it('gives the same samples however the input is cut', () => {
    const input = sine(440, from, 4000);
    const [a, b] = [
      inBlocks(new Resampler(from, to), input, 128),
      inBlocks(new Resampler(from, to), input, 999),
    ];
    expect(a.length).toBe(b.length);
    for (const [i, sample] of a.entries()) expect(sample).toBeCloseTo(b[i] ?? Number.NaN, 5);
  });
});

it('removes what the lower rate cannot carry', () => {
  const out = inBlocks(new Resampler(48000, 24000), sine(16000, 48000, 48000), 128);
  expect(rms(out.slice(200))).toBeLessThan(0.03);
});
