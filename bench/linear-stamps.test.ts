import { describe, expect, it } from 'vitest';
import { AudioChunk } from '../src/audio/chunk.ts';
import { createConverter } from '../src/audio/convert.ts';
import { pcm16At } from '../src/audio/format.ts';
import { BlockReader } from './block-reader.ts';
import { slin8, slin16, slin24 } from './codings.ts';
import type { Stamp } from './stamps.ts';

const codings = new Map([
  [8000, slin8],
  [16_000, slin16],
  [24_000, slin24],
]);

function stream(rate: number, stamps: readonly Stamp[]): Buffer {
  const coding = codings.get(rate) ?? slin8;
  const bytes = Buffer.alloc(stamps.length * coding.blockBytes);
  for (const [index, { id, sequence }] of stamps.entries())
    coding.writeBlock(bytes, index * coding.blockBytes, id, sequence);
  return bytes;
}

function readAll(rate: number, pieces: readonly Buffer[]): { stamps: Stamp[]; bytes: Map<number, number> } {
  const stamps: Stamp[] = [];
  const bytes = new Map<number, number>();
  const reader = new BlockReader(codings.get(rate) ?? slin8, {
    block: (stamp) => stamps.push(stamp),
    audio: (id, count) => bytes.set(id, (bytes.get(id) ?? 0) + count),
  });
  for (const piece of pieces) reader.take(piece);
  return { stamps, bytes };
}

const stamps = Array.from({ length: 60 }, (_, index) => ({
  id: [1, 262_143, 70_001][index % 3] ?? 0,
  sequence: (index * 1097) % 65_536,
}));

describe('stamps in linear samples', () => {
  it.each([
    [8000, 24_000],
    [16_000, 24_000],
    [24_000, 8000],
    [24_000, 16_000],
  ])('are read behind a resampler from %i to %i Hz, all but the last in time', (from, to) => {
    const convert = createConverter(pcm16At(from), pcm16At(to));
    const source = stream(from, stamps);
    const blockBytes = source.length / stamps.length;
    const pieces: Buffer[] = [];
    for (let at = 0; at < source.length; at += blockBytes) {
      pieces.push(
        convert?.convert(AudioChunk.fromBytes(source.subarray(at, at + blockBytes))).bytes() ?? source,
      );
      // The stamp is out with its own frame, although the resampler lags.
      expect(readAll(to, pieces).stamps).toEqual(stamps.slice(0, pieces.length));
    }
    pieces.push(convert?.flush().bytes() ?? source);
    const { bytes } = readAll(to, pieces);
    expect([...bytes.values()].reduce((sum, count) => sum + count, 0)).toBe((source.length * to) / from);
    expect(bytes.has(0)).toBe(false);
  });

  it.each([
    8000, 16_000, 24_000,
  ])('are found at %i Hz wherever the stream is cut and where it begins', (rate) => {
    const lead = Buffer.alloc(rate / 1000 + 4);
    const source = Buffer.concat([lead, stream(rate, stamps), Buffer.alloc(2000)]);
    for (const size of [34, 318, 322, 1000, 4096]) {
      const pieces: Buffer[] = [];
      for (let at = 0; at < source.length; at += size) pieces.push(source.subarray(at, at + size));
      expect(readAll(rate, pieces).stamps).toEqual(stamps);
    }
  });

  it('are not seen in silence, noise or a block that lost a millisecond', () => {
    const noise = Buffer.from(Array.from({ length: 64_000 }, (_, index) => (index * 7919) % 251));
    const broken = stream(8000, stamps.slice(0, 1));
    broken.copyWithin(100, 116);
    expect(readAll(8000, [Buffer.alloc(32_000), noise, broken, Buffer.alloc(640)]).stamps).toEqual([]);
  });
});
