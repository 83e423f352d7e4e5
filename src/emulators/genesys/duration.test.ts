import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { durationOf, msOf } from './duration.ts';

describe('durations', () => {
  it.each([
    [0, 'PT0S'],
    [200, 'PT0.2S'],
    [1500, 'PT1.5S'],
    [61_000, 'PT61S'],
    [0.125, 'PT0.0001S'],
  ])('%s ms is %s', (ms, text) => {
    expect(durationOf(ms)).toBe(text);
  });

  it.each([
    ['PT.5S', 500],
    ['PT3S', 3000],
    ['PT1M', undefined],
    ['PT1.S', undefined],
    ['3', undefined],
    [3, undefined],
    ['PT-1S', undefined],
  ])('%j is %s ms', (text, ms) => {
    expect(msOf(text)).toBe(ms);
  });

  it('come back as they were', () => {
    fc.assert(fc.property(fc.nat(86_400_000), (ms) => Math.abs((msOf(durationOf(ms)) ?? -1) - ms) < 1e-3));
  });
});
