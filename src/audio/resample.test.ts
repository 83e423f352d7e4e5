import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { measureQuality } from '../../bench/resampler-quality.ts';
import { Resampler } from './resample.ts';

const rates = [8000, 16000, 24000, 48000];
const pairs = rates.flatMap((from) => rates.filter((to) => to !== from).map((to) => ({ from, to })));

const samplesOf = (maxLength: number): fc.Arbitrary<Int16Array> =>
  fc.int16Array({ minLength: 0, maxLength, min: -32768, max: 32767 });

function join(parts: readonly Int16Array[]): Int16Array {
  return Int16Array.from(parts.flatMap((part) => [...part]));
}

function whole(input: Int16Array, from: number, to: number): Int16Array {
  const resampler = new Resampler(from, to);
  return join([resampler.process(input), resampler.flush()]);
}

/** Noise that is the same in every run. */
function noise(length: number): Int16Array {
  let state = 12345;
  return Int16Array.from({ length }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 16) - 32768;
  });
}

describe.each(pairs)('from $from Hz to $to Hz', ({ from, to }) => {
  it('keeps the pass band flat, rejects aliases and images by 70 dB, and lags by at most 2 ms', () => {
    const { rejectionDb, rippleDb, lookAheadMs } = measureQuality(whole, from, to);
    const { delayMs } = new Resampler(from, to);
    expect(rejectionDb).toBeGreaterThanOrEqual(70);
    expect(rippleDb).toBeLessThanOrEqual(0.1);
    expect(delayMs).toBeLessThanOrEqual(2);
    expect(lookAheadMs).toBeLessThanOrEqual(delayMs + 0.001);
  });

  it('gives the same samples however the input is split, and as many as the length asks for', () => {
    fc.assert(
      fc.property(samplesOf(700), fc.array(fc.nat(200), { maxLength: 12 }), (input, cuts) => {
        const resampler = new Resampler(from, to);
        const parts: Int16Array[] = [];
        let at = 0;
        for (const length of [...cuts, input.length]) {
          parts.push(resampler.process(input.subarray(at, at + length)));
          at = Math.min(at + length, input.length);
        }
        parts.push(resampler.flush());
        const output = join(parts);
        expect(output).toEqual(whole(input, from, to));
        expect(output).toHaveLength(Math.round((input.length * to) / from));
      }),
      { numRuns: 60 },
    );
  });

  it('gives the same samples for seconds at once as for frames of 20 ms', () => {
    const input = noise(2 * from + 7);
    const resampler = new Resampler(from, to);
    const parts: Int16Array[] = [];
    for (let at = 0; at < input.length; at += from / 50) {
      parts.push(resampler.process(input.subarray(at, at + from / 50)));
    }
    parts.push(resampler.flush());
    expect(join(parts)).toEqual(whole(input, from, to));
  });

  it('makes each sample as soon as the delay allows', () => {
    const resampler = new Resampler(from, to);
    let taken = 0;
    let made = 0;
    for (const length of [1, 5, from / 100, 3, from / 50]) {
      taken += length;
      made += resampler.process(new Int16Array(length)).length;
      // The sample after the last one made is not yet due; the last one made is.
      expect((made / to) * 1000 + resampler.delayMs).toBeGreaterThanOrEqual((taken / from) * 1000 - 1e-9);
      if (made > 0) {
        expect(((made - 1) / to) * 1000 + resampler.delayMs).toBeLessThan((taken / from) * 1000);
      }
    }
  });

  it('starts anew after a flush', () => {
    const resampler = new Resampler(from, to);
    resampler.process(noise(1234));
    resampler.flush();
    expect(resampler.flush()).toHaveLength(0);
    const input = noise(500);
    expect(join([resampler.process(input), resampler.flush()])).toEqual(whole(input, from, to));
  });

  it('holds a steady level steady and clips what overshoots instead of wrapping it', () => {
    const steady = whole(new Int16Array(from / 10).fill(12345), from, to);
    const settled = steady.subarray(to / 100, -to / 100);
    expect(new Set(settled)).toEqual(new Set([12345]));
    // A full-scale square wave overshoots: a wrapped sample would jump from one rail to the other.
    const square = Int16Array.from({ length: from / 10 }, (_, i) =>
      Math.floor((i * 400) / from) % 2 ? -32768 : 32767,
    );
    const output = whole(square, from, to);
    const perHalf = to / 400;
    for (let half = 4; half < 30; half++) {
      const middle = output.subarray((half + 0.25) * perHalf, (half + 0.75) * perHalf);
      for (const sample of middle) expect(Math.abs(sample)).toBeGreaterThan(30_000);
      expect(new Set([...middle].map(Math.sign)).size).toBe(1);
    }
  });
});

describe('Resampler', () => {
  it('hands the input samples on unchanged where the rate is multiplied', () => {
    const input = noise(1000);
    for (const [from, to] of [
      [8000, 24000],
      [8000, 16000],
      [16000, 48000],
    ] as const) {
      const output = whole(input, from, to);
      expect(output.filter((_, i) => i % (to / from) === 0)).toEqual(input);
    }
  });

  it('passes audio through where both rates are the same', () => {
    const input = noise(3000);
    expect(whole(input, 16000, 16000)).toEqual(input);
    expect(new Resampler(8000, 8000).delayMs).toBe(0);
  });

  it('keeps two instances apart', () => {
    const input = noise(800);
    const one = new Resampler(8000, 24000);
    const other = new Resampler(8000, 24000);
    const first = one.process(input.subarray(0, 400));
    other.process(noise(333));
    expect(join([first, one.process(input.subarray(400)), one.flush()])).toEqual(whole(input, 8000, 24000));
  });

  it('refuses a rate that no carrier or model uses', () => {
    for (const [from, to] of [
      [44100, 8000],
      [8000, 11025],
      [0, 8000],
      [8000, Number.NaN],
    ] as const) {
      expect(() => new Resampler(from, to)).toThrow(
        expect.objectContaining({ code: 'PATCHCORD_AUDIO_FORMAT' }),
      );
    }
  });
});
