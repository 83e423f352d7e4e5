import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClientFrames, mask, serverFrameBytes, writeServerFrame } from './websocket-frame.ts';

describe('frames of a server', () => {
  it.each([
    [0, [0x82, 0]],
    [125, [0x82, 125]],
    [126, [0x82, 126, 0, 126]],
    [65_535, [0x82, 126, 255, 255]],
    [65_536, [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]],
  ])('carry %i bytes behind the right header', (length, header) => {
    const message = Buffer.alloc(length, 3);
    const frame = Buffer.alloc(serverFrameBytes(length) + 2, 0xee);
    const end = writeServerFrame(message, true, frame, 1);
    expect(end).toBe(frame.length - 1);
    expect([...frame.subarray(1, 1 + header.length)]).toEqual(header);
    expect(frame.subarray(1 + header.length, end).equals(message)).toBe(true);
    expect([frame[0], frame[end]]).toEqual([0xee, 0xee]);
  });

  it('carry a string as UTF-8', () => {
    const message = `ö${'x'.repeat(124)}`;
    const frame = Buffer.alloc(serverFrameBytes(126));
    expect(writeServerFrame(message, false, frame, 0)).toBe(frame.length);
    expect(frame.subarray(0, 4)).toEqual(Buffer.from([0x81, 126, 0, 126]));
    expect(frame.toString('utf8', 4)).toBe(message);
  });

  it('follow each other in one buffer', () => {
    const frames = Buffer.alloc(serverFrameBytes(1) + serverFrameBytes(2));
    const next = writeServerFrame('a', false, frames, 0);
    writeServerFrame(Buffer.from('bc'), true, frames, next);
    expect(frames).toEqual(Buffer.from([0x81, 1, 97, 0x82, 2, 98, 99]));
  });
});

describe('frames of a client', () => {
  it('carry the pieces put together, each under a key of its own', () => {
    const frames = new ClientFrames();
    const keys = new Set<string>();
    fc.assert(
      fc.property(fc.string(), fc.string({ maxLength: 300 }), fc.string(), (head, body, tail) => {
        const frame = frames.text(Buffer.from(head), Buffer.from(body), Buffer.from(tail));
        const short = frame.readUInt8(1) & 0x7f;
        const start = short === 126 ? 8 : 6;
        expect(frame.readUInt8(0)).toBe(0x81);
        expect(frame.readUInt8(1) & 0x80).toBe(0x80);
        expect(short === 126 ? frame.readUInt16BE(2) : short).toBe(frame.length - start);
        keys.add(frame.toString('hex', start - 4, start));
        mask(frame, start, frame.length);
        expect(frame.toString('utf8', start)).toBe(head + body + tail);
      }),
      { numRuns: 3000 },
    );
    expect(keys.size).toBeGreaterThan(2990);
  });

  it('need no more than a head', () => {
    const frame = new ClientFrames().text(Buffer.from('abcd'));
    mask(frame, 6, frame.length);
    expect(frame.toString('utf8', 6)).toBe('abcd');
  });
});

it('masks and unmasks as RFC 6455, section 5.7, has it', () => {
  const frame = Buffer.from([0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
  mask(frame, 6, 11);
  expect(frame.toString('utf8', 6)).toBe('Hello');
});
