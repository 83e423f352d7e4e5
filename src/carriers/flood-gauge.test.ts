import { beforeEach, describe, expect, it } from 'vitest';
import { VirtualClock } from '../base/virtual-clock.ts';
import { FloodGauge } from './flood-gauge.ts';

let clock: VirtualClock;
let gauge: FloodGauge;

beforeEach(() => {
  clock = new VirtualClock();
  gauge = new FloodGauge(clock, { floodMessages: 10, floodBytes: 1000, floodWindowMs: 4000 });
});

/** How many of these messages there were when it was a flood. */
function floodedAt(count: number, bytes: number, everyMs = 0): number | undefined {
  for (let n = 1; n <= count; n++) {
    if (gauge.floods(1, bytes)) return n;
    clock.advance(everyMs);
  }
  return undefined;
}

describe('a peer', () => {
  it('floods with too many messages, or too many bytes, within the window', () => {
    expect(floodedAt(10, 1)).toBe(10);
    expect(floodedAt(10, 500)).toBe(2);
  });

  it('may send as much as it likes where it takes its time', () => {
    expect(floodedAt(1000, 1, 450)).toBeUndefined();
    expect(floodedAt(1000, 500, 4000)).toBeUndefined();
  });

  it('may catch up after a stall, once', () => {
    clock.advance(4000);
    expect(floodedAt(19, 1)).toBeUndefined();
    expect(floodedAt(1, 1)).toBe(1);
  });

  it('is counted by bytes alone where messages have no end of their own', () => {
    expect([gauge.floods(0, 999), gauge.floods(0, 1)]).toEqual([false, true]);
  });

  it('is not charged for what is forgiven, and gains nothing by it', () => {
    for (let n = 0; n < 50; n++) {
      expect(gauge.floods(1, 900)).toBe(false);
      gauge.forgive(900);
    }
    gauge.forgive(900);
    expect(floodedAt(10, 1)).toBe(10);
  });
});
