import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pcm16At, pcmu8k } from '../../audio/format.ts';
import { readGatewayMessage } from './gateway-message.ts';

const streamId = '5c3ae5a5-5e4b-4d29-9c0b-8f2a7b9b7b11';
const read = (frame: unknown, format = pcmu8k) =>
  readGatewayMessage(Buffer.from(JSON.stringify(frame)), false, streamId, format);
const media = (more: object = {}) => ({
  event: 'playAudio',
  media: { contentType: 'audio/x-mulaw', sampleRate: 8000, payload: 'AQID', ...more },
});

describe('readGatewayMessage', () => {
  it('reads the four messages that Plivo takes', () => {
    const audio = Buffer.from([1, 2, 3]);
    expect(read(media())).toEqual({ ok: true, message: { event: 'playAudio', audio } });
    expect(read({ ...media({ sampleRate: '8000' }), streamId }).ok).toBe(true);
    expect(read({ event: 'checkpoint', streamId, name: 'c1' })).toEqual({
      ok: true,
      message: { event: 'checkpoint', name: 'c1' },
    });
    expect(read({ event: 'clearAudio', streamId })).toEqual({ ok: true, message: { event: 'clearAudio' } });
    expect(read({ event: 'sendDTMF', dtmf: '12#' })).toEqual({
      ok: true,
      message: { event: 'sendDTMF', digits: '12#' },
    });
  });

  it('takes the format of the stream alone', () => {
    const wide = { contentType: 'audio/x-l16', sampleRate: 16_000, payload: 'AQIDBA==' };
    expect(read(media(wide), pcm16At(16_000)).ok).toBe(true);
    expect(read(media({ ...wide, payload: 'AQID' }), pcm16At(16_000))).toMatchObject({
      violation: 'half-a-sample',
    });
    expect(read(media(wide))).toMatchObject({ violation: 'other-format' });
    expect(read(media({ sampleRate: 16_000 }))).toMatchObject({ violation: 'other-format' });
    expect(read(media({ contentType: 'audio/x-mulaw;rate=8000' }))).toMatchObject({
      violation: 'other-format',
    });
  });

  it.each([
    ['malformed', 7],
    ['unknown-event', { event: 1 }],
    ['unknown-event', { event: 'media', media: {} }],
    ['wrong-stream-id', { event: 'clearAudio' }],
    ['wrong-stream-id', { event: 'checkpoint', streamId: 'x', name: 'c' }],
    ['wrong-stream-id', { ...media(), streamId: 'x' }],
    ['checkpoint-without-name', { event: 'checkpoint', streamId }],
    ['bad-digits', { event: 'sendDTMF', dtmf: 12 }],
    ['bad-digits', { event: 'sendDTMF', dtmf: 'x' }],
    ['malformed', { event: 'playAudio' }],
    ['malformed', media({ payload: 7 })],
    ['malformed', media({ contentType: undefined })],
    ['bad-base64', media({ payload: 'a-_=' })],
  ])('names the violation %s', (violation, frame) => {
    expect(read(frame)).toMatchObject({ ok: false, violation });
  });

  it('names a binary frame and a frame that is not JSON', () => {
    expect(readGatewayMessage(Buffer.from('{}'), true, streamId, pcmu8k)).toMatchObject({
      violation: 'binary-frame',
    });
    expect(readGatewayMessage('{"event":', false, streamId, pcmu8k)).toMatchObject({ violation: 'not-json' });
  });

  it('never throws, whatever a gateway sends', () => {
    const shaped = fc.record(
      {
        event: fc.oneof(fc.constantFrom('playAudio', 'checkpoint', 'clearAudio', 'sendDTMF'), fc.jsonValue()),
        streamId: fc.oneof(fc.constant(streamId), fc.jsonValue()),
        media: fc.oneof(
          fc.record({
            contentType: fc.oneof(fc.constant('audio/x-mulaw'), fc.jsonValue()),
            sampleRate: fc.oneof(fc.constant(8000), fc.jsonValue()),
            payload: fc.oneof(fc.base64String(), fc.jsonValue()),
          }),
          fc.jsonValue(),
        ),
        name: fc.jsonValue(),
        dtmf: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    const frame = fc.oneof(
      fc.string(),
      fc.json(),
      shaped.map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(frame, fc.boolean(), (text, isBinary) => {
        const reading = readGatewayMessage(Buffer.from(text), isBinary, streamId, pcmu8k);
        expect(reading.ok ? reading.message.event : reading.violation).toBeTypeOf('string');
      }),
      { numRuns: 20_000 },
    );
  });
});
