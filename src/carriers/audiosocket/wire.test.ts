import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { audioFrame, canonicalUuid, FrameReader, hangUpFrame, kindOfRate, refuseOpening } from './wire.ts';

const uuidFrame = '010010112233445566778899aabbccddeeff00';

/** What a reader makes of bytes that come in these pieces, in words. */
function told(...pieces: Buffer[]): string[] {
  const reader = new FrameReader();
  const messages: string[] = [];
  for (const piece of pieces) {
    reader.read(piece, (message) => {
      switch (message.type) {
        case 'uuid':
          messages.push(`uuid ${message.uuid}`);
          return;
        case 'digit':
          messages.push(`digit ${message.digit}`);
          return;
        case 'audio':
          messages.push(`audio ${message.sampleRate} ${message.audio.toString('hex')}`);
          return;
        case 'error':
          messages.push(`error ${message.code}`);
          return;
        case 'unknown':
          messages.push(`unknown ${message.kind}`);
          return;
        case 'malformed':
          messages.push(message.error.code);
          return;
        case 'hang-up':
          messages.push('hang-up');
      }
    });
  }
  return messages;
}

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

describe('the frames of Asterisk', () => {
  it.each([
    ['a UUID', uuidFrame, 'uuid 11223344-5566-7788-99aa-bbccddeeff00'],
    ['a digit', '03000135', 'digit 5'],
    ['a digit in lower case', '03000161', 'digit A'],
    ['a digit with more behind it', '0300022a00', 'digit *'],
    ['audio', '10000401020304', 'audio 8000 01020304'],
    ['wideband audio', '1200020102', 'audio 16000 0102'],
    ['audio at 24 kHz', '1300020102', 'audio 24000 0102'],
    ['audio at 48 kHz', '1600020102', 'audio 48000 0102'],
    ['audio at a rate that nobody can use', '1500020102', 'audio 44100 0102'],
    ['audio of no length', '100000', 'audio 8000 '],
    ['a hang-up', '000000', 'hang-up'],
    ['an error without a code', 'ff0000', 'error undefined'],
    ['an error with a code', 'ff000104', 'error 4'],
    ['a kind of old texts', '0200020102', 'unknown 2'],
    ['half a sample', '100003010203', 'PATCHCORD_AUDIO_MALFORMED'],
    ['half a UUID', '010008aaaaaaaaaaaaaaaa', 'PATCHCORD_MESSAGE_MALFORMED'],
    ['a digit of no length', '030000', 'PATCHCORD_MESSAGE_MALFORMED'],
    ['a digit that is none', '03000158', 'PATCHCORD_MESSAGE_MALFORMED'],
  ])('reads %s', (_, frame, message) => {
    expect(told(hex(frame))).toEqual([message]);
  });

  it('are found one after the other in one read', () => {
    expect(told(hex(`${uuidFrame}100002010203000131000000`))).toEqual([
      'uuid 11223344-5566-7788-99aa-bbccddeeff00',
      'audio 8000 0102',
      'digit 1',
      'hang-up',
    ]);
  });

  it('are found wherever the network has cut them', () => {
    const bytes = hex(`${uuidFrame}100002010202000399aabb000000`);
    const whole = told(bytes);
    for (let cut = 0; cut <= bytes.length; cut++) {
      expect(told(bytes.subarray(0, cut), bytes.subarray(cut))).toEqual(whole);
    }
    expect(told(...Array.from(bytes, (byte) => Buffer.from([byte])))).toEqual(whole);
  });

  it('are the same for any split of any bytes', () => {
    const frame = fc
      .tuple(
        fc.oneof(fc.constantFrom(0, 1, 3, 0x10, 0x12, 0x15, 0x16, 0xff), fc.nat(255)),
        fc.uint8Array({ maxLength: 40 }),
      )
      .map(([kind, payload]) => audioFrame(kind, Buffer.from(payload)));
    const stream = fc
      .array(
        fc.oneof({ weight: 3, arbitrary: frame }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 30 }) }),
        {
          maxLength: 8,
        },
      )
      .map((parts) => Buffer.concat(parts));
    fc.assert(
      fc.property(stream, fc.array(fc.nat(300), { maxLength: 12 }), (bytes, cuts) => {
        const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
        const pieces = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
        expect(told(...pieces)).toEqual(told(bytes));
      }),
      { numRuns: 10_000 },
    );
  });

  it.each([
    ['nothing yet', '', undefined],
    ['one byte', '01', undefined],
    ['a header', '010010', undefined],
    ['a hang-up', '0000', undefined],
    ['another kind', '10', 'PATCHCORD_MESSAGE_ORDER'],
    ['a short UUID', '010004', 'PATCHCORD_MESSAGE_MALFORMED'],
    ['a long UUID', '01ff', 'PATCHCORD_MESSAGE_MALFORMED'],
    ['a hang-up with a payload', '000001', 'PATCHCORD_MESSAGE_MALFORMED'],
  ])('may be the UUID, or are refused, by their first bytes: %s', (_, header, code) => {
    const reader = new FrameReader();
    reader.read(hex(header), () => expect.unreachable());
    expect(refuseOpening(reader.unfinished)?.code).toBe(code);
  });

  it('are not copied where they come whole', () => {
    // Memory of its own: a small Buffer would share it with every other.
    const bytes = Buffer.alloc(5);
    bytes.set(audioFrame(0x10, Buffer.from([1, 2])));
    new FrameReader().read(bytes, (message) => {
      expect(message.type === 'audio' && message.audio.buffer === bytes.buffer).toBe(true);
    });
  });
});

describe('what is sent to Asterisk', () => {
  it('is audio with its kind and length before it', () => {
    expect(audioFrame(0x10, Buffer.alloc(320)).toString('hex')).toBe(`100140${'00'.repeat(320)}`);
    expect(audioFrame(0x12, Buffer.from([1, 2])).toString('hex')).toBe('1200020102');
  });

  it('is a hang-up of three bytes', () => {
    expect(hangUpFrame().toString('hex')).toBe('000000');
  });

  it.each([
    [8000, 0x10],
    [16_000, 0x12],
    [24_000, 0x13],
    [48_000, 0x16],
    [11_025, undefined],
  ])('has a kind for %i Hz', (rate, kind) => {
    expect(kindOfRate(rate)).toBe(kind);
  });
});

describe('a UUID in text', () => {
  it.each([
    ['40325EC2-5efd-4bd3-805f-53576e581d13', '40325ec2-5efd-4bd3-805f-53576e581d13'],
    ['40325ec25efd4bd3805f53576e581d13', undefined],
    ['', undefined],
  ])('%s is told as %s', (text, uuid) => {
    expect(canonicalUuid(text)).toBe(uuid);
  });
});
