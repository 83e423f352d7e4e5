import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeldAudio } from './held-audio.ts';

function take(held: HeldAudio, bytes: number): Buffer {
  const into = Buffer.alloc(bytes);
  return into.subarray(0, held.shift(into));
}

describe('HeldAudio', () => {
  it('gives back what it was given, in order, however it is taken', () => {
    const sizes = fc.array(fc.oneof(fc.nat(200), fc.nat(70_000)), { maxLength: 30 });
    fc.assert(
      fc.property(sizes, sizes, (pushes, shifts) => {
        const held = new HeldAudio();
        let given = Buffer.alloc(0);
        let next = 0;
        for (let i = 0; i < Math.max(pushes.length, shifts.length); i++) {
          const piece = Buffer.from(Array.from({ length: pushes[i] ?? 0 }, () => next++ % 251));
          held.push(piece);
          given = Buffer.concat([given, piece]);
          const wanted = shifts[i] ?? 0;
          expect(take(held, wanted).equals(given.subarray(0, wanted))).toBe(true);
          given = given.subarray(wanted);
          expect(held.byteLength).toBe(given.length);
        }
        expect(take(held, given.length + 1).equals(given)).toBe(true);
      }),
    );
  });

  it('keeps no hold of the bytes it was given', () => {
    const held = new HeldAudio();
    const piece = Buffer.from([1, 2, 3]);
    held.push(piece);
    piece.fill(9);
    expect([...take(held, 3)]).toEqual([1, 2, 3]);
  });

  it('is empty after clear', () => {
    const held = new HeldAudio();
    held.push(Buffer.alloc(100_000, 7));
    held.clear();
    expect(held.byteLength).toBe(0);
    held.push(Buffer.from([1]));
    expect([...take(held, 10)]).toEqual([1]);
  });
});
