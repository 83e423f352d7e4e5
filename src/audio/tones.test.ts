import { describe, expect, it } from 'vitest';
import { levelDbfs, peak } from './level.ts';
import { type DtmfDigit, detectTone, dtmf, dtmfHz, silence, sine } from './tones.ts';

const rates = [8000, 16000, 24000, 48000];
const digits = Object.keys(dtmfHz) as DtmfDigit[];
const dtmfFrequencies = [...new Set(digits.flatMap((digit) => dtmfHz[digit]))];

describe('sine', () => {
  it.each(rates)('has the level, the length and the frequency asked for at %d Hz', (rate) => {
    const tone = sine(1000, 250, rate, -20);
    expect(tone).toHaveLength(rate / 4);
    expect(levelDbfs(tone)).toBeCloseTo(-20, 2);
    expect(detectTone(tone, rate, 1000)).toBeCloseTo(-20, 2);
    expect(detectTone(tone, rate, 1100)).toBeLessThan(-90);
  });

  it('clips instead of wrapping when it is too loud', () => {
    const tone = sine(400, 100, 8000, 0);
    expect(peak(tone)).toBe(32768);
    expect(tone.subarray(2, 9).every((sample) => sample > 20_000)).toBe(true);
  });
});

describe('dtmf', () => {
  it('knows all sixteen digits by their own pair of frequencies', () => {
    expect(digits.sort().join('')).toBe('#*0123456789ABCD');
    expect(new Set(digits.map((digit) => dtmfHz[digit].join())).size).toBe(16);
    expect([dtmfHz['1'], dtmfHz['5'], dtmfHz['0'], dtmfHz.D]).toEqual([
      [697, 1209],
      [770, 1336],
      [941, 1336],
      [941, 1633],
    ]);
  });

  it.each(digits)('sounds the two frequencies of %s and no others', (digit) => {
    const tone = dtmf(digit, 100, 8000, -13);
    const pair: readonly number[] = dtmfHz[digit];
    for (const hz of dtmfFrequencies) {
      const level = detectTone(tone, 8000, hz);
      if (pair.includes(hz)) expect(level).toBeCloseTo(-13, 1);
      else expect(level).toBeLessThan(-50);
    }
  });
});

describe('detectTone', () => {
  it('hears nothing in silence or in no samples at all', () => {
    expect(detectTone(silence(100, 8000), 8000, 1000)).toBe(-100);
    expect(detectTone(new Int16Array(0), 8000, 1000)).toBe(-100);
  });
});

describe('silence', () => {
  it('is zeros of the length asked for', () => {
    expect(silence(20, 24000)).toEqual(new Int16Array(480));
  });
});
