import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AudioChunk } from '../../audio/chunk.ts';
import { pcm16At, pcmu8k } from '../../audio/format.ts';
import { scanMedia } from '../media-scan.ts';
import { type PlivoMessage, PlivoWriter, parseMessage, readMessage } from './wire.ts';

const read = (value: unknown): PlivoMessage => readMessage(Buffer.from(JSON.stringify(value)), false);

/** Messages as comparable values: audio by its bytes, errors by their code. */
function plain(message: PlivoMessage): unknown {
  if (message.type === 'malformed') return { type: 'malformed', code: message.error.code };
  if (message.type === 'media') return { ...message, audio: message.audio.bytes().toString('hex') };
  if (message.type === 'start') return { ...message, extraHeaders: Object.fromEntries(message.extraHeaders) };
  return message;
}

const streamId = '20170ada-f610-433b-8758-c02a2aab3662';
const callId = '11111111-2222-4333-8444-555555555555';
const envelope = { sequenceNumber: 7, streamId };

const documentedMedia =
  `{"event":"media","sequenceNumber":42,"streamId":"${streamId}","media":{"track":"inbound",` +
  '"timestamp":"1705312200000","chunk":41,"payload":"f3+AAQ=="},"extra_headers":"tenant=acme;run=42"}';

const start = {
  event: 'start',
  sequenceNumber: 1,
  start: {
    callId,
    streamId,
    accountId: 'MAXXXXXXXXXXXXXXXXXX',
    tracks: ['inbound'],
    mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000 },
  },
  extra_headers: 'tenant=acme;token=00ff',
};

