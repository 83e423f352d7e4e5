import { describe, expect, it } from 'vitest';
import { pcm16At, pcmu8k } from '../../audio/format.ts';
import { audioFrame, frame, hangUpFrame } from './audiosocket-frame.ts';
import { AudioSocketWire, type AudioSocketWireOptions } from './audiosocket-wire.ts';

const uuid = '11223344-5566-7788-99aa-bbccddeeff00';

function newWire(options: Omit<AudioSocketWireOptions, 'uuid'> = {}) {
  const wire = new AudioSocketWire({ uuid, ...options });
  let slot = 0;
  /** What is sent in the next slots. */
  const slots = (count: number): (string | undefined)[] =>
    Array.from({ length: count }, () => {
      slot += 1;
      return wire.audio(Buffer.alloc(320, slot), slot)?.toString('hex');
    });
  return { wire, slots };
}

const audioHex = (...fills: number[]): string =>
  audioFrame(0x10, Buffer.concat(fills.map((fill) => Buffer.alloc(320, fill)))).toString('hex');

describe('AudioSocketWire', () => {
  it('begins with the UUID and sends 20 ms of slin in each frame', () => {
    const { wire, slots } = newWire();
    expect(wire.opening().map((sent) => sent.toString('hex'))).toEqual([
      '010010112233445566778899aabbccddeeff00',
    ]);
    expect(slots(2)).toEqual([audioHex(1), audioHex(2)]);
    expect([wire.speaks, wire.hears]).toEqual([pcm16At(8000), pcm16At(8000)]);
    expect(wire.closing()).toEqual([]);
  });

  it('speaks slin16 in frames of kind 0x12', () => {
    const { wire } = newWire({ sampleRate: 16_000 });
    expect(wire.speaks).toEqual(pcm16At(16_000));
    expect(wire.audio(Buffer.alloc(640), 1)?.subarray(0, 3).toString('hex')).toBe('120280');
  });

  it('sends µ-law under the name of slin where no codec was asked for, and hears slin', () => {
    const { wire } = newWire({ disguised: true });
    expect([wire.speaks, wire.hears]).toEqual([pcmu8k, pcm16At(8000)]);
    expect(wire.audio(Buffer.alloc(160), 1)?.subarray(0, 3).toString('hex')).toBe('1000a0');
  });

  it('passes on the packets of a phone that makes them 60 ms long', () => {
    const { slots } = newWire({ packetMs: 60 });
    expect(slots(6)).toEqual([
      undefined,
      undefined,
      audioHex(1, 2, 3),
      undefined,
      undefined,
      audioHex(4, 5, 6),
    ]);
  });

  it('sends nothing while the call is on hold, and goes on after', () => {
    const { slots } = newWire({ holds: [{ atMs: 40, forMs: 60 }] });
    expect(slots(7)).toEqual([
      audioHex(1),
      audioHex(2),
      undefined,
      undefined,
      undefined,
      audioHex(6),
      audioHex(7),
    ]);
  });

  it('tells a key when it is let go, after a hole of 180 ms, one key after the other', () => {
    const { wire, slots } = newWire();
    expect(wire.digit('5')).toBeUndefined();
    expect(wire.digit('#')).toBeUndefined();
    const sent = slots(20);
    expect(sent[8]).toBe('03000135');
    expect(sent[17]).toBe('03000123');
    expect(sent.filter((each) => each !== undefined)).toHaveLength(4);
    expect(sent[18]).toBe(audioHex(19));
  });

  it('plays what the gateway sends, and hangs up when it is told', () => {
    const { wire } = newWire();
    const audio = Buffer.alloc(320, 7);
    expect(wire.read(Buffer.concat([audioFrame(0x10, audio), hangUpFrame()]))).toEqual([
      { do: 'play', audio },
      { do: 'hang-up' },
    ]);
  });

  it.each([
    ['forbidden-kind', true, frame(0x03, Buffer.from('5')), 0],
    ['empty-audio', true, frame(0x10, Buffer.alloc(0)), 0],
    ['other-rate', undefined, audioFrame(0x12, Buffer.alloc(640, 1)), 0],
    ['half-sample', undefined, audioFrame(0x10, Buffer.alloc(319)), 0],
    ['frame-length', undefined, audioFrame(0x10, Buffer.alloc(960)), 1],
  ])('names the violation %s (fatal: %s)', (kind, fatal, sent, played) => {
    const commands = newWire().wire.read(sent);
    expect(commands).toContainEqual(
      expect.objectContaining({ do: 'violation', kind, ...(fatal === undefined ? {} : { fatal }) }),
    );
    expect(commands.filter((command) => command.do === 'play')).toHaveLength(played);
  });

  it('takes silence at any rate: no gateway knows the rate before it has heard the phone', () => {
    expect(newWire({ sampleRate: 16_000 }).wire.read(audioFrame(0x10, Buffer.alloc(320)))).toEqual([]);
  });

  it('says when it awaits the rest of a payload', () => {
    const awaited: boolean[] = [];
    const { wire } = newWire({ awaitsPayload: (awaits) => awaited.push(awaits) });
    const whole = audioFrame(0x10, Buffer.alloc(320));
    for (const part of [whole.subarray(0, 2), whole.subarray(2, 9), whole.subarray(9)]) wire.read(part);
    expect(awaited).toEqual([false, true, false]);
  });
});
