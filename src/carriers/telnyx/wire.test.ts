import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AudioChunk } from '../../audio/chunk.ts';
import { comparable, documentedAudio, mediaJsonCases } from '../testing/media-json-cases.ts';
import {
  parseMessage,
  readMessage,
  type TelnyxMessage,
  tokenName,
  writeClear,
  writeMark,
  writeMedia,
} from './wire.ts';

const read = (value: unknown): TelnyxMessage => readMessage(Buffer.from(JSON.stringify(value)), false);

const any = fc.jsonValue({ maxDepth: 2 });

const documentedMedia =
  '{"event":"media","sequence_number":"4","stream_id":"32DE0DEA-53CB-4B21-89A4-9E1819C043BC",' +
  '"media":{"track":"inbound","chunk":"2","timestamp":"5","payload":"f3+AAQ=="}}';

const start = {
  event: 'start',
  sequence_number: '1',
  stream_id: '32DE',
  start: {
    user_id: '3E6F',
    call_control_id: 'v2:T02',
    call_session_id: 'ff55',
    from: '+15550001111',
    to: '+15550002222',
    tags: ['T'],
    client_state: 'aGk=',
    custom_parameters: { customer_id: 'c1' },
    media_format: { encoding: 'PCMU', sample_rate: 8000, channels: 1 },
  },
};

describe('what Telnyx sends', () => {
  it('is read as documented', () => {
    expect(read({ event: 'connected', version: '1.0.0' })).toEqual({ type: 'connected', token: undefined });
    expect(read(start)).toEqual({
      type: 'start',
      callControlId: 'v2:T02',
      mediaFormat: { encoding: 'PCMU', sampleRate: 8000, channels: 1 },
    });
    expect(comparable(readMessage(Buffer.from(documentedMedia), false))).toEqual({
      type: 'media',
      inbound: true,
      chunk: 2,
      audio: documentedAudio,
      timestampMs: 5,
    });
    expect(read({ event: 'dtmf', occurred_at: '2026-01-01T00:00:00Z', dtmf: { digit: '#' } })).toEqual({
      type: 'dtmf',
      digit: '#',
    });
    expect(read({ event: 'mark', mark: { name: 'm1' } })).toEqual({ type: 'mark', name: 'm1' });
    const payload = { code: 100_002, title: 'malformed_frame', detail: 'x' };
    expect(read({ event: 'error', payload })).toEqual({
      type: 'error',
      title: 'malformed_frame',
      code: 100_002,
    });
    expect(read({ event: 'stop', stop: { call_control_id: 'v2:T02' } })).toEqual({ type: 'stop' });
  });

  it('may have the token beside the version or one level deeper', () => {
    const token = { [tokenName]: 'secret' };
    expect(read({ event: 'connected', version: '1.0.0', ...token })).toMatchObject({ token: 'secret' });
    expect(read({ event: 'connected', connected: token })).toMatchObject({ token: 'secret' });
    expect(read({ event: 'connected', connected: 'x', [tokenName]: 5 })).toMatchObject({ token: undefined });
  });

  it('may have numbers for strings and the reverse, miss what is optional and hold what is unknown', () => {
    expect(
      comparable(
        read({ event: 'media', media: { timestamp: 40, chunk: 3, payload: 'AAAA', x: [1] }, y: {} }),
      ),
    ).toEqual({ type: 'media', inbound: true, audio: '000000', timestampMs: 40, chunk: 3 });
    expect(read({ event: 'dtmf', dtmf: { digit: 7 } })).toEqual({ type: 'dtmf', digit: '7' });
    expect(read({ event: 'dtmf', dtmf: { digit: 'a' } })).toEqual({ type: 'dtmf', digit: 'A' });
    expect(read({ event: 'weather', sky: 'blue' })).toEqual({ type: 'unknown', event: 'weather' });
    expect(read({ event: 'error' })).toEqual({ type: 'error', title: 'unknown_error', code: undefined });
    expect(read({ event: 'start', start: { call_control_id: 'v3:a' } })).toMatchObject({
      mediaFormat: { encoding: undefined, sampleRate: undefined, channels: undefined },
    });
    const mediaFormat = { encoding: 'PCMA', sample_rate: '8000', channels: 'one' };
    expect(
      read({ event: 'start', start: { call_control_id: 'a', media_format: mediaFormat } }),
    ).toMatchObject({
      mediaFormat: { encoding: 'PCMA', sampleRate: 8000, channels: Number.NaN },
    });
  });

  it('counts other tracks than the caller as such, however the track is written', () => {
    const track = (name: string) => read({ event: 'media', media: { track: name, payload: 'AAAA' } });
    expect(track('inbound')).toMatchObject({ inbound: true });
    expect(track('inbound_track')).toMatchObject({ inbound: true });
    expect(track('outbound')).toMatchObject({ inbound: false });
    expect(track('outbound_track')).toMatchObject({ inbound: false });
  });
});

mediaJsonCases({
  carrier: 'Telnyx',
  read: readMessage,
  parse: parseMessage,
  documentedMedia,
  malformed: [
    ['a mark without a name', '{"event":"mark","mark":{}}'],
    ['start without an id', '{"event":"start","stream_id":"x","start":{}}'],
  ],
  events: ['media', 'mark', 'dtmf', 'start', 'stop', 'connected', 'error'],
  body: {
    call_control_id: any,
    media_format: fc.oneof(any, fc.record({ encoding: any, sample_rate: any, channels: any })),
    [tokenName]: any,
  },
  envelope: {
    stream_id: fc.constant('x'),
    [tokenName]: any,
    payload: fc.oneof(any, fc.record({ title: any, code: any }, { requiredKeys: [] })),
  },
});

describe('what Telnyx gets', () => {
  it('is exactly what the documentation shows', () => {
    const audio = AudioChunk.fromBytes(Buffer.from([0x7f, 0x7f, 0x80, 0x01]));
    expect(writeMedia(audio).toString()).toBe('{"event":"media","media":{"payload":"f3+AAQ=="}}');
    expect(writeMark('turn-7').toString()).toBe('{"event":"mark","mark":{"name":"turn-7"}}');
    expect(writeClear().toString()).toBe('{"event":"clear"}');
  });

  it('carries the same audio and names for any audio and name', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.string({ unit: 'binary' }), (raw, name) => {
        expect(JSON.parse(writeMedia(AudioChunk.fromBytes(raw)).toString())).toEqual({
          event: 'media',
          media: { payload: Buffer.from(raw).toString('base64') },
        });
        expect(JSON.parse(writeMark(name).toString())).toEqual({ event: 'mark', mark: { name } });
      }),
      { numRuns: 500 },
    );
  });
});
