import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AudioChunk } from '../../audio/chunk.ts';
import { comparable, documentedAudio, mediaJsonCases } from '../testing/media-json-cases.ts';
import { parseMessage, readMessage, type TwilioMessage, TwilioWriter } from './wire.ts';

const read = (value: unknown): TwilioMessage => readMessage(Buffer.from(JSON.stringify(value)), false);

const any = fc.jsonValue({ maxDepth: 2 });

const documentedMedia =
  '{"event":"media","sequenceNumber":"3","streamSid":"MZ18ad3ab5a668481ce02b83e7395059f0",' +
  '"media":{"track":"inbound","chunk":"1","timestamp":"5","payload":"f3+AAQ=="}}';

const start = {
  event: 'start',
  sequenceNumber: '1',
  streamSid: 'MZ1',
  start: {
    streamSid: 'MZ1',
    accountSid: 'AC1',
    callSid: 'CA1',
    tracks: ['inbound'],
    customParameters: { token: 'secret', tenant: 'a' },
    mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 },
  },
};

describe('what Twilio sends', () => {
  it('is read as documented', () => {
    expect(read({ event: 'connected', protocol: 'Call', version: '1.0.0' })).toEqual({ type: 'connected' });
    expect(comparable(read(start))).toEqual({
      type: 'start',
      streamSid: 'MZ1',
      callSid: 'CA1',
      accountSid: 'AC1',
      parameters: [
        ['token', 'secret'],
        ['tenant', 'a'],
      ],
      mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 },
    });
    expect(comparable(readMessage(Buffer.from(documentedMedia), false))).toEqual({
      type: 'media',
      inbound: true,
      chunk: 1,
      audio: documentedAudio,
      timestampMs: 5,
    });
    expect(read({ event: 'dtmf', dtmf: { track: 'inbound_track', digit: '#' } })).toEqual({
      type: 'dtmf',
      digit: '#',
    });
    expect(read({ event: 'mark', mark: { name: 'm1' } })).toEqual({ type: 'mark', name: 'm1' });
    expect(read({ event: 'stop', stop: { callSid: 'CA1' } })).toEqual({ type: 'stop' });
  });

  it('may have numbers for strings and the reverse, miss what is optional and hold what is unknown', () => {
    expect(
      comparable(read({ event: 'media', media: { timestamp: 40, payload: 'AAAA', volume: [1] }, x: {} })),
    ).toEqual({
      type: 'media',
      inbound: true,
      audio: '000000',
      timestampMs: 40,
    });
    expect(read({ event: 'dtmf', dtmf: { digit: 7 } })).toEqual({ type: 'dtmf', digit: '7' });
    expect(read({ event: 'dtmf', dtmf: { digit: 'a' } })).toEqual({ type: 'dtmf', digit: 'A' });
    expect(read({ event: 'weather', sky: 'blue' })).toEqual({ type: 'unknown', event: 'weather' });
    const bare = read({
      event: 'start',
      streamSid: 'MZ1',
      start: { callSid: 'CA1', customParameters: { n: 5 } },
    });
    expect(comparable(bare)).toMatchObject({
      accountSid: undefined,
      parameters: [],
      mediaFormat: { sampleRate: 8000 },
    });
    const strings = {
      ...start,
      start: { ...start.start, mediaFormat: { sampleRate: '16000', channels: '2' } },
    };
    expect(comparable(read(strings))).toMatchObject({ mediaFormat: { sampleRate: 16000, channels: 2 } });
  });

  it('counts other tracks than the caller as such', () => {
    const track = (name: string) => read({ event: 'media', media: { track: name, payload: 'AAAA' } });
    expect(track('outbound')).toMatchObject({ inbound: false });
    expect(track('inbound_track')).toMatchObject({ inbound: true });
  });
});

mediaJsonCases({
  carrier: 'Twilio',
  read: readMessage,
  parse: parseMessage,
  documentedMedia,
  malformed: [['a mark without a name', '{"event":"mark","mark":{}}']],
  events: ['media', 'mark', 'dtmf', 'start', 'stop', 'connected'],
  body: { callSid: any, customParameters: any, mediaFormat: any },
  envelope: { streamSid: fc.constant('MZ') },
});

describe('what Twilio gets', () => {
  const writer = new TwilioWriter('MZ18ad3ab5a668481ce02b83e7395059f0');

  it('is exactly what the documentation shows', () => {
    const audio = AudioChunk.fromBytes(Buffer.from([0x7f, 0x7f, 0x80, 0x01]));
    expect(writer.media(audio).toString()).toBe(
      '{"event":"media","streamSid":"MZ18ad3ab5a668481ce02b83e7395059f0","media":{"payload":"f3+AAQ=="}}',
    );
    expect(writer.mark('turn-7').toString()).toBe(
      '{"event":"mark","streamSid":"MZ18ad3ab5a668481ce02b83e7395059f0","mark":{"name":"turn-7"}}',
    );
    expect(writer.clear().toString()).toBe(
      '{"event":"clear","streamSid":"MZ18ad3ab5a668481ce02b83e7395059f0"}',
    );
  });

  it('carries the same audio and names for any audio, name and stream', () => {
    fc.assert(
      fc.property(
        fc.uint8Array(),
        fc.string({ unit: 'binary' }),
        fc.string({ unit: 'binary' }),
        (raw, name, sid) => {
          const any = new TwilioWriter(sid);
          const media = JSON.parse(any.media(AudioChunk.fromBytes(raw)).toString());
          expect(media).toEqual({
            event: 'media',
            streamSid: sid,
            media: { payload: Buffer.from(raw).toString('base64') },
          });
          expect(JSON.parse(any.mark(name).toString())).toEqual({
            event: 'mark',
            streamSid: sid,
            mark: { name },
          });
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
