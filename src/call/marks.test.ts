import { describe, expect, it } from 'vitest';
import { Marks } from './marks.ts';

describe('marks', () => {
  it('are due after so much audio, counted from the last', () => {
    const marks = new Marks(200);
    expect([marks.sent(120), marks.sent(80)]).toEqual([false, true]);
    marks.place(200);
    expect([marks.owing, marks.sent(199), marks.owing]).toEqual([false, false, true]);
  });

  it('come back once, with the position that each stands for', () => {
    const marks = new Marks(200);
    const first = marks.place(200);
    const second = marks.place(450);
    expect(marks.returned(second)).toBe(450);
    expect(marks.pending).toBe(true);
    expect([marks.returned(first), marks.returned(first)]).toEqual([200, undefined]);
    expect(marks.pending).toBe(false);
  });

  it('that were forgotten prove nothing, and no later one has the name of one of them', () => {
    const marks = new Marks(200);
    const before = marks.place(200);
    marks.sent(50);
    marks.forget();
    expect([marks.pending, marks.owing]).toEqual([false, false]);
    const after = marks.place(300);
    expect([marks.returned(before), marks.returned(after)]).toEqual([undefined, 300]);
  });

  it('are 1,024 at most: the oldest is not waited for any more', () => {
    const marks = new Marks(200);
    const names = Array.from({ length: 1025 }, (_, index) => marks.place(index));
    expect(names.map((name) => marks.returned(name))).toEqual([
      undefined,
      ...Array.from({ length: 1024 }, (_, index) => index + 1),
    ]);
  });
});
