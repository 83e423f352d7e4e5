import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBase64, toBase64 } from './base64.ts';

describe('toBase64', () => {
  it('writes what Node writes, for short and for long audio', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 800, size: 'max' }), (bytes) => {
        expect(toBase64(Buffer.from(bytes)).toString('latin1')).toBe(Buffer.from(bytes).toString('base64'));
      }),
      { numRuns: 3000 },
    );
  });
});

describe('isBase64', () => {
  it('accepts what an encoder writes, and where it lies inside a larger message', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), fc.nat(5), (bytes, before) => {
        const text = Buffer.from(bytes).toString('base64');
        expect(isBase64(Buffer.from(text))).toBe(true);
        const message = Buffer.from(`${'"'.repeat(before)}${text}"}`);
        expect(isBase64(message, before, before + text.length)).toBe(true);
      }),
    );
  });

  it.each([
    ['nothing', ''],
    ['missing padding', 'AAA'],
    ['a cut group', 'AAAAA'],
    ['padding in the middle', 'AA==AAAA'],
    ['three signs of padding', 'A==='],
    ['padding alone', '===='],
    ['padding before a letter', 'AA=A'],
    ['the URL alphabet', 'AA-_'],
    ['white space', 'AAA\n'],
    ['an escaped slash', 'AA\\/'],
    ['letters beyond ASCII', 'AAé'],
  ])('refuses %s', (_, text) => {
    expect(isBase64(Buffer.from(text))).toBe(false);
  });
});
