import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pcm16At, pcmu8k } from '../../audio/format.ts';
import { readGatewayMessage } from './gateway-message.ts';

const read = (frame: unknown, format: Parameters<typeof readGatewayMessage>[2] = pcmu8k) =>
  readGatewayMessage(Buffer.from(JSON.stringify(frame)), false, format);
const media = (bytes: number) => ({
  event: 'media',
  media: { payload: Buffer.alloc(bytes, 1).toString('base64') },
});

describe('readGatewayMessage', () => {
  it('reads the three messages that Telnyx takes, with a stream id or without', () => {
    expect(read(media(160))).toEqual({ ok: true, message: { event: 'media', audio: Buffer.alloc(160, 1) } });
    expect(read({ event: 'mark', stream_id: 's', mark: { name: 'm1' } })).toEqual({
      ok: true,
      message: { event: 'mark', name: 'm1' },
    });
    expect(read({ event: 'clear' })).toEqual({ ok: true, message: { event: 'clear' } });
  });

  it('takes from 20 ms to 30 s at once, in the codec of the stream', () => {
    expect(read(media(159))).toMatchObject({ violation: 'chunk-too-short' });
    expect(read(media(240_000)).ok).toBe(true);
    expect(read(media(240_001))).toMatchObject({ violation: 'chunk-too-long' });
    expect(read(media(639), pcm16At(16_000))).toMatchObject({ violation: 'half-a-sample' });
    expect(read(media(638), pcm16At(16_000))).toMatchObject({ violation: 'chunk-too-short' });
    expect(read(media(640), pcm16At(16_000)).ok).toBe(true);
  });

  it('plays nothing where the stream was not opened for it', () => {
    const reading = readGatewayMessage(JSON.stringify(media(160)), false, undefined);
    expect(reading).toMatchObject({ violation: 'not-bidirectional' });
  });

  it.each([
    ['malformed', 7],
    ['unknown-event', { event: 1 }],
    ['unknown-event', { event: 'dtmf', dtmf: { digit: '1' } }],
    ['mark-without-name', { event: 'mark' }],
    ['mark-without-name', { event: 'mark', mark: { name: 3 } }],
    ['malformed', { event: 'media', media: {} }],
    ['bad-base64', { event: 'media', media: { payload: 'a-_=' } }],
  ])('names the violation %s', (violation, frame) => {
    expect(read(frame)).toMatchObject({ ok: false, violation });
  });

  it('names a binary frame and a frame that is not JSON', () => {
    expect(readGatewayMessage(Buffer.from('{}'), true, pcmu8k)).toMatchObject({ violation: 'binary-frame' });
    expect(readGatewayMessage('{"event":', false, pcmu8k)).toMatchObject({ violation: 'not-json' });
  });

  it('never throws, whatever a gateway sends', () => {
    const shaped = fc.record(
      {
        event: fc.oneof(fc.constantFrom('media', 'mark', 'clear', 'start'), fc.jsonValue()),
        media: fc.oneof(fc.record({ payload: fc.oneof(fc.base64String(), fc.jsonValue()) }), fc.jsonValue()),
        mark: fc.oneof(fc.record({ name: fc.jsonValue() }), fc.jsonValue()),
      },
      { requiredKeys: [] },
    );
    const frame = fc.oneof(
      fc.string(),
      fc.json(),
      shaped.map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(
        frame,
        fc.boolean(),
        fc.constantFrom(pcmu8k, pcm16At(16_000), undefined),
        (text, isBinary, format) => {
          const reading = readGatewayMessage(Buffer.from(text), isBinary, format);
          expect(reading.ok ? reading.message.event : reading.violation).toBeTypeOf('string');
        },
      ),
      { numRuns: 20_000 },
    );
  });
});
