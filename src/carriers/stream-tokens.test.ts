import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../base/virtual-clock.ts';
import { StreamTokens } from './stream-tokens.ts';

function make(capacity = 100) {
  const clock = new VirtualClock();
  return { clock, tokens: new StreamTokens<string>(clock, { lifetimeMs: 1000, capacity }) };
}

describe('a stream token', () => {
  it('gives its call once', () => {
    const { tokens } = make();
    const token = tokens.issue('CA1');
    expect(tokens.redeem('something else')).toBeUndefined();
    expect(tokens.redeem(token)).toBe('CA1');
    expect(tokens.redeem(token)).toBeUndefined();
  });

  it('can be looked at without being spent', () => {
    const { clock, tokens } = make();
    const token = tokens.issue('CA1');
    expect([tokens.has('something else'), tokens.has(token), tokens.has(token)]).toEqual([false, true, true]);
    expect(tokens.redeem(token)).toBe('CA1');
    expect(tokens.has(token)).toBe(false);
    const late = tokens.issue('CA1');
    clock.advance(1000);
    expect(tokens.has(late)).toBe(false);
  });

  it('is never the same twice and has 192 bits', () => {
    const { tokens } = make(2000);
    const issued = new Set(Array.from({ length: 1000 }, () => tokens.issue('CA1')));
    expect(issued.size).toBe(1000);
    for (const token of issued) expect(token).toMatch(/^[\w-]{32}$/);
  });

  it('is good until its lifetime is over and not a moment longer', () => {
    const { clock, tokens } = make();
    const [early, late] = [tokens.issue('CA1'), tokens.issue('CA2')];
    clock.advance(999);
    expect(tokens.redeem(early)).toBe('CA1');
    clock.advance(1);
    expect(tokens.redeem(late)).toBeUndefined();
  });

  it('is forgotten when it expires, with one timer for all, and none when there are none', () => {
    const { clock, tokens } = make();
    for (let i = 0; i < 10; i++) {
      tokens.issue('CA1');
      clock.advance(50);
      expect(clock.pending).toBe(1);
    }
    clock.advance(500);
    expect(tokens.size).toBe(9);
    clock.advance(1000);
    expect(tokens.size).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('can be withdrawn with all others of its call', () => {
    const { clock, tokens } = make();
    const issued = [tokens.issue('CA1'), tokens.issue('CA1')];
    const other = tokens.issue('CA2');
    tokens.revoke('CA1');
    expect(issued.map((token) => tokens.redeem(token))).toEqual([undefined, undefined]);
    expect(tokens.redeem(other)).toBe('CA2');
    expect(clock.pending).toBe(0);
  });

  it('pushes out the oldest when too many wait', () => {
    const { tokens } = make(2);
    const [first, second, third] = ['a', 'b', 'c'].map((call) => tokens.issue(call)) as [
      string,
      string,
      string,
    ];
    expect(tokens.size).toBe(2);
    expect([first, second, third].map((token) => tokens.redeem(token))).toEqual([undefined, 'b', 'c']);
  });

  it('leaves no timer behind when the carrier closes', () => {
    const { clock, tokens } = make();
    const token = tokens.issue('CA1');
    tokens.close();
    expect(clock.pending).toBe(0);
    expect(tokens.redeem(token)).toBeUndefined();
  });
});
