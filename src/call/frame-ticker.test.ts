import { describe, expect, it } from 'vitest';
import type { Clock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { FrameTicker } from './frame-ticker.ts';

function setUp() {
  const clock = new VirtualClock();
  const errors: string[] = [];
  const log = { ...silentLogger, error: (_fields: object, message: string) => errors.push(message) };
  return { clock, errors, ticker: new FrameTicker({ clock, log }) };
}

describe('the ticker of frames', () => {
  it('tells every member once in every frame, with one timer for all', () => {
    const { clock, ticker } = setUp();
    const told = Array.from({ length: 9 }, () => 0);
    for (const at of told.keys()) {
      ticker.join((frames) => {
        told[at] = (told[at] ?? 0) + frames;
      });
    }
    expect(clock.pending).toBe(1);
    clock.advance(2000);
    expect(told.every((frames) => frames === 100)).toBe(true);
    expect(clock.pending).toBe(1);
  });

  it('spreads those who join over the frame', () => {
    const { clock, ticker } = setUp();
    const moments = new Set<number>();
    for (let member = 0; member < 8; member++) ticker.join(() => moments.add(clock.now() % 20));
    clock.advance(200);
    expect([...moments].sort((a, b) => a - b)).toEqual([0, 5, 10, 15]);
  });

  it('gives what is due when it is looked at, and the timer does not give it again', () => {
    const { clock, ticker } = setUp();
    let busyMs = 0;
    const late: Clock = {
      now: () => clock.now() + busyMs,
      epochMs: () => clock.epochMs(),
      setTimeout: (callback, delayMs) => clock.setTimeout(callback, delayMs),
    };
    const held = new FrameTicker({ clock: late, log: silentLogger, slots: 1 });
    const at: [number, number][] = [];
    held.join((frames) => {
      at.push([late.now(), frames]);
      held.look();
    });
    ticker.look();
    held.look();
    expect(at).toEqual([]);
    // All this time no timer can run.
    busyMs = 25;
    held.look();
    held.look();
    busyMs = 65;
    held.look();
    expect(at).toEqual([
      [25, 1],
      [65, 2],
    ]);
    clock.advance(15);
    expect(at.slice(2)).toEqual([[80, 1]]);
  });

  it('keeps its deadlines when it was held up: lateness never adds up', () => {
    const { clock, ticker } = setUp();
    const at: [number, number][] = [];
    let late = 0;
    ticker.join((frames) => {
      at.push([clock.now(), frames]);
      // The process does something else for 7 ms, then once for 65 ms.
      late += 1;
      clock.advance(late === 3 ? 65 : 7);
    });
    clock.advance(400);
    const frames = at.reduce((sum, [, due]) => sum + due, 0);
    expect(frames).toBe(Math.floor((at.at(-1)?.[0] ?? 0) / 20));
  });

  it('lets go what is older than 100 ms', () => {
    const { clock, ticker } = setUp();
    const due: number[] = [];
    ticker.join((frames) => {
      due.push(frames);
      if (due.length === 1) clock.advance(1000);
    });
    clock.advance(1100);
    expect(due[1]).toBe(5);
  });

  it('owes nothing of a stall to one who joined after it, or in its very moment', () => {
    const { clock, ticker } = setUp();
    // One in each of the four slots, so that the next is in the place of the first.
    const joined: number[] = [];
    let stalled = false;
    for (let member = 0; member < 4; member++)
      ticker.join(() => {
        if (stalled) return;
        stalled = true;
        // The process is held up, and then a call begins before the others are told.
        clock.advance(1000);
        for (let late = 0; late < 4; late++) ticker.join((frames) => joined.push(frames));
      });
    clock.advance(2000);
    expect(joined.every((frames) => frames === 1)).toBe(true);
    // From 1,005 ms on.
    expect(joined).toHaveLength(4 * 50 - 1);
  });

  it('stops when nobody is left, and begins again', () => {
    const { clock, ticker } = setUp();
    const leave = ticker.join(() => undefined);
    leave();
    expect(clock.pending).toBe(0);
    let frames = 0;
    ticker.join((due) => {
      frames += due;
    });
    clock.advance(100);
    expect(frames).toBe(5);
  });

  it('goes on for the others when one of them fails', () => {
    const { clock, errors, ticker } = setUp();
    let frames = 0;
    for (let member = 0; member < 4; member++) {
      ticker.join(() => {
        throw new Error('broken');
      });
    }
    for (let member = 0; member < 4; member++) {
      ticker.join((due) => {
        frames += due;
      });
    }
    clock.advance(20);
    expect(frames).toBe(4);
    expect(errors).toHaveLength(4);
  });
});
