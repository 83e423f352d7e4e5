import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CommandWriter, formatOf, framesOf, type MediaStart, readEvent, readVariables } from './wire.ts';

const read = (text: string | object) =>
  readEvent(Buffer.from(typeof text === 'string' ? text : JSON.stringify(text)));

const jsonStart =
  '{"event":"MEDIA_START","connection_id":"gateway","channel":"WebSocket/gateway/0x7f1f3c003f60",' +
  '"channel_id":"1795187503.4","format":"ulaw","optimal_frame_size":160,"ptime":20,"channel_variables":' +
  '{"DIALEDPEERNUMBER":"gateway/c(ulaw)f(json)","MEDIA_WEBSOCKET_CONNECTION_ID":"gateway",' +
  '"MEDIA_WEBSOCKET_OPTIMAL_FRAME_SIZE":"160"}}';
const plainStart =
  'MEDIA_START connection_id:gateway channel:WebSocket/gateway/0x7f1f28002dc0 channel_id:1795187641.17 ' +
  'format:ulaw optimal_frame_size:160 ptime:20';

function start(fields: Partial<MediaStart> = {}): MediaStart {
  return {
    type: 'start',
    control: 'json',
    channelId: '1.2',
    format: 'ulaw',
    frameBytes: 160,
    ptimeMs: 20,
    unqueued: false,
    variables: {},
    ...fields,
  };
}

describe('MEDIA_START', () => {
  it('is read from JSON', () => {
    expect(read(jsonStart)).toEqual(
      start({
        channelId: '1795187503.4',
        variables: {
          DIALEDPEERNUMBER: 'gateway/c(ulaw)f(json)',
          MEDIA_WEBSOCKET_CONNECTION_ID: 'gateway',
          MEDIA_WEBSOCKET_OPTIMAL_FRAME_SIZE: '160',
        },
      }),
    );
  });

  it('is read from plain text', () => {
    expect(read(plainStart)).toEqual(start({ control: 'plain-text', channelId: '1795187641.17' }));
  });

  it('may lack what early versions do not send', () => {
    expect(
      read('MEDIA_START connection_id:a channel:WebSocket/a/0x1 format:slin16 optimal_frame_size:640'),
    ).toEqual(
      start({
        control: 'plain-text',
        channelId: undefined,
        format: 'slin16',
        frameBytes: 640,
        ptimeMs: undefined,
      }),
    );
    expect(read({ event: 'MEDIA_START', format: 'alaw' })).toEqual(
      start({ channelId: undefined, format: 'alaw', frameBytes: undefined, ptimeMs: undefined }),
    );
  });

  it('takes numbers as strings, and no frame size as none', () => {
    const fields = { event: 'MEDIA_START', format: 'ulaw', optimal_frame_size: '0', ptime: '20' };
    expect(read(fields)).toMatchObject({ frameBytes: undefined, ptimeMs: 20 });
  });

  it.each([
    [{ event: 'MEDIA_START', format: 'ulaw', passthrough: true }, true],
    [{ event: 'MEDIA_START', format: 'ulaw', passthrough: false, unbuffered: true }, true],
    ['MEDIA_START format:ulaw passthrough:false unbuffered:true', true],
    ['MEDIA_START format:ulaw passthrough:false unbuffered:false', false],
  ])('tells whether there is a queue: %j', (text, unqueued) => {
    expect(read(text)).toMatchObject({ type: 'start', unqueued });
  });

  it.each([
    [start(), { frameMs: 20, maxChunkMs: 1000 }],
    [start({ frameBytes: 240, ptimeMs: 20 }), { frameMs: 30, maxChunkMs: 990 }],
    [start({ frameBytes: undefined, ptimeMs: 30 }), { frameMs: 30, maxChunkMs: 990 }],
    [start({ frameBytes: undefined, ptimeMs: undefined }), { frameMs: 20, maxChunkMs: 1000 }],
    [start({ format: 'slin', frameBytes: 321 }), { frameMs: 20, maxChunkMs: 1000 }],
    [start({ format: 'slin48', frameBytes: 1920 }), { frameMs: 20, maxChunkMs: 660 }],
    [start({ format: 'slin48', frameBytes: 100_000, ptimeMs: 9_999_999 }), { frameMs: 20, maxChunkMs: 660 }],
  ])('gives the frames that Asterisk plays', (message, frames) => {
    const format = formatOf(message);
    expect(format).toBeDefined();
    if (format !== undefined) expect(framesOf(message, format)).toEqual(frames);
  });

  it.each([
    ['ulaw', { encoding: 'pcmu', sampleRate: 8000 }],
    ['alaw', { encoding: 'pcma', sampleRate: 8000 }],
    ['slin', { encoding: 'pcm16', sampleRate: 8000 }],
    ['slin16', { encoding: 'pcm16', sampleRate: 16_000 }],
    ['slin24', { encoding: 'pcm16', sampleRate: 24_000 }],
    ['slin48', { encoding: 'pcm16', sampleRate: 48_000 }],
    ['g722', undefined],
    ['opus', undefined],
    ['slin12', undefined],
    ['toString', undefined],
  ])('in %s is audio that can be used, or not', (format, expected) => {
    expect(formatOf(start({ format }))).toEqual(expected);
  });
});

