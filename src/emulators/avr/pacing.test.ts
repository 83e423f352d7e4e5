import { describe, expect, it } from 'vitest';
import { Pacing } from './pacing.ts';

const options = { frameBytes: 320, frameMs: 20 };

describe('Pacing', () => {
  it('finds nothing wrong with a frame every 20 ms, however it is cut', () => {
    const pacing = new Pacing(options);
    for (let at = 0; at < 2000; at += 20) {
      pacing.arrived(101, at);
      pacing.arrived(219, at);
    }
    expect(pacing.report).toEqual({
      frames: 100,
      maxLateMs: 0,
      maxEarlyMs: 0,
      meanDeviationMs: 0,
      maxGapMs: 20,
      pauses: 0,
    });
  });

  it('measures what comes late and what comes early', () => {
    const pacing = new Pacing(options);
    for (const at of [0, 25, 40, 52]) pacing.arrived(320, at);
    expect(pacing.report).toMatchObject({ frames: 4, maxLateMs: 5, maxEarlyMs: 8, meanDeviationMs: 13 / 4 });
  });

  it('finds a sender that is a third too fast', () => {
    const pacing = new Pacing(options);
    for (let at = 0; at < 1500; at += 15) pacing.arrived(320, at);
    expect(pacing.report.maxEarlyMs).toBe(99 * 5);
  });

  it('takes a long pause for one, and begins anew', () => {
    const pacing = new Pacing(options);
    for (const at of [0, 20, 1033, 1053]) pacing.arrived(320, at);
    expect(pacing.report).toMatchObject({ frames: 4, maxLateMs: 0, maxEarlyMs: 0, maxGapMs: 20, pauses: 1 });
  });
});
