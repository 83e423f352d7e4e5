import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MediaClock } from './media-clock.ts';

/** The times that are given to chunks of 20 ms with these timestamps. */
const timesOf = (...timestamps: (number | undefined)[]) => {
  const clock = new MediaClock();
  return timestamps.map((timestampMs) => clock.at(timestampMs, 20));
};

const wallClock = 1_705_312_200_000;

describe('the media time', () => {
  it('is what Plivo says where it says it well, whatever its clock began with', () => {
    expect(timesOf(0, 20, 40, 60)).toEqual([0, 20, 40, 60]);
    expect(timesOf(wallClock, wallClock + 20)).toEqual([wallClock, wallClock + 20]);
  });

  it('has no holes where a wall clock wavers', () => {
    expect(timesOf(1000, 1047, 1040, 1095, 1080, 1160, 1120)).toEqual([
      1000, 1020, 1040, 1060, 1080, 1100, 1120,
    ]);
  });

  it('shows a gap, and goes on behind it', () => {
    expect(timesOf(0, 20, 540, 560)).toEqual([0, 20, 540, 560]);
  });

  it('shows chunks that were left out one by one, once they come to something', () => {
    const clock = new MediaClock();
    let last = 0;
    // Every other chunk is missing.
    for (let n = 0; n < 20; n++) last = clock.at(n * 40, 20) ?? 0;
    expect(last).toBeGreaterThan(19 * 40 - 140);
  });

  it('believes the earliest of wavering stamps', () => {
    // The first came 50 ms late; the gap is reckoned from those that did not.
    expect(timesOf(1050, 1020, 1040, 1360)).toEqual([1050, 1070, 1090, 1410]);
  });

  it('takes a clock that was set, or old audio, for no gap', () => {
    expect(timesOf(0, 20, 60_000, 60_020)).toEqual([0, 20, 40, 60]);
    expect(timesOf(50_000, 50_020, 0, 20, 40)).toEqual([50_000, 50_020, 50_040, 50_060, 50_080]);
    expect(timesOf(50_000, 50_020, 0, 20, 540).at(-1)).toBe(50_580);
    expect(timesOf(0, 20, 60_000, 60_020, 60_540).at(-1)).toBe(580);
    expect(timesOf(1000, 1020, 700, 1060, 1080)).toEqual([1000, 1020, 1040, 1060, 1080]);
  });

  it('goes on over chunks without a timestamp, and is not known before the first one', () => {
    expect(timesOf(undefined, undefined)).toEqual([undefined, undefined]);
    expect(timesOf(undefined, 100, undefined, 140)).toEqual([undefined, 100, 120, 140]);
  });

  it('never falls and never jumps by more than ten seconds: any timestamps', () => {
    const stamps = fc.oneof(
      fc.nat(2000),
      fc.nat(100_000),
      fc.nat(Number.MAX_SAFE_INTEGER),
      fc.constant(undefined),
    );
    fc.assert(
      fc.property(fc.array(stamps, { maxLength: 40 }), (timestamps) => {
        let before: number | undefined;
        for (const at of timesOf(...timestamps)) {
          if (before !== undefined) {
            expect(at).toBeGreaterThanOrEqual(before + 20);
            expect(at).toBeLessThanOrEqual(before + 20 + 10_000);
          }
          before = at ?? before;
        }
      }),
      { numRuns: 5_000 },
    );
  });
});
