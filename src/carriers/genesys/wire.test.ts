import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ClientMessage, readDuration, readMessage, writeMessage } from './wire.ts';

const id = '30b0e395-84d3-4570-ac13-9a62d8f514c0';

const read = (type: string, parameters: unknown = {}, changes: object = {}): ClientMessage =>
  readMessage(
    Buffer.from(
      JSON.stringify({
        version: '2',
        type,
        seq: 1,
        serverseq: 0,
        id,
        position: 'PT0S',
        parameters,
        ...changes,
      }),
    ),
  ).message;

/** Messages as comparable values: errors by their code. */
function plain(message: ClientMessage): unknown {
  if (message.type === 'malformed') return { type: 'malformed', code: message.error.code };
  if (message.type === 'open') return { ...message, inputVariables: [...message.inputVariables] };
  return message;
}

const offer = { type: 'audio', format: 'PCMU', channels: ['external'], rate: 8000 };
const open = {
  organizationId: 'd7934305-0972-4844-938e-9060eef73d05',
  conversationId: '090eaa2f-72fa-480a-83e0-8667ff89c0ec',
  participant: {
    id: '883efee8-3d6c-4537-b500-6d7ca4b92fa0',
    ani: '+15550001111',
    aniName: 'ACME',
    dnis: '+15550002222',
  },
  media: [offer, { ...offer, channels: ['external', 'internal'], new: { a: 1 } }],
  language: 'en-US',
  inputVariables: { OPENAI_VOICE: 'cedar', ' COMPANY_NAME ': 'ACME' },
};

