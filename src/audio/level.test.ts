import { describe, expect, it } from 'vitest';
import { levelDbfs, peak } from './level.ts';

describe('levelDbfs', () => {
  it('is 0 for full scale and falls by 6 dB with each halving', () => {
    expect(levelDbfs(new Int16Array(100).fill(-32768))).toBe(0);
    expect(levelDbfs(new Int16Array(100).fill(16384))).toBeCloseTo(-6.02, 2);
    expect(levelDbfs(Int16Array.of(8192, -8192))).toBeCloseTo(-12.04, 2);
  });

  it('is -100 for silence and for no samples, never minus infinity', () => {
    expect(levelDbfs(new Int16Array(160))).toBe(-100);
    expect(levelDbfs(new Int16Array(0))).toBe(-100);
  });
});

describe('peak', () => {
  it('is the largest magnitude of either sign', () => {
    expect(peak(Int16Array.of(3, -32768, 32767))).toBe(32768);
    expect(peak(Int16Array.of(5, 9, -2))).toBe(9);
    expect(peak(new Int16Array(0))).toBe(0);
  });
});
