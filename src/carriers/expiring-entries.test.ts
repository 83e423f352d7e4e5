import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../base/virtual-clock.ts';
import { ExpiringEntries } from './expiring-entries.ts';

function make(capacity = 100) {
  const clock = new VirtualClock();
  return { clock, entries: new ExpiringEntries<string>(clock, { lifetimeMs: 1000, capacity }) };
}

describe('an expiring entry', () => {
  it('may be looked at, and is taken once', () => {
    const { clock, entries } = make();
    entries.put('a', 'one');
    expect(entries.find('a')).toBe('one');
    expect(entries.take('a')).toBe('one');
    expect(entries.find('a')).toBeUndefined();
    expect(entries.take('a')).toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  it('lives as long as the others, counted from when its key was last put', () => {
    const { clock, entries } = make();
    entries.put('a', 'one');
    entries.put('b', 'two');
    clock.advance(600);
    entries.put('a', 'three');
    clock.advance(400);
    expect([entries.find('a'), entries.find('b')]).toEqual(['three', undefined]);
    expect(entries.size).toBe(1);
    clock.advance(600);
    expect(entries.size).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('pushes out the oldest where there is no room, but not for its own key', () => {
    const { entries } = make(2);
    entries.put('a', 'one');
    entries.put('b', 'two');
    entries.put('b', 'three');
    expect(entries.find('a')).toBe('one');
    entries.put('c', 'four');
    expect([entries.find('a'), entries.find('b'), entries.find('c')]).toEqual([undefined, 'three', 'four']);
  });

  it('leaves no timer behind when it is closed', () => {
    const { clock, entries } = make();
    entries.put('a', 'one');
    entries.close();
    expect(entries.find('a')).toBeUndefined();
    expect(clock.pending).toBe(0);
  });
});
