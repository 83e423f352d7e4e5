import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../base/virtual-clock.ts';
import { HeardWait } from './heard-wait.ts';

function setUp() {
  const clock = new VirtualClock();
  const state = { confirmed: false, pendingMs: 1000 };
  const called: number[] = [];
  const wait = new HeardWait({
    clock,
    confirmed: () => state.confirmed,
    pendingMs: () => state.pendingMs,
  });
  const begin = (): void => wait.begin(() => called.push(clock.now()));
  return { clock, state, called, wait, begin };
}

describe('whoever waits until all was heard', () => {
  it('is called at once when it was', () => {
    const { clock, state, called, begin } = setUp();
    state.confirmed = true;
    begin();
    expect([called, clock.pending]).toEqual([[0], 0]);
  });

  it('is called once when the carrier says so', () => {
    const { clock, state, called, wait, begin } = setUp();
    begin();
    clock.advance(900);
    wait.check();
    expect(called).toEqual([]);
    state.confirmed = true;
    wait.check();
    wait.check();
    expect([called, clock.pending]).toEqual([[900], 0]);
  });

  it('is called two seconds after the reckoned end when the carrier says nothing', () => {
    const { clock, state, called, begin } = setUp();
    begin();
    state.pendingMs = 0;
    clock.advance(10_000);
    expect(called).toEqual([3000]);
  });

  it('waits on for what came meanwhile, and for what the carrier does not take yet', () => {
    const { clock, state, called, begin } = setUp();
    begin();
    clock.advance(3000);
    expect(called).toEqual([]);
    state.pendingMs = 0;
    clock.advance(3000);
    expect(called).toEqual([6000]);
  });

  it('is called after a cut, but not while the cut is still being told', () => {
    const { clock, called, wait, begin } = setUp();
    begin();
    wait.cut();
    expect(called).toEqual([]);
    clock.advance(0);
    expect([called, clock.pending]).toEqual([[0], 0]);
  });

  it('gives way to whoever comes later, and may be forgotten', () => {
    const { clock, state, called, wait, begin } = setUp();
    wait.begin(() => called.push(-1));
    begin();
    state.pendingMs = 0;
    clock.advance(3000);
    expect(called).toEqual([3000]);
    begin();
    wait.forget();
    expect(clock.pending).toBe(0);
  });
});
