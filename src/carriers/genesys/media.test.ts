import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CallerChannel, chooseMedia } from './media.ts';
import type { MediaOffer } from './wire.ts';

const offer = (channels: string[], format = 'PCMU', rate = 8000): MediaOffer => ({
  offered: { format, rate, channels },
  format,
  rate,
  channels,
});

describe('the choice of media', () => {
  it('is the first offer that can be used', () => {
    const offers = [offer(['external'], 'L16'), offer(['external'], 'PCMU', 16_000), offer(['external'])];
    expect(chooseMedia([...offers, offer(['external', 'internal'])])).toBe(offers[2]);
  });

  it('is one that has the caller, where there is one', () => {
    const both = offer(['external', 'internal']);
    expect(chooseMedia([offer(['internal']), both, offer(['external'])])).toBe(both);
  });

  it('is none where nothing fits', () => {
    expect(chooseMedia([])).toBeUndefined();
    expect(chooseMedia([offer(['external'], 'L16')])).toBeUndefined();
  });

  it('is none where nobody would be heard but the agent', () => {
    expect(chooseMedia([offer(['internal']), offer([])])).toBeUndefined();
  });
});

describe("the caller's channel", () => {
  const taken = (channel: CallerChannel, ...frames: number[][]): number[] =>
    frames.flatMap((frame) => [...(channel.take(Buffer.from(frame))?.bytes() ?? [])]);

  it('of one channel is the frame itself', () => {
    const frame = Buffer.from([1, 2, 3]);
    expect(new CallerChannel(offer(['external'])).take(frame)?.bytes()).toBe(frame);
    expect(new CallerChannel(offer(['external'])).take(Buffer.alloc(0))).toBeUndefined();
  });

  it('of two is every other byte, wherever it stands', () => {
    expect(taken(new CallerChannel(offer(['external', 'internal'])), [1, 9, 2, 9])).toEqual([1, 2]);
    expect(taken(new CallerChannel(offer(['internal', 'external'])), [9, 1, 9, 2])).toEqual([1, 2]);
  });

  it('is followed over frames that end between the channels', () => {
    const channel = new CallerChannel(offer(['internal', 'external']));
    expect(taken(channel, [9], [1], [9, 2, 9], [3, 9, 4])).toEqual([1, 2, 3, 4]);
  });

  it('stands in the stream by its own bytes, and later where something was left out', () => {
    const channel = new CallerChannel(offer(['external', 'internal']));
    taken(channel, [1, 9, 1, 9], [], new Array(28).fill(0));
    expect(channel.positionMs).toBe(2);
    channel.discarded(2, 38);
    taken(channel, new Array(16).fill(0));
    expect(channel.positionMs).toBe(41);
    channel.discarded(1, 1);
    expect(channel.positionMs).toBe(41);
  });

  it('is the same however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        fc.array(fc.integer({ min: 1, max: 9 })),
        (bytes, cuts) => {
          const channel = new CallerChannel(offer(['internal', 'external']));
          const pieces: number[][] = [];
          let at = 0;
          for (const length of [...cuts, bytes.length]) {
            pieces.push([...bytes.subarray(at, at + length)]);
            at += length;
          }
          expect(taken(channel, ...pieces)).toEqual([...bytes].filter((_, index) => index % 2 === 1));
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
