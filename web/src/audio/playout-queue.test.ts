import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PlayoutQueue } from './playout-queue.ts';

const ramp = (from: number, count: number) => Float32Array.from({ length: count }, (_, i) => from + i);
const newQueue = () => new PlayoutQueue(1000, 50);

describe('the playout queue', () => {
  it('plays chunks back to back and fills up with silence', () => {
    const queue = newQueue();
    queue.push(ramp(1, 3));
    queue.push(ramp(4, 2));
    const out = new Float32Array(8).fill(9);
    expect(queue.pull(out)).toEqual({ marks: [], samples: 5, began: true });
    expect([...out]).toEqual([1, 2, 3, 4, 5, 0, 0, 0]);
  });

  it('gives a mark back with the block that holds the last sample before it, not earlier', () => {
    const queue = newQueue();
    queue.push(ramp(1, 9));
    queue.mark('nine');
    expect(queue.pull(new Float32Array(8)).marks).toEqual([]);
    expect(queue.pull(new Float32Array(1)).marks).toEqual(['nine']);
  });

  it('gives a mark back at once when nothing is queued', () => {
    const queue = newQueue();
    queue.mark('now');
    expect(queue.pull(new Float32Array(4)).marks).toEqual(['now']);
  });

  it('falls silent at a clear and forgets the marks', () => {
    const queue = newQueue();
    queue.push(ramp(1, 9));
    queue.mark('lost');
    queue.pull(new Float32Array(4));
    queue.clear();
    const out = new Float32Array(4).fill(9);
    expect(queue.pull(out)).toEqual({ marks: [], samples: 0, began: false });
    expect([...out]).toEqual([0, 0, 0, 0]);
  });

  it('counts a hole in an answer, and not the pause between two', () => {
    const queue = newQueue();
    queue.push(ramp(1, 4));
    queue.pull(new Float32Array(10));
    queue.push(ramp(1, 10));
    expect(queue.pull(new Float32Array(10)).began).toBe(false);
    expect(queue.underruns).toBe(1);
    queue.pull(new Float32Array(60));
    queue.push(ramp(1, 10));
    expect(queue.pull(new Float32Array(10)).began).toBe(true);
    expect(queue.underruns).toBe(1);
  });

  it('drops the newest audio when it is full, and says how much', () => {
    const queue = newQueue();
    queue.push(ramp(0, 990));
    queue.push(ramp(0, 30));
    expect([queue.queued, queue.dropped]).toEqual([1000, 20]);
  });

  it('plays every sample once, in order, with every mark in its place, however it is pushed and pulled', () => {
    const step = fc.oneof(
      fc.record({ push: fc.integer({ min: 1, max: 40 }) }),
      fc.record({ pull: fc.integer({ min: 1, max: 40 }) }),
      fc.constant({ mark: true }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const queue = new PlayoutQueue(1e6, 50);
        const played: number[] = [];
        const wanted = new Map<string, number>();
        let pushed = 0;
        let marks = 0;
        for (const now of [...steps, { pull: 5000 }]) {
          if ('push' in now) {
            queue.push(ramp(pushed + 1, now.push));
            pushed += now.push;
          } else if ('mark' in now) {
            const name = `m${marks++}`;
            wanted.set(name, pushed);
            queue.mark(name);
          } else {
            const before = played.length;
            const out = new Float32Array(now.pull);
            const pulled = queue.pull(out);
            played.push(...out.subarray(0, pulled.samples));
            for (const name of pulled.marks) {
              const at = wanted.get(name) ?? Number.NaN;
              expect(at).toBeLessThanOrEqual(played.length);
              expect(at === before || at > before - 1).toBe(true);
              wanted.delete(name);
            }
          }
        }
        expect(played).toEqual([...ramp(1, pushed)]);
        expect([...wanted.values()].filter((at) => at <= pushed).length).toBe(0);
      }),
    );
  });
});