describe('what Genesys sends', () => {
  it('has an envelope beside every message', () => {
    const text = { version: '2', type: 'ping', seq: 7, serverseq: 3, id, position: 'PT1.5S', parameters: {} };
    expect(readMessage(Buffer.from(JSON.stringify(text))).envelope).toEqual({ seq: 7, serverseq: 3, id });
  });

  it('is read as documented', () => {
    expect(plain(read('open', open))).toEqual({
      type: 'open',
      organizationId: open.organizationId,
      conversationId: open.conversationId,
      participant: open.participant,
      media: [
        { offered: open.media[0], format: 'PCMU', rate: 8000, channels: ['external'] },
        { offered: open.media[1], format: 'PCMU', rate: 8000, channels: ['external', 'internal'] },
      ],
      language: 'en-US',
      asksLanguages: false,
      inputVariables: [
        ['OPENAI_VOICE', 'cedar'],
        ['COMPANY_NAME', 'ACME'],
      ],
    });
    expect(read('ping')).toEqual({ type: 'ping', roundTripMs: undefined });
    expect(read('ping', { rtt: 'PT0.084S' })).toEqual({ type: 'ping', roundTripMs: 84 });
    expect(read('close', { reason: 'end' })).toEqual({ type: 'close', reason: 'end' });
    expect(read('error', { code: 429, message: 'Too fast', retryAfter: 'PT3S' })).toEqual({
      type: 'error',
      code: 429,
      retryAfterMs: 3000,
    });
    expect(read('discarded', { start: 'PT2S', discarded: 'PT1.5S' })).toEqual({
      type: 'discarded',
      startMs: 2000,
      discardedMs: 1500,
    });
    expect(read('resumed', { start: 'PT2S', discarded: 'PT0S' })).toMatchObject({ type: 'resumed' });
    expect(read('paused')).toEqual({ type: 'paused' });
    expect(read('update', { language: 'es-ES' })).toEqual({ type: 'update', language: 'es-ES' });
    expect(read('dtmf', { digit: '#' })).toEqual({ type: 'dtmf', digit: '#' });
    expect(read('playback_started')).toEqual({ type: 'playback_started' });
    expect(read('playback_completed')).toEqual({ type: 'playback_completed' });
  });

  it('may have numbers for strings and the reverse, miss what is optional and hold what is unknown', () => {
    expect(read('dtmf', { digit: 7 })).toEqual({ type: 'dtmf', digit: '7' });
    expect(read('error', { code: '500' })).toMatchObject({ code: 500, retryAfterMs: undefined });
    expect(read('close', { reason: 'boredom' })).toEqual({ type: 'close', reason: 'end' });
    expect(read('weather', { sky: 'blue' })).toEqual({ type: 'unknown', name: 'weather' });
    expect(read('ping', null, { version: 2, more: [1] })).toMatchObject({ type: 'ping' });
    expect(read('open', { conversationId: 'c' })).toMatchObject({ organizationId: '', media: [] });
    const loose = {
      conversationId: 'c',
      media: [{ format: 'PCMU', rate: '8000' }, 7],
      participant: { ani: '' },
      inputVariables: { n: 5, yes: true, none: null, list: [] },
      supportedLanguages: true,
    };
    expect(plain(read('open', loose))).toMatchObject({
      media: [{ format: 'PCMU', rate: 8000, channels: ['external'] }],
      participant: { ani: undefined },
      inputVariables: [
        ['n', '5'],
        ['yes', 'true'],
      ],
      asksLanguages: true,
    });
    const numbers = readMessage(Buffer.from(JSON.stringify({ type: 'ping', seq: '4', id })));
    expect(numbers.envelope).toEqual({ seq: 4, serverseq: 0, id });
  });

  it.each([
    ['nothing', ''],
    ['no JSON', 'hello'],
    ['an array', '[]'],
    ['no type', '{}'],
    ['a type that is no string', '{"type":7}'],
    ['another version', '{"version":"3","type":"ping","seq":1}'],
  ])('is unreadable where it is %s', (_what, text) => {
    const { envelope, message } = readMessage(Buffer.from(text));
    expect(envelope).toBeUndefined();
    expect(plain(message)).toEqual({ type: 'malformed', code: 'PATCHCORD_MESSAGE_MALFORMED' });
  });

  it.each([
    ['dtmf', { digit: 'twelve' }],
    ['dtmf', {}],
    ['discarded', { start: 'PT1S' }],
    ['resumed', { start: 1, discarded: 2 }],
    ['open', { conversationId: 'c', media: 'PCMU' }],
    ['open', { media: [] }],
  ])('has its number where a %s has a field of a wrong type', (type, parameters) => {
    const text = { version: '2', type, seq: 3, serverseq: 1, id, parameters };
    const { envelope, message } = readMessage(Buffer.from(JSON.stringify(text)));
    expect(envelope?.seq).toBe(3);
    expect(message.type).toBe('malformed');
  });

  it.each([
    ['a missing number', {}],
    ['a negative number', { seq: -1 }],
    ['a fraction', { seq: 1.5 }],
    ['a word', { seq: 'one' }],
  ])('has no number where it has %s', (_what, seq) => {
    expect(readMessage(Buffer.from(JSON.stringify({ type: 'ping', id, ...seq }))).envelope?.seq).toBeNaN();
  });
});

describe('a duration', () => {
  it.each([
    ['PT0S', 0],
    ['PT1.5S', 1500],
    ['PT.25S', 250],
    ['PT3S', 3000],
    ['PT1M30S', 90_000],
    ['P1DT1H', 90_000_000],
    ['P2D', 172_800_000],
    ['pt3s', 3000],
  ])('%s is %d ms', (text, ms) => {
    expect(readDuration(text)).toBe(ms);
  });

  it.each([
    '',
    'P',
    'PT',
    'PTS',
    'PT1',
    '1S',
    'PT-1S',
    'PT1,5S',
    'PT5.S',
    'PT1S ',
    'PT999999999S',
    'PT1MS',
    `PT${'9'.repeat(80)}S`,
    3,
    null,
  ])('%j is none', (value) => {
    expect(readDuration(value)).toBeUndefined();
  });
});

