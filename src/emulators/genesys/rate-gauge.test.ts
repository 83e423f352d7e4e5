import { describe, expect, it } from 'vitest';
import { RateGauge } from './rate-gauge.ts';

describe('RateGauge', () => {
  it('lets a burst through, then so many per second', () => {
    const gauge = new RateGauge({ perSecond: 5, burst: 3 });
    expect([0, 0, 0, 0].map((at) => gauge.take(at))).toEqual([true, true, true, false]);
    expect([200, 200, 400].map((at) => gauge.take(at))).toEqual([true, false, true]);
  });

  it('never saves up more than a burst', () => {
    const gauge = new RateGauge({ perSecond: 10, burst: 2 });
    expect(gauge.take(0)).toBe(true);
    expect([60_000, 60_000, 60_000].map((at) => gauge.take(at))).toEqual([true, true, false]);
  });

  it('takes exactly its rate for ever', () => {
    const gauge = new RateGauge({ perSecond: 7, burst: 1 });
    for (let count = 0; count < 10_000; count += 1) expect(gauge.take((count * 1000) / 7)).toBe(true);
  });
});
