import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AudioChunk } from './chunk.ts';

const base64Of = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

describe('AudioChunk', () => {
  it('shows the same audio as bytes and as base64, whichever it was made of', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = base64Of(bytes);
        for (const chunk of [
          AudioChunk.fromBytes(bytes),
          AudioChunk.fromBase64(text),
          AudioChunk.fromBase64(Buffer.from(text)),
        ]) {
          expect(chunk.byteLength).toBe(bytes.length);
          expect([...chunk.bytes()]).toEqual([...bytes]);
          expect(chunk.base64().toString('latin1')).toBe(text);
        }
      }),
    );
  });

  it('forwards what it was given without a copy and converts at most once', () => {
    const ascii = Buffer.from(base64Of(Uint8Array.of(1, 2, 3, 4)));
    const received = AudioChunk.fromBase64(ascii);
    expect(received.base64()).toBe(ascii);
    expect(received.bytes()).toBe(received.bytes());
    const raw = Buffer.of(5, 6, 7);
    const made = AudioChunk.fromBytes(raw);
    expect(made.bytes()).toBe(raw);
    expect(made.base64()).toBe(made.base64());
  });

  it('takes a view into a larger buffer as that view alone', () => {
    const larger = Uint8Array.of(9, 1, 2, 9);
    expect([...AudioChunk.fromBytes(larger.subarray(1, 3)).bytes()]).toEqual([1, 2]);
  });

  it('cuts the same piece from base64 as from bytes, at any place', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(70), fc.nat(70), (bytes, a, b) => {
        const [start, end] = [Math.min(a, b, bytes.length), Math.max(a, b)];
        const expected = [...bytes.subarray(start, end)];
        for (const chunk of [AudioChunk.fromBytes(bytes), AudioChunk.fromBase64(base64Of(bytes))]) {
          const piece = chunk.slice(start, end);
          expect(piece.byteLength).toBe(expected.length);
          expect([...piece.bytes()]).toEqual(expected);
          expect(piece.base64().toString('latin1')).toBe(base64Of(Uint8Array.from(expected)));
        }
      }),
    );
  });

  it('is itself when nothing is cut off', () => {
    const chunk = AudioChunk.fromBytes(Uint8Array.of(1, 2, 3));
    expect(chunk.slice(0)).toBe(chunk);
    expect(chunk.slice(0, 99)).toBe(chunk);
  });
});