describe('what Plivo sends', () => {
  it('is read as documented', () => {
    expect(plain(read(start))).toEqual({
      type: 'start',
      streamId,
      callId,
      extraHeaders: { tenant: 'acme', token: '00ff' },
      encoding: 'audio/x-mulaw',
      sampleRate: 8000,
    });
    expect(plain(readMessage(Buffer.from(documentedMedia), false))).toEqual({
      type: 'media',
      inbound: true,
      chunk: 41,
      audio: '7f7f8001',
      timestampMs: 1_705_312_200_000,
    });
    expect(
      read({ event: 'dtmf', ...envelope, dtmf: { track: 'inbound', digit: '#', timestamp: '1' } }),
    ).toEqual({ type: 'dtmf', digit: '#' });
    expect(read({ event: 'playedStream', ...envelope, name: 'cp1' })).toEqual({
      type: 'playedStream',
      name: 'cp1',
    });
    expect(read({ event: 'clearedAudio', ...envelope })).toEqual({ type: 'clearedAudio' });
  });

  it('is read without parsing where it is media', () => {
    const frame = Buffer.from(documentedMedia);
    const message = scanMedia(frame);
    expect(message?.audio.base64().buffer).toBe(frame.buffer);
    expect(plain(parseMessage(frame))).toEqual(message && plain(message));
  });

  it('may be what other pages and packages of Plivo have', () => {
    expect(read({ event: 'played', name: 'cp1' })).toEqual({ type: 'playedStream', name: 'cp1' });
    expect(read({ event: 'stop' })).toEqual({ type: 'stop' });
    for (const event of ['playFailed', 'incorrectPayload', 'error'])
      expect(read({ event, reason: 'bad rate' })).toEqual({ type: 'complaint', event, reason: 'bad rate' });
    expect(read({ event: 'error' })).toEqual({ type: 'complaint', event: 'error', reason: 'undefined' });
    expect(read({ event: 'weather', sky: 'blue' })).toEqual({ type: 'unknown', event: 'weather' });
  });

  it('may have numbers for strings and the reverse, miss what is optional and hold what is unknown', () => {
    expect(
      plain(read({ event: 'media', media: { timestamp: 40, chunk: '3', payload: 'AAAA', volume: [1] } })),
    ).toEqual({ type: 'media', inbound: true, audio: '000000', timestampMs: 40, chunk: 3 });
    expect(read({ event: 'dtmf', dtmf: { digit: 7 } })).toEqual({ type: 'dtmf', digit: '7' });
    expect(read({ event: 'playedStream', name: 7 })).toEqual({ type: 'playedStream', name: '7' });
    expect(plain(read({ event: 'start', streamId, start: { callId } }))).toEqual({
      type: 'start',
      streamId,
      callId,
      extraHeaders: {},
      encoding: undefined,
      sampleRate: undefined,
    });
    const strings = { ...start, start: { ...start.start, mediaFormat: { sampleRate: '16000' } } };
    expect(plain(read(strings))).toMatchObject({ encoding: undefined, sampleRate: 16_000 });
    const odd = { ...start, start: { ...start.start, mediaFormat: { encoding: 5, sampleRate: 'fast' } } };
    expect(plain(read(odd))).toMatchObject({ encoding: 'number', sampleRate: Number.NaN });
  });

  it('counts other tracks than the caller as such', () => {
    expect(read({ event: 'media', media: { track: 'outbound', payload: 'AAAA' } })).toMatchObject({
      inbound: false,
    });
  });

  it.each([
    ['as the reference shows them', 'a=1;token=00ff', { a: '1', token: '00ff' }],
    ['as the XML writes them', 'token=00ff,a=1', { a: '1', token: '00ff' }],
    ['with spaces', ' a = 1 ; token = 00ff ', { a: '1', token: '00ff' }],
    ['as a query', 'a=1&token=00ff', { a: '1', token: '00ff' }],
    ['as JSON in a string', '{"a":1,"token":"00ff"}', { token: '00ff' }],
    ['as an object', { token: '00ff', a: null }, { token: '00ff' }],
    ['with a value that holds the sign', 'token=a=b', { token: 'a=b' }],
    ['not at all', '', {}],
    ['as nonsense', '{"token"', {}],
    ['as a list', ['token=1'], {}],
    ['as a number', 7, {}],
    ['without a name', '=x;;a', {}],
  ])('takes extra headers %s', (_how, extra_headers, expected) => {
    const message = read({ ...start, extra_headers });
    expect(message.type === 'start' && Object.fromEntries(message.extraHeaders)).toEqual(expected);
  });

  it.each([
    ['nothing', '', 'PATCHCORD_MESSAGE_MALFORMED'],
    ['no JSON', 'hello', 'PATCHCORD_MESSAGE_MALFORMED'],
    ['an array', '[]', 'PATCHCORD_MESSAGE_MALFORMED'],
    ['no event', '{}', 'PATCHCORD_MESSAGE_MALFORMED'],
    ['an event that is no string', '{"event":7}', 'PATCHCORD_MESSAGE_MALFORMED'],
    ['media without a body', '{"event":"media"}', 'PATCHCORD_MESSAGE_MALFORMED'],
    ['media without a payload', '{"event":"media","media":{}}', 'PATCHCORD_MESSAGE_MALFORMED'],
    ['an empty payload', '{"event":"media","media":{"payload":""}}', 'PATCHCORD_AUDIO_MALFORMED'],
    [
      'a payload that is no base64',
      '{"event":"media","media":{"payload":"AA*="}}',
      'PATCHCORD_AUDIO_MALFORMED',
    ],
    ['a checkpoint without a name', '{"event":"playedStream"}', 'PATCHCORD_MESSAGE_MALFORMED'],
    ['a digit that is none', '{"event":"dtmf","dtmf":{"digit":"12"}}', 'PATCHCORD_MESSAGE_MALFORMED'],
    ['start without ids', '{"event":"start","start":{}}', 'PATCHCORD_MESSAGE_MALFORMED'],
    ['start without a call', '{"event":"start","start":{"streamId":"s"}}', 'PATCHCORD_MESSAGE_MALFORMED'],
    [
      'ids as other projects write them',
      '{"event":"start","stream_id":"s","start":{"call_uuid":"c"}}',
      'PATCHCORD_MESSAGE_MALFORMED',
    ],
  ])('is malformed where it is %s', (_what, text, code) => {
    expect(plain(readMessage(Buffer.from(text), false))).toEqual({ type: 'malformed', code });
  });

  it('is malformed where it is binary', () => {
    const message = readMessage(Buffer.from(documentedMedia), true);
    expect(plain(message)).toEqual({ type: 'malformed', code: 'PATCHCORD_MESSAGE_BINARY' });
  });
});

