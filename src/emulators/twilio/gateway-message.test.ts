import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readGatewayMessage } from './gateway-message.ts';

const sid = `MZ${'1'.repeat(32)}`;
const read = (frame: unknown) => readGatewayMessage(Buffer.from(JSON.stringify(frame)), false, sid);

describe('readGatewayMessage', () => {
  it('reads the three messages that Twilio takes', () => {
    const payload = Buffer.from([1, 2, 3]).toString('base64');
    expect(read({ event: 'media', streamSid: sid, media: { payload } })).toEqual({
      ok: true,
      message: { event: 'media', audio: Buffer.from([1, 2, 3]) },
    });
    expect(read({ event: 'mark', streamSid: sid, mark: { name: 'm1' } })).toEqual({
      ok: true,
      message: { event: 'mark', name: 'm1' },
    });
    expect(read({ event: 'clear', streamSid: sid })).toEqual({ ok: true, message: { event: 'clear' } });
  });

  it.each([
    ['malformed', 7],
    ['malformed', { event: 1 }],
    ['unknown-event', { event: 'hangup', streamSid: sid }],
    ['wrong-stream-sid', { event: 'clear' }],
    ['wrong-stream-sid', { event: 'clear', streamSid: 'MZ2' }],
    ['mark-without-name', { event: 'mark', streamSid: sid }],
    ['mark-without-name', { event: 'mark', streamSid: sid, mark: { name: 3 } }],
    ['malformed', { event: 'media', streamSid: sid, media: {} }],
    ['bad-base64', { event: 'media', streamSid: sid, media: { payload: 'a-_=' } }],
    ['bad-base64', { event: 'media', streamSid: sid, media: { payload: 'abc' } }],
    ['bad-base64', { event: 'media', streamSid: sid, media: { payload: 'A=AA' } }],
  ])('names the violation %s', (violation, frame) => {
    expect(read(frame)).toMatchObject({ ok: false, violation });
  });

  it('names a binary frame and a frame that is not JSON', () => {
    expect(readGatewayMessage(Buffer.from('{}'), true, sid)).toMatchObject({ violation: 'binary-frame' });
    expect(readGatewayMessage('{"event":', false, sid)).toMatchObject({ violation: 'not-json' });
  });

  it('never throws, whatever a gateway sends', () => {
    const shaped = fc.record(
      {
        event: fc.oneof(fc.constantFrom('media', 'mark', 'clear', 'start'), fc.jsonValue()),
        streamSid: fc.oneof(fc.constant(sid), fc.jsonValue()),
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
      fc.property(frame, fc.boolean(), (text, isBinary) => {
        const reading = readGatewayMessage(Buffer.from(text), isBinary, sid);
        expect(reading.ok ? reading.message.event : reading.violation).toBeTypeOf('string');
      }),
      { numRuns: 20_000 },
    );
  });
});
