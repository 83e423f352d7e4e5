import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AudioChunk } from '../../audio/chunk.ts';
import { pcm16At, pcmu8k } from '../../audio/format.ts';
import { comparable, documentedAudio, mediaJsonCases } from '../testing/media-json-cases.ts';
import { type PlivoMessage, PlivoWriter, parseMessage, readMessage } from './wire.ts';

const read = (value: unknown): PlivoMessage => readMessage(Buffer.from(JSON.stringify(value)), false);

const streamId = '20170ada-f610-433b-8758-c02a2aab3662';
const callId = '11111111-2222-4333-8444-555555555555';
const envelope = { sequenceNumber: 7, streamId };

const any = fc.jsonValue({ maxDepth: 2 });

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
    expect(comparable(read(start))).toEqual({
      type: 'start',
      streamId,
      callId,
      extraHeaders: [
        ['tenant', 'acme'],
        ['token', '00ff'],
      ],
      encoding: 'audio/x-mulaw',
      sampleRate: 8000,
    });
    expect(comparable(readMessage(Buffer.from(documentedMedia), false))).toEqual({
      type: 'media',
      inbound: true,
      chunk: 41,
      audio: documentedAudio,
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
      comparable(
        read({ event: 'media', media: { timestamp: 40, chunk: '3', payload: 'AAAA', volume: [1] } }),
      ),
    ).toEqual({ type: 'media', inbound: true, audio: '000000', timestampMs: 40, chunk: 3 });
    expect(read({ event: 'dtmf', dtmf: { digit: 7 } })).toEqual({ type: 'dtmf', digit: '7' });
    expect(read({ event: 'playedStream', name: 7 })).toEqual({ type: 'playedStream', name: '7' });
    expect(comparable(read({ event: 'start', streamId, start: { callId } }))).toEqual({
      type: 'start',
      streamId,
      callId,
      extraHeaders: [],
      encoding: undefined,
      sampleRate: undefined,
    });
    const strings = { ...start, start: { ...start.start, mediaFormat: { sampleRate: '16000' } } };
    expect(comparable(read(strings))).toMatchObject({ encoding: undefined, sampleRate: 16_000 });
    const odd = { ...start, start: { ...start.start, mediaFormat: { encoding: 5, sampleRate: 'fast' } } };
    expect(comparable(read(odd))).toMatchObject({ encoding: 'number', sampleRate: Number.NaN });
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
          expect(comparable(read({ ...start, extra_headers }))).toMatchObject({
            extraHeaders: Object.entries(given),
          });
      }),
      { numRuns: 5_000 },
    );
  });

  it('may have keys that name prototypes in its extra headers', () => {
    const message = read({ ...start, extra_headers: '{"__proto__":{"token":"x"}}' });
    expect(message.type === 'start' && message.extraHeaders.size).toBe(0);
  });
});

mediaJsonCases({
  carrier: 'Plivo',
  read: readMessage,
  parse: parseMessage,
  documentedMedia,
  malformed: [
    ['a checkpoint without a name', '{"event":"playedStream"}'],
    ['start without a call', '{"event":"start","start":{"streamId":"s"}}'],
    ['ids as other projects write them', '{"event":"start","stream_id":"s","start":{"call_uuid":"c"}}'],
  ],
  events: ['media', 'playedStream', 'dtmf', 'start', 'stop', 'clearedAudio', 'error'],
  body: { callId: any, streamId: any, mediaFormat: any },
  envelope: { streamId: fc.constant(streamId), extra_headers: any, name: any, reason: any },
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
