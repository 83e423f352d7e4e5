import { describe, expect, it } from 'vitest';
import { truncationErrorsMs } from './truncation-check.ts';

const item = (itemId: string, generatedMs: number, truncatedMs?: number, deleted = false) => ({
  itemId,
  kind: 'assistant',
  generatedMs,
  truncatedMs,
  deleted,
});
const truncation = (atMs: number, itemId: string, audioEndMs: number) => ({
  atMs,
  itemId,
  audioEndMs,
  generatedMs: 9000,
  accepted: true,
});

describe('truncationErrorsMs', () => {
  it('counts an answer heard to its end before the one that was cut', () => {
    const errors = truncationErrorsMs(
      [[{ atMs: 5000, stretchMs: 700, playedMs: 2700 }]],
      [{ items: [item('a', 2000), item('b', 9000, 690)], truncations: [truncation(4990, 'b', 690)] }],
    );
    expect(errors).toEqual([-10]);
  });

  it('does not carry the error of one barge-in into the next, and counts deleted answers as unheard', () => {
    const errors = truncationErrorsMs(
      [
        [
          { atMs: 1000, stretchMs: 500, playedMs: 500 },
          { atMs: 3000, stretchMs: 400, playedMs: 900 },
        ],
      ],
      [
        {
          items: [
            item('a', 9000, 520),
            item('x', 4000, undefined, true),
            { ...item('u', 2000), kind: 'user' },
            item('b', 9000, 400),
          ],
          truncations: [truncation(1000, 'a', 520), truncation(3000, 'b', 400)],
        },
      ],
    );
    expect(errors).toEqual([20, 0]);
  });

  it('matches sessions to calls by their times, and leaves out what has no counterpart', () => {
    const sessions = [
      { items: [item('b', 9000, 300)], truncations: [truncation(2000, 'b', 300)] },
      { items: [item('a', 9000, 100)], truncations: [truncation(1000, 'a', 100)] },
      { items: [], truncations: [] },
    ];
    const calls = [
      [{ atMs: 1005, stretchMs: 90, playedMs: 90 }],
      [{ atMs: 2010, stretchMs: 350, playedMs: 350 }],
      [{ atMs: 9000, stretchMs: 1, playedMs: 1 }],
      [],
    ];
    expect(truncationErrorsMs(calls, sessions)).toEqual([10, -50]);
  });

  it('takes sessions in the order of the calls where each call has one, however near their times are', () => {
    const sessions = [200, 500].map((audioEndMs) => ({
      items: [item('a', 9000, audioEndMs)],
      truncations: [truncation(1000, 'a', audioEndMs)],
    }));
    const calls = [
      [{ atMs: 1020, stretchMs: 210, playedMs: 210 }],
      [{ atMs: 1001, stretchMs: 505, playedMs: 505 }],
    ];
    expect(truncationErrorsMs(calls, sessions)).toEqual([-10, -5]);
  });
});
