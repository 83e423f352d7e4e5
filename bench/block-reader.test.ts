import { describe, expect, it } from 'vitest';
import { BlockReader } from './block-reader.ts';
import { mulaw } from './codings.ts';

function read(pieces: readonly Buffer[]) {
  const blocks: string[] = [];
  const bytes = new Map<number, number>();
  const reader = new BlockReader(mulaw, {
    block: ({ id, sequence }) => blocks.push(`${id}.${sequence}`),
    audio: (id, count) => bytes.set(id, (bytes.get(id) ?? 0) + count),
  });
  for (const piece of pieces) reader.take(piece);
  return { blocks, bytes: Object.fromEntries(bytes), between: reader.isBetweenBlocks };
}

function blocks(...stamps: ReadonlyArray<readonly [id: number, sequence: number]>): Buffer {
  const bytes = Buffer.alloc(stamps.length * mulaw.blockBytes);
  for (const [index, [id, sequence]] of stamps.entries())
    mulaw.writeBlock(bytes, index * mulaw.blockBytes, id, sequence);
  return bytes;
}

describe('blocks in a stream', () => {
  it('are told apart wherever the messages end', () => {
    const stream = blocks([1, 0], [1, 1], [2, 0]);
    for (const size of [1, 7, 11, 160, 165, 480]) {
      const pieces: Buffer[] = [];
      for (let at = 0; at < stream.length; at += size) pieces.push(stream.subarray(at, at + size));
      expect(read(pieces)).toEqual({
        blocks: ['1.0', '1.1', '2.0'],
        bytes: { 1: 320, 2: 160 },
        between: true,
      });
    }
  });

  it('are found behind what is no block', () => {
    const silence = Buffer.alloc(100, 0xff);
    expect(read([silence, Buffer.concat([silence, blocks([7, 3])])])).toEqual({
      blocks: ['7.3'],
      bytes: { 0: 200, 7: 160 },
      between: true,
    });
    expect(read([blocks([7, 3]).subarray(0, 159)]).between).toBe(false);
  });
});
