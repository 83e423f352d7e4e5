import { beforeEach, describe, expect, it } from 'vitest';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { Heartbeat } from './heartbeat.ts';

let clock: VirtualClock;
let heartbeat: Heartbeat;
let lost: number;

beforeEach(() => {
  clock = new VirtualClock();
  lost = 0;
  heartbeat = new Heartbeat(clock, () => {
    lost += 1;
  });
});

describe('a client', () => {
  it('is gone when it says nothing for half a minute', () => {
    heartbeat.watch();
    clock.advance(29_999);
    expect(lost).toBe(0);
    clock.advance(1);
    expect(lost).toBe(1);
    clock.advance(60_000);
    expect(lost).toBe(1);
  });

  it('is there as long as it says something, and is watched once', () => {
    heartbeat.watch();
    clock.advance(20_000);
    heartbeat.heard();
    heartbeat.watch();
    expect(clock.pending).toBe(1);
    clock.advance(29_999);
    expect(lost).toBe(0);
    clock.advance(1);
    expect(lost).toBe(1);
  });

  it('may be silent while nobody watches', () => {
    clock.advance(60_000);
    heartbeat.heard();
    heartbeat.watch();
    heartbeat.stop();
    expect(clock.pending).toBe(0);
    clock.advance(60_000);
    expect(lost).toBe(0);
  });

  it('is as far away as it measured last', () => {
    expect(heartbeat.roundTripMs).toBeUndefined();
    heartbeat.pinged(80);
    heartbeat.pinged(undefined);
    expect(heartbeat.roundTripMs).toBe(80);
    heartbeat.pinged(60);
    expect(heartbeat.roundTripMs).toBe(60);
  });
});