describe('an event', () => {
  it.each<[string, object]>([
    ['{"event":"DTMF_END","channel_id":"1.13","digit":"5"}', { type: 'digit', digit: '5' }],
    ['{"event":"DTMF_END","digit":5}', { type: 'digit', digit: '5' }],
    ['DTMF_END digit:# channel_id:1795187641.17', { type: 'digit', digit: '#' }],
    [
      '{"event":"MEDIA_MARK_PROCESSED","channel_id":"1.2","correlation_id":"p12"}',
      { type: 'mark', name: 'p12' },
    ],
    ['MEDIA_MARK_PROCESSED p12', { type: 'mark', name: 'p12' }],
    ['MEDIA_MARK_PROCESSED correlation_id:p12 channel_id:1.2', { type: 'mark', name: 'p12' }],
    ['{"event":"MEDIA_XOFF","channel_id":"1.2"}', { type: 'hold' }],
    ['MEDIA_XOFF', { type: 'hold' }],
    ['MEDIA_XON\n', { type: 'go-on' }],
    ['{"event":"ERROR","error_text":"Unable to parse"}', { type: 'error', text: 'Unable to parse' }],
    ['ERROR channel_id:1.2 error_text:Unable to parse', { type: 'error', text: 'Unable to parse' }],
    ['ERROR', { type: 'error', text: '' }],
    ['QUEUE_DRAINED', { type: 'other', event: 'QUEUE_DRAINED' }],
    ['STATUS channel_id:1.2 queue_length:3', { type: 'other', event: 'STATUS' }],
    ['{"event":"WEATHER","x":[1]}', { type: 'other', event: 'WEATHER' }],
  ])('is read: %s', (text, message) => {
    expect(read(text)).toEqual(message);
  });

  it.each([
    '',
    'hello',
    '{',
    '{"event":5}',
    '{}',
    '{"event":"DTMF_END"}',
    'DTMF_END digit:x',
    'MEDIA_MARK_PROCESSED',
    'MEDIA_START channel:a',
    '[1]',
  ])('is malformed: %s', (text) => {
    expect(read(text)).toMatchObject({ type: 'malformed', error: { code: 'PATCHCORD_MESSAGE_MALFORMED' } });
  });

  it('never throws, whatever is sent', () => {
    const names = fc.constantFrom('MEDIA_START', 'DTMF_END', 'MEDIA_MARK_PROCESSED', 'ERROR', 'STATUS', 'X');
    const keys = fc.constantFrom(
      'format',
      'digit',
      'correlation_id',
      'ptime',
      'channel_variables',
      'error_text',
    );
    const json = fc
      .tuple(fc.oneof(names, fc.jsonValue()), fc.dictionary(keys, fc.jsonValue()))
      .map(([event, fields]) => JSON.stringify({ ...fields, event }));
    const plain = fc
      .tuple(names, fc.array(fc.tuple(keys, fc.string()).map((pair) => pair.join(':'))))
      .map(([event, words]) => [event, ...words].join(' '));
    const frame = fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
      fc.oneof(json, plain, fc.string()).map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(frame, (bytes) => {
        const message = readEvent(bytes);
        expect(message.type).toBeTypeOf('string');
        if (message.type !== 'start') return;
        const format = formatOf(message);
        if (format === undefined) return;
        const { frameMs, maxChunkMs } = framesOf(message, format);
        expect(frameMs).toBeGreaterThan(0);
        expect(maxChunkMs).toBeGreaterThanOrEqual(frameMs);
      }),
      { numRuns: 10_000 },
    );
  });
});

describe('variables', () => {
  it('are the first fifty with plain names, cut to what can be passed on', () => {
    const many = Array.from({ length: 60 }, (_, index) => [`v${index}`, 'x'.repeat(600)] as const);
    const variables = readVariables([
      ['a b', 'no'],
      ['', 'no'],
      ['object', {}],
      ['n', 5],
      ['b', true],
      ...many,
    ]);
    expect(Object.keys(variables)).toHaveLength(50);
    expect(variables).toMatchObject({ n: '5', b: 'true', v0: 'x'.repeat(500) });
    expect(variables.object).toBeUndefined();
  });

  it('are named as the dialplan knows them, without the marks of inheritance', () => {
    expect(
      readVariables([
        ['__tenant', 'a'],
        ['_queue', 'b'],
        ['order_id', 'c'],
      ]),
    ).toEqual({ tenant: 'a', queue: 'b', order_id: 'c' });
  });

  it('may be called as they like', () => {
    const variables = readVariables([
      ['____proto__', 'x'],
      ['constructor', 'y'],
    ]);
    expect(Object.entries(variables)).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
  });
});

describe('a command', () => {
  it.each([
    ['json', ['{"command":"ANSWER"}', '{"command":"HANGUP"}', '{"command":"FLUSH_MEDIA"}']],
    ['plain-text', ['ANSWER', 'HANGUP', 'FLUSH_MEDIA']],
  ] as const)('is written in %s', (control, commands) => {
    const writer = new CommandWriter(control);
    expect([writer.answer(), writer.hangUp(), writer.flush()]).toEqual(commands);
  });

  it('names a mark, and stays below 128 bytes', () => {
    const json = new CommandWriter('json').mark('p12');
    expect(json).toBe('{"command":"MARK_MEDIA","correlation_id":"p12"}');
    expect(new CommandWriter('plain-text').mark('p12')).toBe('MARK_MEDIA p12');
    expect(Buffer.byteLength(new CommandWriter('json').mark('p'.repeat(79)))).toBeLessThanOrEqual(128);
  });
});
