import { describe, expect, it } from 'vitest';
import { isPaddedBase64, readJsonFrame } from './json-frame.ts';

describe('a frame', () => {
  it.each(['{"event":"x"}', Buffer.from('{"event":"x"}')])('is an object in JSON', (data) => {
    expect(readJsonFrame(data)).toEqual({ ok: true, frame: { event: 'x' } });
  });

  it.each([
    ['hello', 'not-json'],
    ['', 'not-json'],
    ['[]', 'malformed'],
    ['null', 'malformed'],
    ['7', 'malformed'],
  ])('that is %s is %s', (text, violation) => {
    expect(readJsonFrame(text)).toMatchObject({ ok: false, violation });
  });
});

describe('a payload', () => {
  it.each(['', 'AAAA', 'AAA=', 'AA==', '+/9z'])('may be "%s"', (text) => {
    expect(isPaddedBase64(text)).toBe(true);
  });

  it.each(['AAA', 'A===', 'AA-_', 'AA==AAAA', 'AA A'])('is no base64 where it is "%s"', (text) => {
    expect(isPaddedBase64(text)).toBe(false);
  });
});
