import { beforeEach, describe, expect, it } from 'vitest';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { Backoff } from './backoff.ts';

let clock: VirtualClock;
let log: string[];
let backoff: Backoff;

beforeEach(() => {
  clock = new VirtualClock();
  log = [];
  backoff = new Backoff(clock, {
    began: () => log.push(`began ${clock.now()}`),
    ended: () => log.push(`ended ${clock.now()}`),
  });
});

describe('backing off', () => {
  it('lasts 3, 9 and 27 s where Genesys does not say how long, and is given up at the fourth complaint', () => {
    for (const ms of [3000, 9000, 27_000]) {
      log = [];
      const from = clock.now();
      expect(backoff.complained(undefined, 0)).toBe(true);
      clock.advance(40_000);
      expect(log).toEqual([`began ${from}`, `ended ${from + ms}`]);
    }
    expect(backoff.complained(undefined, 0)).toBe(false);
  });

  it('lasts as long as Genesys says, but no longer than two minutes', () => {
    backoff.complained(500, 0);
    clock.advance(500);
    expect(log).toEqual(['began 0', 'ended 500']);
    backoff.complained(3_600_000, 0);
    clock.advance(120_000);
    expect(log.at(-1)).toBe('ended 120500');
  });

  it('goes on at a complaint in between, and is one', () => {
    backoff.complained(2000, 0);
    clock.advance(1000);
    backoff.complained(5000, 0);
    clock.advance(60_000);
    expect(log).toEqual(['began 0', 'ended 6000']);
    expect(backoff.complained(1000, 0)).toBe(true);
    expect(backoff.complained(1000, 0)).toBe(false);
  });

  it('counts complaints of one round trip once: what they are about was on its way already', () => {
    for (let n = 0; n < 10; n++) {
      expect(backoff.complained(2000, 150)).toBe(true);
      clock.advance(10);
    }
    clock.advance(150);
    expect(backoff.complained(2000, 150)).toBe(true);
    expect(backoff.complained(2000, 0)).toBe(true);
    expect(backoff.complained(2000, 0)).toBe(false);
  });

  it('is patient again after five minutes of peace', () => {
    for (let n = 0; n < 3; n++) backoff.complained(1000, 0);
    clock.advance(300_001);
    expect(backoff.complained(1000, 0)).toBe(true);
  });

  it('leaves no timer when it is closed', () => {
    backoff.complained(1000, 0);
    expect(backoff.isActive).toBe(true);
    backoff.close();
    expect(clock.pending).toBe(0);
    clock.advance(10_000);
    expect(log).toEqual(['began 0']);
  });
});
