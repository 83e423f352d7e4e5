import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameBytes, readGatewayMessage } from './gateway-message.ts';

const frame = Buffer.alloc(frameBytes, 7);
const audio = (bytes: number) =>
  JSON.stringify({ type: 'audio', audio: Buffer.alloc(bytes, 7).toString('base64') });

describe('readGatewayMessage', () => {
  it('takes what a connector may send', () => {
    expect(readGatewayMessage(audio(frameBytes), false).message).toEqual({ type: 'audio', audio: frame });
    for (const message of [
      { type: 'interruption' },
      { type: 'transcript', role: 'agent', text: 'Hello' },
      { type: 'error', message: 'no' },
      { type: 'ready', message: 'Session ready' },
    ]) {
      expect(readGatewayMessage(JSON.stringify(message), false)).toEqual({ message, fault: undefined });
    }
  });

  it.each([
    ['a binary frame', '{}', true, 'binary-frame'],
    ['no JSON', 'hello', false, 'not-json'],
    ['no object', '7', false, 'malformed'],
    ['an unknown type', '{"type":"hangup"}', false, 'unknown-type'],
    ['audio that is no text', '{"type":"audio","audio":5}', false, 'malformed'],
    ['audio that is not base64', '{"type":"audio","audio":"???"}', false, 'bad-base64'],
    ['a transcript of nobody', '{"type":"transcript","role":"caller","text":"x"}', false, 'malformed'],
    ['a transcript without text', '{"type":"transcript","role":"user"}', false, 'malformed'],
    ['an error without message', '{"type":"error"}', false, 'malformed'],
  ])('refuses %s', (_name, text, binary, kind) => {
    expect(readGatewayMessage(Buffer.from(text), binary)).toMatchObject({
      message: undefined,
      fault: { kind },
    });
  });

  it.each([
    0, 2, 318, 319, 322, 640,
  ])('takes %s bytes of audio, whole samples of it, and objects', (bytes) => {
    const reading = readGatewayMessage(audio(bytes), false);
    expect(reading.fault?.kind).toBe('wrong-audio-size');
    expect(reading.message).toMatchObject({ type: 'audio' });
    if (reading.message?.type === 'audio') expect(reading.message.audio).toHaveLength(bytes - (bytes % 2));
  });

  it('lets nothing throw', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('audio', 'transcript', 'error', 'ready', 'x'),
        fc.jsonValue(),
        (type, any) => {
          readGatewayMessage(JSON.stringify({ type, audio: any, role: any, text: any, message: any }), false);
          readGatewayMessage(JSON.stringify(any), false);
        },
      ),
      { numRuns: 10_000 },
    );
    fc.assert(
      fc.property(fc.uint8Array(), fc.boolean(), (bytes, binary) => {
        readGatewayMessage(Buffer.from(bytes), binary);
      }),
    );
  });
});
