import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PatchcordError } from '../../base/errors.ts';
import { maxAudioBytes, maxControlBytes, parseAudio, parseControl } from './wire.ts';

const control = (value: unknown) => parseControl(Buffer.from(JSON.stringify(value)));

function refusalOf(parsed: ReturnType<typeof parseControl> | ReturnType<typeof parseAudio>) {
  return parsed.ok ? undefined : [parsed.refusal.error.code, parsed.refusal.closeCode];
}

describe('a softphone control message', () => {
  it('starts a call at 24 kHz with what the page wants of the agent', () => {
    expect(control({ type: 'start', sampleRate: 24000, voice: 'ash', greeting: '', extra: 1 })).toEqual({
      ok: true,
      value: { type: 'start', sampleRate: 24000, overrides: { voice: 'ash' } },
    });
  });

  it('carries digits, marks and the hang-up', () => {
    expect(control({ type: 'digit', digit: '#' })).toEqual({
      ok: true,
      value: { type: 'digit', digit: '#' },
    });
    expect(control({ type: 'mark', name: 'm1' })).toEqual({ ok: true, value: { type: 'mark', name: 'm1' } });
    expect(control({ type: 'hangup' })).toEqual({ ok: true, value: { type: 'hangup' } });
  });

  it('is refused with 1003 when the sample rate is none that is spoken here', () => {
    expect(refusalOf(control({ type: 'start', sampleRate: 44100 }))).toEqual([
      'PATCHCORD_AUDIO_FORMAT',
      1003,
    ]);
  });

  it.each([
    ['not an object', []],
    ['no type', {}],
    ['unknown type', { type: 'dance' }],
    ['a rate as a string', { type: 'start', sampleRate: '24000' }],
    ['a greeting that is a number', { type: 'start', sampleRate: 24000, greeting: 5 }],
    ['instructions over the limit', { type: 'start', sampleRate: 24000, instructions: 'x'.repeat(8001) }],
    ['two digits', { type: 'digit', digit: '12' }],
    ['a digit as a number', { type: 'digit', digit: 1 }],
    ['a mark without a name', { type: 'mark' }],
    ['a mark with an endless name', { type: 'mark', name: 'x'.repeat(129) }],
  ])('is refused with 1007 for %s', (_, value) => {
    expect(refusalOf(control(value))).toEqual(['PATCHCORD_MESSAGE_MALFORMED', 1007]);
  });

  it('is refused with 1009 when it is too long', () => {
    const frame = Buffer.alloc(maxControlBytes + 1, 0x20);
    expect(refusalOf(parseControl(frame))).toEqual(['PATCHCORD_MESSAGE_TOO_LARGE', 1009]);
  });
});

describe('a softphone audio frame', () => {
  it('is taken as it is', () => {
    const frame = Buffer.from([1, 2, 3, 4]);
    const parsed = parseAudio(frame);
    expect(parsed.ok && parsed.value.bytes()).toBe(frame);
  });

  it('is refused when it holds half a sample or more than a second', () => {
    expect(refusalOf(parseAudio(Buffer.alloc(959)))).toEqual(['PATCHCORD_AUDIO_MALFORMED', 1007]);
    expect(refusalOf(parseAudio(Buffer.alloc(maxAudioBytes + 2)))).toEqual([
      'PATCHCORD_MESSAGE_TOO_LARGE',
      1009,
    ]);
  });
});

describe('whatever a peer sends', () => {
  const messageLike = fc.record(
    {
      type: fc.constantFrom('start', 'digit', 'mark', 'hangup', '__proto__', 'toString'),
      sampleRate: fc.oneof(fc.constantFrom(24000, 16000), fc.jsonValue()),
      digit: fc.oneof(fc.constantFrom('0', '#'), fc.jsonValue()),
      name: fc.oneof(fc.string(), fc.jsonValue()),
      greeting: fc.oneof(fc.string(), fc.jsonValue()),
      instructions: fc.jsonValue(),
    },
    { requiredKeys: ['type'] },
  );
  const frames = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.string({ unit: 'binary', maxLength: 100 }).map((text) => Buffer.from(text)),
    fc.json({ maxDepth: 3 }).map((text) => Buffer.from(text)),
    messageLike.map((value) => Buffer.from(JSON.stringify(value))),
    fc
      .tuple(messageLike, fc.nat(200))
      .map(([value, cut]) => Buffer.from(JSON.stringify(value)).subarray(0, cut)),
  );

  it('is read or refused with a code, and never throws', () => {
    const seen = { read: 0, refused: 0 };
    fc.assert(
      fc.property(frames, (frame) => {
        for (const parsed of [parseControl(frame), parseAudio(frame)]) {
          if (parsed.ok) seen.read++;
          else {
            seen.refused++;
            expect(parsed.refusal.error).toBeInstanceOf(PatchcordError);
            expect([1003, 1007, 1008, 1009]).toContain(parsed.refusal.closeCode);
          }
        }
      }),
      { numRuns: 100_000 },
    );
    expect(seen.read).toBeGreaterThan(1000);
    expect(seen.refused).toBeGreaterThan(1000);
  }, 60_000);
});
