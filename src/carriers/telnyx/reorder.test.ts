import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { Reorder } from './reorder.ts';

let clock: VirtualClock;
let passed: (number | undefined)[];
let reorder: Reorder<{ readonly chunk: number | undefined }>;

beforeEach(() => {
  clock = new VirtualClock();
  passed = [];
  reorder = new Reorder(clock, ({ chunk }) => passed.push(chunk));
});

const push = (...chunks: (number | undefined)[]) => {
  for (const chunk of chunks) reorder.push({ chunk });
};

describe('frames', () => {
  it('in order pass at once and need no timer', () => {
    for (let chunk = 7; chunk < 500; chunk++) {
      push(chunk);
      expect(passed.at(-1)).toBe(chunk);
      expect(clock.pending).toBe(0);
    }
  });

  it('without a number pass at once', () => {
    push(1, undefined, undefined, 2);
    expect(passed).toEqual([1, undefined, undefined, 2]);
  });

  it('out of order are put in order, and the wait ends with the missing one', () => {
    push(1, 3, 4);
    expect(passed).toEqual([1]);
    expect(clock.pending).toBe(1);
    push(2);
    expect(passed).toEqual([1, 2, 3, 4]);
    expect(clock.pending).toBe(0);
    push(7, 6, 5);
    expect(passed).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it('that come in another order at the very beginning are put in order', () => {
    push(2);
    expect(passed).toEqual([]);
    push(1, 3);
    expect(passed).toEqual([1, 2, 3]);
    expect(clock.pending).toBe(0);
  });

  it('are held 100 ms at the very beginning for one that never comes', () => {
    push(3, 4);
    clock.advance(99);
    expect(passed).toEqual([]);
    clock.advance(1);
    push(5);
    expect(passed).toEqual([3, 4, 5]);
    expect(clock.pending).toBe(0);
  });

  it.each([0, 1, 7, 5000])('are not held where the first number is %d', (first) => {
    push(first, first + 1);
    expect(passed).toEqual([first, first + 1]);
    expect(clock.pending).toBe(0);
  });

  it('that come twice, held or passed, are dropped', () => {
    push(1, 1, 3, 3, 2, 2, 3, 4);
    expect(passed).toEqual([1, 2, 3, 4]);
  });

  it('are held 100 ms for a missing one, which is then given up and dropped when it comes', () => {
    push(1, 3);
    clock.advance(99);
    expect(passed).toEqual([1]);
    clock.advance(1);
    expect(passed).toEqual([1, 3]);
    push(2, 4);
    expect(passed).toEqual([1, 3, 4]);
  });

  it('are held until five have come behind a missing one', () => {
    push(1, 3, 4, 5, 6);
    expect(passed).toEqual([1]);
    push(7);
    expect(passed).toEqual([1, 3, 4, 5, 6, 7]);
    expect(clock.pending).toBe(0);
  });

  it('whose numbers begin anew pass', () => {
    push(998, 999, 1, 2, 3);
    expect(passed).toEqual([998, 999, 1, 2, 3]);
  });

  it('whose numbers have holes by nature are not held for ever, until one really comes late', () => {
    for (let chunk = 0; chunk < 200; chunk += 2) push(chunk);
    expect(passed.at(-1)).toBe(198);
    expect(clock.pending).toBe(0);
    push(200, 199);
    push(203);
    expect(passed.at(-1)).toBe(200);
    push(202, 201);
    expect(passed.slice(-3)).toEqual([201, 202, 203]);
  });

  it('that are held pass when asked to, and none later than its close', () => {
    push(1, 4, 3);
    reorder.flush();
    expect(passed).toEqual([1, 3, 4]);
    push(7);
    reorder.close();
    clock.advance(1000);
    expect(passed).toEqual([1, 3, 4]);
    expect(clock.pending).toBe(0);
  });
});

describe('any stream of frames', () => {
  it('comes out whole and in order when its first frames are shuffled too: 1,000 streams', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([1, 2, 3, 4, 5], { minLength: 5 }), (chunks) => {
        const out: number[] = [];
        const ordered = new Reorder<{ chunk: number }>(new VirtualClock(), ({ chunk }) => out.push(chunk));
        for (const chunk of chunks) ordered.push({ chunk });
        expect(out).toEqual([1, 2, 3, 4, 5]);
      }),
      { numRuns: 1_000 },
    );
  });

  it('that is shuffled within the window comes out whole and in order: 3,000 streams', () => {
    const groups = fc.array(fc.shuffledSubarray([1, 2, 3, 4, 5], { minLength: 5 }), { maxLength: 20 });
    fc.assert(
      fc.property(groups, (order) => {
        const chunks = order.flatMap((group, at) => group.map((n) => at * 5 + n));
        const out: number[] = [];
        const ordered = new Reorder<{ chunk: number }>(new VirtualClock(), ({ chunk }) => out.push(chunk));
        for (const chunk of [0, ...chunks]) ordered.push({ chunk });
        expect(out).toEqual(Array.from({ length: chunks.length + 1 }, (_, n) => n));
      }),
      { numRuns: 3_000 },
    );
  });

  it('rises, repeats nothing, holds no more than four frames and nothing longer than 100 ms: 3,000 streams', () => {
    const steps = fc.array(fc.tuple(fc.nat(40), fc.nat(30)), { maxLength: 80 });
    fc.assert(
      fc.property(steps, (frames) => {
        const virtual = new VirtualClock();
        const out: number[] = [];
        const cameAt = new Map<number, number>();
        const ordered = new Reorder<{ chunk: number }>(virtual, ({ chunk }) => {
          expect(virtual.now() - (cameAt.get(chunk) ?? 0)).toBeLessThanOrEqual(100);
          out.push(chunk);
        });
        const distinct = new Set<number>();
        for (const [chunk, ms] of frames) {
          if (!cameAt.has(chunk)) cameAt.set(chunk, virtual.now());
          distinct.add(chunk);
          ordered.push({ chunk });
          virtual.advance(ms);
        }
        virtual.advance(100);
        expect(virtual.pending).toBe(0);
        expect(out).toEqual([...new Set(out)].sort((a, b) => a - b));
        expect(out.every((chunk) => distinct.has(chunk))).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });
});
