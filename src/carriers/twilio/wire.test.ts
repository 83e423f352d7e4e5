import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AudioChunk } from '../../audio/chunk.ts';
import { scanMedia } from '../media-scan.ts';
import { parseMessage, readMessage, type TwilioMessage, TwilioWriter } from './wire.ts';

const read = (value: unknown): TwilioMessage => readMessage(Buffer.from(JSON.stringify(value)), false);

/** Messages as comparable values: audio by its bytes, errors by their code. */
function plain(message: TwilioMessage): unknown {
  if (message.type === 'malformed') return { type: 'malformed', code: message.error.code };
  if (message.type === 'media') return { ...message, audio: message.audio.bytes().toString('hex') };
  if (message.type === 'start') return { ...message, parameters: [...message.parameters] };
  return message;
}

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
    expect(plain(read(start))).toEqual({
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
    expect(plain(readMessage(Buffer.from(documentedMedia), false))).toEqual({
      type: 'media',
      inbound: true,
      chunk: 1,
      audio: '7f7f8001',
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
      plain(read({ event: 'media', media: { timestamp: 40, payload: 'AAAA', volume: [1] }, x: {} })),
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
    expect(plain(bare)).toMatchObject({
      accountSid: undefined,
      parameters: [],
      mediaFormat: { sampleRate: 8000 },
    });
    const strings = {
      ...start,
      start: { ...start.start, mediaFormat: { sampleRate: '16000', channels: '2' } },
    };
    expect(plain(read(strings))).toMatchObject({ mediaFormat: { sampleRate: 16000, channels: 2 } });
  });

  it('counts other tracks than the caller as such', () => {
    const track = (name: string) => read({ event: 'media', media: { track: name, payload: 'AAAA' } });
    expect(track('outbound')).toMatchObject({ inbound: false });
    expect(track('inbound_track')).toMatchObject({ inbound: true });
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
    ['a payload cut short', '{"event":"media","media":{"payload":"AAA"}}', 'PATCHCORD_AUDIO_MALFORMED'],
    ['a mark without a name', '{"event":"mark","mark":{}}', 'PATCHCORD_MESSAGE_MALFORMED'],
    ['a digit that is none', '{"event":"dtmf","dtmf":{"digit":"12"}}', 'PATCHCORD_MESSAGE_MALFORMED'],
    ['start without ids', '{"event":"start","start":{}}', 'PATCHCORD_MESSAGE_MALFORMED'],
  ])('is malformed where it is %s', (_what, text, code) => {
    expect(plain(readMessage(Buffer.from(text), false))).toEqual({ type: 'malformed', code });
  });

  it('is malformed where it is binary', () => {
    const message = readMessage(Buffer.from(documentedMedia), true);
    expect(plain(message)).toEqual({ type: 'malformed', code: 'PATCHCORD_MESSAGE_BINARY' });
  });
});

