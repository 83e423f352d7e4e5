import { describe, expect, it } from 'vitest';
import { median, percentile, Samples, slope } from './figures.ts';

describe('figures', () => {
  it('takes percentiles by nearest rank', () => {
    const sorted = [15, 20, 35, 40, 50];
    expect([5, 30, 40, 50, 100].map((rank) => percentile(sorted, rank))).toEqual([15, 20, 20, 35, 50]);
    expect(percentile([], 50)).toBeNaN();
  });

  it('sums up more samples than it had room for', () => {
    const samples = new Samples();
    for (let value = 5000; value >= 1; value--) samples.add(value);
    expect(samples.summary()).toEqual({
      count: 5000,
      min: 1,
      p1: 50,
      p50: 2500,
      p95: 4750,
      p99: 4950,
      max: 5000,
    });
  });

  it('ignores the sign of errors only where asked', () => {
    const samples = new Samples();
    for (const value of [-30, 5, 10]) samples.add(value);
    expect(samples.summary().min).toBe(-30);
    expect(samples.magnitudes().summary().max).toBe(30);
  });

  it('finds median and slope', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(
      slope([
        [0, 5],
        [1, 7],
        [2, 9],
      ]),
    ).toBeCloseTo(2);
    expect(slope([[1, 1]])).toBeNaN();
  });
});