describe('the reader', () => {
  it('lets no exception out: 20,000 frames of any bytes and any JSON', () => {
    const types = [
      'open',
      'ping',
      'close',
      'error',
      'discarded',
      'resumed',
      'paused',
      'update',
      'dtmf',
      'playback_started',
      '__proto__',
    ];
    const any = fc.oneof(
      fc.string({ maxLength: 8 }),
      fc.nat(),
      fc.constantFrom(null, true, -1, 1.5, [], {}, 'PT1S'),
    );
    const parameters = fc.oneof(
      any,
      fc.record(
        {
          media: fc.oneof(any, fc.array(fc.oneof(any, fc.record({ format: any, rate: any, channels: any })))),
          participant: any,
          conversationId: fc.oneof(any, fc.constant('c')),
          inputVariables: fc.oneof(any, fc.dictionary(fc.string(), any)),
          digit: any,
          rtt: fc.oneof(any, fc.string()),
          start: fc.oneof(any, fc.constant('PT1S')),
          discarded: fc.oneof(any, fc.constant('PT1S')),
          code: any,
          message: any,
          reason: any,
        },
        { requiredKeys: [] },
      ),
    );
    const json = fc
      .record({
        type: fc.oneof(fc.constantFrom(...types), any),
        parameters,
        seq: any,
        serverseq: any,
        id: any,
      })
      .map((message) => Buffer.from(JSON.stringify(message)));
    const bytes = fc.uint8Array({ maxLength: 200 }).map((raw) => Buffer.from(raw));
    fc.assert(
      fc.property(fc.oneof({ weight: 3, arbitrary: json }, { weight: 1, arbitrary: bytes }), (frame) => {
        const { envelope, message } = readMessage(frame);
        if (envelope === undefined) expect(message.type).toBe('malformed');
        else expect(typeof envelope.seq).toBe('number');
      }),
      { numRuns: 20_000 },
    );
  });

  it('survives deep nesting and keys that name prototypes', () => {
    expect(readMessage(Buffer.from('['.repeat(60_000))).message.type).toBe('malformed');
    expect(readMessage(Buffer.from('{"__proto__":{"type":"ping"}}')).message.type).toBe('malformed');
    const polluting =
      '{"type":"open","seq":1,"parameters":{"conversationId":"c","inputVariables":{"__proto__":"x"}}}';
    expect(plain(readMessage(Buffer.from(polluting)).message)).toMatchObject({
      inputVariables: [['__proto__', 'x']],
    });
  });

  it('takes any duration of the documented shape', () => {
    fc.assert(
      fc.property(fc.nat(1_000_000_000), (ms) => {
        const parsed = readDuration(`PT${ms / 1000}S`);
        expect(parsed).toBeCloseTo(ms, 3);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('what Genesys gets', () => {
  const numbers = { id, seq: 2, clientseq: 5 };

  it('is exactly what the documentation shows', () => {
    expect(writeMessage({ type: 'pong', parameters: {} }, numbers)).toBe(
      `{"version":"2","type":"pong","seq":2,"clientseq":5,"id":"${id}","parameters":{}}`,
    );
    expect(
      JSON.parse(
        writeMessage({ type: 'opened', parameters: { startPaused: false, media: [offer] } }, numbers),
      ),
    ).toEqual({
      version: '2',
      type: 'opened',
      seq: 2,
      clientseq: 5,
      id,
      parameters: { startPaused: false, media: [offer] },
    });
    const barge = { type: 'event', parameters: { entities: [{ type: 'barge_in', data: {} }] } } as const;
    expect(writeMessage(barge, numbers)).toContain(
      '"parameters":{"entities":[{"type":"barge_in","data":{}}]}',
    );
  });

  it('leaves out what is not said', () => {
    const bare = writeMessage({ type: 'disconnect', parameters: { reason: 'completed' } }, numbers);
    expect(bare).toContain('"parameters":{"reason":"completed"}');
  });
});