describe('the scan of media frames', () => {
  it('takes the documented frame without copying its payload', () => {
    const frame = Buffer.from(documentedMedia);
    const message = scanMedia(frame);
    expect(message?.audio.base64().buffer).toBe(frame.buffer);
    expect(message?.timestampMs).toBe(5);
  });

  it('takes the keys in any order', () => {
    const frame = Buffer.from(
      '{"media":{"payload":"AAAA","timestamp":7,"track":"inbound"},"streamSid":"MZ","event":"media"}',
    );
    expect(scanMedia(frame)).toMatchObject({ inbound: true, timestampMs: 7 });
  });

  it.each([
    ['an escape', '{"event":"media","media":{"payload":"AA\\u0041A"}}'],
    ['whitespace', '{"event": "media","media":{"payload":"AAAA"}}'],
    ['a key twice', '{"event":"media","media":{"payload":"AAAA","payload":"BBBB"}}'],
    ['a body twice', '{"event":"media","media":{"payload":"AAAA"},"media":{"payload":"BBBB"}}'],
    ['an event twice', '{"event":"media","event":"mark","media":{"payload":"AAAA"}}'],
    ['another track', '{"event":"media","media":{"track":"outbound","payload":"AAAA"}}'],
    ['something behind it', '{"event":"media","media":{"payload":"AAAA"}}x'],
    ['a missing end', '{"event":"media","media":{"payload":"AAAA"}'],
    ['a leading zero', '{"event":"media","media":{"timestamp":07,"payload":"AAAA"}}'],
  ])('leaves %s to the parser', (_what, text) => {
    expect(scanMedia(Buffer.from(text))).toBeUndefined();
  });

  const scalar = fc.oneof(
    fc.nat().map(String),
    fc.nat(),
    fc.string({ maxLength: 8 }),
    fc.constantFrom('inbound', 'outbound', 'media', 'mark', -1, 1.5, 1e21, true, null),
    fc.constant({ payload: 'AAAA' }),
  );
  const payload = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.uint8Array({ maxLength: 24 }).map((bytes) => Buffer.from(bytes).toString('base64')),
    },
    { weight: 1, arbitrary: scalar },
  );
  const extra = fc.tuple(fc.constantFrom('track', 'timestamp', 'chunk', 'other', 'payload'), scalar);
  const usual = fc.constantFrom<[string, unknown]>(['track', 'inbound'], ['timestamp', '20'], ['chunk', 4]);
  const body = fc
    .tuple(
      fc.tuple(fc.constant('payload'), payload),
      fc.array(fc.oneof({ weight: 3, arbitrary: usual }, extra), { maxLength: 3 }),
    )
    .chain(([audio, others]) => fc.shuffledSubarray([audio, ...others], { minLength: others.length }));
  const topExtra = fc.tuple(
    fc.constantFrom('event', 'sequenceNumber', 'streamSid', 'media'),
    fc.oneof(scalar, body),
  );
  const top = fc
    .tuple(fc.tuple(fc.constant('media'), body), fc.array(topExtra, { maxLength: 2 }))
    .chain(([media, others]) => {
      const pairs: [string, unknown][] = [['event', 'media'], media, ...others];
      return fc.shuffledSubarray(pairs, { minLength: pairs.length - 1 });
    });

  /** Writes the pairs as they come, so that keys may repeat. */
  const write = (pairs: readonly (readonly [string, unknown])[], gap: string): string =>
    `{${pairs
      .map(([key, value]) => {
        const written = Array.isArray(value)
          ? write(value as [string, unknown][], gap)
          : JSON.stringify(value);
        return `${JSON.stringify(key)}:${gap}${written}`;
      })
      .join(',')}}`;

  it('never reads anything else than the parser does: 60,000 written frames', () => {
    let scanned = 0;
    fc.assert(
      fc.property(top, fc.constantFrom('', '', '', ' '), (pairs, gap) => {
        const frame = Buffer.from(write(pairs, gap));
        const message = scanMedia(frame);
        if (message === undefined) return;
        scanned += 1;
        expect(plain(message)).toEqual(plain(parseMessage(frame)));
      }),
      { numRuns: 60_000 },
    );
    expect(scanned).toBeGreaterThan(3_000);
  });

  it('never reads anything else than the parser does: 40,000 damaged frames', () => {
    const seed = [...Buffer.from(documentedMedia)];
    const edit = fc.tuple(
      fc.nat(seed.length - 1),
      fc.nat(2),
      fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('"\\{}:,0 '))),
    );
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
        const bytes = [...seed];
        for (const [at, removed, byte] of edits) bytes.splice(at, removed, byte);
        const frame = Buffer.from(bytes);
        const message = scanMedia(frame);
        if (message !== undefined) expect(plain(message)).toEqual(plain(parseMessage(frame)));
      }),
      { numRuns: 40_000 },
    );
  });
});

describe('the reader', () => {
  it('lets no exception out: 40,000 frames of any bytes and any JSON', () => {
    const known = fc.constantFrom('media', 'mark', 'dtmf', 'start', 'stop', 'connected', 'x');
    const inner = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.record(
        {
          name: fc.jsonValue({ maxDepth: 1 }),
          digit: fc.jsonValue({ maxDepth: 1 }),
          callSid: fc.jsonValue({ maxDepth: 1 }),
          customParameters: fc.jsonValue({ maxDepth: 2 }),
          mediaFormat: fc.jsonValue({ maxDepth: 2 }),
        },
        { requiredKeys: [] },
      ),
    );
    const json = fc
      .tuple(known, inner)
      .map(([event, value]) => Buffer.from(JSON.stringify({ event, streamSid: 'MZ', [event]: value })));
    const bytes = fc.uint8Array({ maxLength: 200 }).map((raw) => Buffer.from(raw));
    fc.assert(
      fc.property(fc.oneof(json, bytes), fc.boolean(), (frame, isBinary) => {
        const { type } = readMessage(frame, isBinary);
        if (isBinary) expect(type).toBe('malformed');
      }),
      { numRuns: 40_000 },
    );
  });

  it('survives deep nesting and keys that name prototypes', () => {
    expect(readMessage(Buffer.from('['.repeat(60_000)), false).type).toBe('malformed');
    const nested = `{"event":"media","media":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}`;
    expect(readMessage(Buffer.from(nested), false).type).toBe('malformed');
    expect(readMessage(Buffer.from('{"__proto__":{"event":"stop"}}'), false).type).toBe('malformed');
    expect(read({ event: 'dtmf', dtmf: { digit: { toString: '' } } }).type).toBe('malformed');
  });
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
