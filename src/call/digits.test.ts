import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../base/virtual-clock.ts';
import { Digits } from './digits.ts';

function setUp(interDigitMs = 1000) {
  const clock = new VirtualClock();
  const collected: string[] = [];
  const digits = new Digits({ clock, interDigitMs, collected: (keys) => collected.push(keys) });
  const press = (keys: string, gapMs = 0): void => {
    for (const key of keys) {
      digits.press(key);
      clock.advance(gapMs);
    }
  };
  return { clock, collected, digits, press };
}

describe('keys pressed in a row', () => {
  it('are taken together after a pause', () => {
    const { clock, collected, press } = setUp();
    press('1234', 900);
    expect(collected).toEqual([]);
    clock.advance(100);
    expect(collected).toEqual(['1234']);
    expect(clock.pending).toBe(0);
  });

  it('are taken apart by a pause', () => {
    const { collected, press } = setUp();
    press('12', 1000);
    expect(collected).toEqual(['1', '2']);
  });

  it('are taken at once with #, which is none of them', () => {
    const { clock, collected, press } = setUp();
    press('42#');
    expect(collected).toEqual(['42']);
    clock.advance(5000);
    expect(collected).toEqual(['42']);
    expect(clock.pending).toBe(0);
  });

  it('may be # alone', () => {
    const { collected, press } = setUp();
    press('#42##*#');
    expect(collected).toEqual(['#', '42', '#', '*']);
  });

  it('are taken at 32 of them', () => {
    const { collected, press } = setUp();
    press('7'.repeat(33));
    expect(collected).toEqual(['7'.repeat(32)]);
  });

  it('are taken one by one without a pause to wait for', () => {
    const { clock, collected, press } = setUp(0);
    press('12');
    expect(collected).toEqual(['1', '2']);
    expect(clock.pending).toBe(0);
  });

  it('are dropped when nobody waits for them any more', () => {
    const { clock, collected, digits, press } = setUp();
    press('12');
    digits.close();
    clock.advance(5000);
    expect(collected).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});

describe('keys pressed while nobody takes them', () => {
  function away() {
    const clock = new VirtualClock();
    const collected: string[] = [];
    let taken = false;
    const digits = new Digits({
      clock,
      interDigitMs: 0,
      taken: () => taken,
      collected: (keys) => collected.push(keys),
    });
    const press = (keys: string): void => {
      for (const key of keys) digits.press(key);
    };
    const back = (): void => {
      taken = true;
      digits.resume();
    };
    return { collected, digits, press, back };
  }

  it('are told in their order once somebody does, and only once', () => {
    const { collected, digits, press, back } = away();
    press('12');
    expect(collected).toEqual([]);
    back();
    digits.resume();
    press('3');
    expect(collected).toEqual(['1', '2', '3']);
  });

  it('are kept on while nobody takes them yet', () => {
    const { collected, digits, press, back } = away();
    press('12');
    digits.resume();
    expect(collected).toEqual([]);
    back();
    expect(collected).toEqual(['1', '2']);
  });

  it('are 64 at most', () => {
    const { collected, press, back } = away();
    press('7'.repeat(70));
    back();
    expect(collected.join('')).toBe('7'.repeat(64));
  });

  it('are forgotten when what was pressed is for nobody any more', () => {
    const { collected, digits, press, back } = away();
    press('12');
    digits.close();
    back();
    expect(collected).toEqual([]);
  });
});
