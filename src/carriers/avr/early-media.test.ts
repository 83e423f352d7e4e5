import { describe, expect, it } from 'vitest';
import { AudioChunk } from '../../audio/chunk.ts';
import { EarlyMedia } from './early-media.ts';

const frame = (value: number): AudioChunk => AudioChunk.fromBytes(Buffer.alloc(320, value));

function given(early: EarlyMedia): (number | string)[] {
  const items: (number | string)[] = [];
  early.giveTo({
    audio: (chunk) => items.push(chunk.bytes()[0] ?? -1),
    digit: (digit) => items.push(digit),
  });
  return items;
}

describe('what comes before the call is there', () => {
  it('is given on once, in its order', () => {
    const early = new EarlyMedia();
    early.audio(frame(1));
    early.digit('5');
    early.audio(frame(2));
    expect(given(early)).toEqual([1, '5', 2]);
    expect(given(early)).toEqual([]);
    expect(early.lostMs).toBe(0);
  });

  it('is the last ten seconds; what is older is dropped and counted', () => {
    const early = new EarlyMedia();
    for (let n = 0; n < 503; n++) early.audio(frame(n % 256));
    expect(early.lostMs).toBe(60);
    const items = given(early);
    expect(items).toHaveLength(500);
    expect(items[0]).toBe(3);
  });

  it('is bounded in number too', () => {
    const early = new EarlyMedia();
    for (let n = 0; n < 5000; n++) early.digit(String(n % 10));
    expect(given(early)).toHaveLength(4000);
  });
});