describe('the reader', () => {
  it('lets no exception out: 30,000 frames of any bytes and any JSON', () => {
    const known = fc.constantFrom(
      'media',
      'playedStream',
      'dtmf',
      'start',
      'stop',
      'clearedAudio',
      'error',
      'x',
    );
    const any = fc.jsonValue({ maxDepth: 2 });
    const inner = fc.oneof(
      any,
      fc.record(
        { payload: any, timestamp: any, digit: any, callId: any, streamId: any, mediaFormat: any },
        { requiredKeys: [] },
      ),
    );
    const json = fc
      .tuple(known, inner, any, any)
      .map(([event, body, extra_headers, name]) =>
        Buffer.from(JSON.stringify({ event, streamId, [event]: body, extra_headers, name, reason: name })),
      );
    const bytes = fc.uint8Array({ maxLength: 200 }).map((raw) => Buffer.from(raw));
    fc.assert(
      fc.property(fc.oneof(json, bytes), fc.boolean(), (frame, isBinary) => {
        const { type } = readMessage(frame, isBinary);
        if (isBinary) expect(type).toBe('malformed');
      }),
      { numRuns: 30_000 },
    );
  });

  it('lets no exception out and keeps every pair: 5,000 texts of extra headers', () => {
    const word = fc.stringMatching(/^[A-Za-z0-9]{1,10}$/);
    const pairs = fc.dictionary(
      word.filter((name) => name !== 'constructor'),
      word,
      { maxKeys: 6 },
    );
    fc.assert(
      fc.property(pairs, fc.constantFrom(';', ',', '; ', '&'), (given, between) => {
        const written = Object.entries(given).map(([name, value]) => `${name}=${value}`);
        for (const extra_headers of [written.join(between), JSON.stringify(given)])
          expect(plain(read({ ...start, extra_headers }))).toMatchObject({ extraHeaders: given });
      }),
      { numRuns: 5_000 },
    );
  });

  it('survives deep nesting and keys that name prototypes', () => {
    expect(readMessage(Buffer.from('['.repeat(60_000)), false).type).toBe('malformed');
    const nested = `{"event":"media","media":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}`;
    expect(readMessage(Buffer.from(nested), false).type).toBe('malformed');
    expect(readMessage(Buffer.from('{"__proto__":{"event":"stop"}}'), false).type).toBe('malformed');
    const message = read({ ...start, extra_headers: '{"__proto__":{"token":"x"}}' });
    expect(message.type === 'start' && message.extraHeaders.size).toBe(0);
  });
});

describe('what Plivo gets', () => {
  const writer = new PlivoWriter(streamId, pcmu8k);

  it('is what the documentation shows', () => {
    const audio = AudioChunk.fromBytes(Buffer.from([0x7f, 0x7f, 0x80, 0x01]));
    expect(writer.playAudio(audio).toString()).toBe(
      `{"event":"playAudio","streamId":"${streamId}",` +
        '"media":{"contentType":"audio/x-mulaw","sampleRate":8000,"payload":"f3+AAQ=="}}',
    );
    expect(new PlivoWriter(streamId, pcm16At(16_000)).playAudio(audio).toString()).toContain(
      '"media":{"contentType":"audio/x-l16","sampleRate":16000,"payload":"f3+AAQ=="}',
    );
    expect(writer.checkpoint('cp1').toString()).toBe(
      `{"event":"checkpoint","streamId":"${streamId}","name":"cp1"}`,
    );
    expect(writer.clearAudio().toString()).toBe(`{"event":"clearAudio","streamId":"${streamId}"}`);
    expect(writer.sendDigits('12#').toString()).toBe('{"event":"sendDTMF","dtmf":"12#"}');
  });

  it('carries the same audio and names for any audio, name and stream', () => {
    const any = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(fc.uint8Array(), any, any, (raw, name, id) => {
        const written = new PlivoWriter(id, pcm16At(8000));
        expect(JSON.parse(written.playAudio(AudioChunk.fromBytes(raw)).toString())).toEqual({
          event: 'playAudio',
          streamId: id,
          media: {
            contentType: 'audio/x-l16',
            sampleRate: 8000,
            payload: Buffer.from(raw).toString('base64'),
          },
        });
        expect(JSON.parse(written.checkpoint(name).toString())).toEqual({
          event: 'checkpoint',
          streamId: id,
          name,
        });
      }),
      { numRuns: 2_000 },
    );
  });
});
