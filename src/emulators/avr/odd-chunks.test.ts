import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../seeded-random.ts';
import { OddChunks } from './odd-chunks.ts';

describe('OddChunks', () => {
  it('loses no byte, and cuts samples in two', () => {
    const chunks = new OddChunks(new SeededRandom(3));
    const sent: Buffer[] = [];
    const all = Buffer.from(Array.from({ length: 16_000 }, (_, at) => at & 0xff));
    for (let at = 0; at < all.length; at += 320) sent.push(...chunks.push(all.subarray(at, at + 320)));
    sent.push(chunks.flush());
    expect(Buffer.concat(sent).equals(all)).toBe(true);
    expect(sent.filter(({ length }) => length % 2 === 1).length).toBeGreaterThan(10);
    expect(chunks.flush()).toHaveLength(0);
  });
});
