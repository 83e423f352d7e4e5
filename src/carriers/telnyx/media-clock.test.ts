import { describe, expect, it } from 'vitest';
import { MediaClock } from './media-clock.ts';

const times = (stamps: readonly (number | undefined)[]) => {
  const clock = new MediaClock();
  return stamps.map((stamp) => clock.at(stamp, 20));
};

describe("the carrier's media clock", () => {
  it('is believed from the second frame that follows the one before by its length, gaps included', () => {
    expect(times([0, 20, 40, 200, 220])).toEqual([undefined, 20, 40, 200, 220]);
    expect(times([7, 300, 323, 340])).toEqual([undefined, undefined, 323, 340]);
  });

  it('is not believed where it counts samples or anything else', () => {
    const samples = Array.from({ length: 50 }, (_, n) => n * 160);
    expect(times(samples).every((time) => time === undefined)).toBe(true);
    const ordinals = Array.from({ length: 50 }, (_, n) => n);
    expect(times(ordinals).every((time) => time === undefined)).toBe(true);
  });

  it('may have frames without a time', () => {
    expect(times([undefined, 0, 20, undefined, 60])).toEqual([undefined, undefined, 20, undefined, 60]);
  });
});
