import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  audioFrame,
  audioKind,
  digitFrame,
  frame,
  type GatewayFrame,
  GatewayFrameReader,
  hangUpFrame,
  rateOfKind,
  uuidFrame,
} from './audiosocket-frame.ts';

const hex = (bytes: Buffer) => bytes.toString('hex');

describe('frames of AudioSocket', () => {
  it('are written as Asterisk writes them', () => {
    expect(hex(uuidFrame('11223344-5566-7788-99aa-bbccddeeff00'))).toBe(
      '010010112233445566778899aabbccddeeff00',
    );
    expect(hex(digitFrame('5'))).toBe('03000135');
    expect(hex(hangUpFrame())).toBe('000000');
    expect(hex(audioFrame(0x10, Buffer.alloc(320)))).toBe(`100140${'00'.repeat(320)}`);
  });

  it('know nine rates of audio', () => {
    expect([8000, 16_000, 24_000, 192_000].map(audioKind)).toEqual([0x10, 0x12, 0x13, 0x18]);
    expect(audioKind(11_025)).toBeUndefined();
    expect([0x0f, 0x11, 0x15, 0x19].map(rateOfKind)).toEqual([undefined, 12_000, 44_100, undefined]);
  });
});

describe('GatewayFrameReader', () => {
  const read = (...parts: Buffer[]): GatewayFrame[] => {
    const reader = new GatewayFrameReader();
    return parts.flatMap((part) => reader.read(part));
  };

  it('takes frames as they come: many in one read, one in many', () => {
    const audio = [Buffer.alloc(320, 1), Buffer.alloc(320, 2), Buffer.alloc(640, 3)];
    const stream = Buffer.concat([
      audioFrame(0x10, audio[0] as Buffer),
      audioFrame(0x10, audio[1] as Buffer),
      audioFrame(0x12, audio[2] as Buffer),
      hangUpFrame(),
    ]);
    const expected = [
      { type: 'audio', sampleRate: 8000, audio: audio[0] },
      { type: 'audio', sampleRate: 8000, audio: audio[1] },
      { type: 'audio', sampleRate: 16_000, audio: audio[2] },
      { type: 'hang-up' },
    ];
    expect(read(stream)).toEqual(expected);
    expect(read(...Array.from(stream, (byte) => Buffer.from([byte])))).toEqual(expected);
  });

  it.each([
    [0x01, Buffer.alloc(16)],
    [0x02, Buffer.alloc(0)],
    [0x03, Buffer.from('5')],
    [0x19, Buffer.alloc(320)],
    [0xff, Buffer.from([1])],
  ])('ends at kind %i, which Asterisk does not take, with its header alone', (kind, payload) => {
    const bad = frame(kind, payload);
    expect(read(bad.subarray(0, 3), Buffer.from('anything'), hangUpFrame())).toMatchObject([
      { type: 'fatal', violation: 'forbidden-kind' },
    ]);
  });

  it('ends at audio of length 0', () => {
    expect(read(frame(0x10, Buffer.alloc(0)))).toMatchObject([{ type: 'fatal', violation: 'empty-audio' }]);
  });

  it('reads nothing behind a hang-up, whatever length it claims', () => {
    expect(read(Buffer.from([0, 0, 9]), audioFrame(0x10, Buffer.alloc(320)))).toEqual([{ type: 'hang-up' }]);
  });

  it('tells a payload that is awaited from a header that is', () => {
    const reader = new GatewayFrameReader();
    const whole = audioFrame(0x10, Buffer.alloc(320));
    reader.read(whole.subarray(0, 2));
    expect([reader.waitsForPayload, reader.heldBytes]).toEqual([false, 2]);
    reader.read(whole.subarray(2, 3));
    expect([reader.waitsForPayload, reader.heldBytes]).toEqual([true, 3]);
    reader.read(whole.subarray(3));
    expect([reader.waitsForPayload, reader.heldBytes]).toEqual([false, 0]);
  });

  it('reads the same frames however the network cuts the stream, and never throws', () => {
    const frames = fc.array(
      fc.record({
        kind: fc.oneof(fc.constantFrom(0x10, 0x12, 0x18), fc.integer({ min: 0, max: 255 })),
        payload: fc.uint8Array({ maxLength: 40 }),
      }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(frames, fc.array(fc.nat({ max: 60 }), { maxLength: 20 }), (sent, cuts) => {
        const stream = Buffer.concat(sent.map(({ kind, payload }) => frame(kind, payload)));
        const parts: Buffer[] = [];
        let at = 0;
        for (const cut of cuts) {
          parts.push(stream.subarray(at, at + cut));
          at = Math.min(stream.length, at + cut);
        }
        parts.push(stream.subarray(at));
        expect(read(...parts)).toEqual(read(stream));
      }),
      { numRuns: 10_000 },
    );
  });
});
