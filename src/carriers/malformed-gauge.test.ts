import { expect, it } from 'vitest';
import { VirtualClock } from '../base/virtual-clock.ts';
import { MalformedGauge } from './malformed-gauge.ts';

it('passes over so many bad frames within the window, which begins with the first of them', () => {
  const clock = new VirtualClock();
  const gauge = new MalformedGauge(clock, { malformedFrames: 2, malformedWindowMs: 1000 });
  clock.advance(5000);
  expect([gauge.passesOver(), gauge.passesOver(), gauge.passesOver()]).toEqual([true, true, false]);
  clock.advance(1000);
  expect(gauge.passesOver()).toBe(false);
  clock.advance(1);
  expect([gauge.passesOver(), gauge.passesOver(), gauge.passesOver()]).toEqual([true, true, false]);
});
