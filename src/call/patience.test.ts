import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../base/virtual-clock.ts';
import { Patience } from './patience.ts';

function setUp() {
  const clock = new VirtualClock();
  const overs: [number, boolean][] = [];
  const patience = new Patience({
    clock,
    timeoutMs: 10_000,
    over: (_error, again) => overs.push([clock.now(), again]),
  });
  return { clock, overs, patience };
}

describe('the patience of the caller', () => {
  it('is over when he is owed something for too long, however often that is said', () => {
    const { clock, overs, patience } = setUp();
    patience.owed(true);
    clock.advance(9000);
    patience.owed(true);
    clock.advance(1000);
    expect(overs).toEqual([[10_000, false]]);
    expect(clock.pending).toBe(0);
  });

  it('is half as long the second time, and whole again once he heard something', () => {
    const { clock, overs, patience } = setUp();
    patience.owed(true);
    clock.advance(10_000);
    patience.owed(true);
    clock.advance(5000);
    patience.heard();
    patience.owed(true);
    clock.advance(10_000);
    expect(overs).toEqual([
      [10_000, false],
      [15_000, true],
      [25_000, false],
    ]);
  });

  it('begins anew with what he waits for anew', () => {
    const { clock, overs, patience } = setUp();
    patience.owed(true);
    clock.advance(9000);
    patience.owed(false);
    patience.owed(true);
    clock.advance(9999);
    expect(overs).toEqual([]);
    patience.stop();
    expect(clock.pending).toBe(0);
  });
});
