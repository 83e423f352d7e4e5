import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AudioChunk } from '../../audio/chunk.ts';
import { scanDelta } from './delta.ts';
import type { ServerMessage } from './server-events.ts';
import { append, parseServerEvent, readServerEvent, writeClientEvent } from './wire.ts';

const frameOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const read = (value: unknown): ServerMessage => readServerEvent(frameOf(value));

/** A message as plain values, so that two ways of reading can be compared. */
function plain(message: ServerMessage): unknown {
  switch (message.type) {
    case 'malformed':
      return { type: 'malformed', code: message.error.code };
    case 'response.output_audio.delta':
      return { ...message, audio: message.audio.base64().toString('latin1') };
    default:
      return message;
  }
}

const base64 = fc
  .uint8Array({ minLength: 1, maxLength: 48 })
  .map((bytes) => Buffer.from(bytes).toString('base64'));
const space = fc.constantFrom('', '', '', ' ', '\n', '\t ', '\r\n');
const delta = {
  type: 'response.output_audio.delta',
  event_id: 'event_1',
  response_id: 'resp_1',
  item_id: 'item_1',
  output_index: 0,
  content_index: 0,
  delta: '////',
};

/** Members of a delta, mostly right, some in every way wrong, in any order, with any JSON whitespace. */
const member = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom<[string, string]>(
      ['"type"', '"response.output_audio.delta"'],
      ['"type"', '"response.audio.delta"'],
      ['"type"', '"response.output_audio_transcript.delta"'],
      ['"type"', '"response.audio_transcript.delta"'],
    ),
  },
  { weight: 3, arbitrary: base64.map((text): [string, string] => ['"delta"', `"${text}"`]) },
  {
    weight: 3,
    arbitrary: fc.constantFrom<[string, string]>(
      ['"item_id"', '"item_1"'],
      ['"response_id"', '"resp_1"'],
      ['"content_index"', '0'],
      ['"content_index"', '12'],
      ['"event_id"', '"event_1"'],
      ['"output_index"', '1'],
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<[string, string]>(
      ['"item_id"', '7'],
      ['"item_id"', '""'],
      ['"item_id"', '"\\u0069tem"'],
      ['"item_id"', '"über"'],
      ['"item_id"', 'null'],
      ['"item_id"', '"a\tb"'],
      ['"response_id"', '12'],
      ['"response_id"', '{}'],
      ['"response_id"', '""'],
      ['"content_index"', '"3"'],
      ['"content_index"', '-1'],
      ['"content_index"', '01'],
      ['"content_index"', '1.5'],
      ['"content_index"', '1e2'],
      ['"content_index"', 'null'],
      ['"content_index"', '12345678901'],
      ['"delta"', '"////\\/"'],
      ['"delta"', '"\\/\\/\\/\\/"'],
      ['"delta"', '"a"'],
      ['"delta"', '"It\'s one, two: three."'],
      ['"delta"', '"a\\nb"'],
      ['"delta"', '"schön"'],
      ['"delta"', '""'],
      ['"delta"', '5'],
      ['"delta"', '"AA=A"'],
      ['"type"', '"response.done"'],
      ['"type"', '"response.output_audio.done"'],
      ['"type"', '1'],
      ['"ty\\u0070e"', '"response.audio.delta"'],
      ['"extra"', '[1,{"delta":"AAAA"}]'],
      ['"extra"', 'true'],
      ['"__proto__"', '"x"'],
      ['"delta', '"AAAA"'],
      ['delta', '"AAAA"'],
    ),
  },
);

const textType = '"type":"response.output_audio_transcript.delta"';

const document = fc
  .record({
    members: fc.array(fc.tuple(member, space, space, space, space), { maxLength: 9 }),
    usual: fc.constantFrom('audio', 'text', undefined),
    head: fc.constantFrom('{', '{', '{', '{', ' {', '[', ''),
    tail: fc.constantFrom('}', '}', '}', '}', '}\n', '}}', '', '} x', ',}'),
  })
  .map(({ members, usual, head, tail }) => {
    // Mostly whole: one of each member that has to be there, and the rest around it at random.
    const required = new Set(['"type"', '"item_id"', '"delta"']);
    const chosen = usual ? members.filter(([[key]]) => !required.has(key)) : members;
    const all = chosen.map(([[key, value], a, b, c, d]) => `${a}${key}${b}:${c}${value}${d}`);
    if (usual)
      all.splice(
        all.length >> 1,
        0,
        usual === 'audio' ? '"type":"response.output_audio.delta"' : textType,
        '"item_id":"item_9"',
        usual === 'audio' ? '"delta":"AAEC"' : '"delta":"and so on, "',
      );
    return `${head}${all.join(',')}${tail}`;
  });

describe('reading what the model sends', () => {
  it('gives the audio of a delta as a view of the frame, without a copy', () => {
    const frame = frameOf(delta);
    const message = readServerEvent(frame);
    if (message.type !== 'response.output_audio.delta') throw new Error(message.type);
    expect(message).toMatchObject({ responseId: 'resp_1', itemId: 'item_1', contentIndex: 0 });
    expect(message.audio.base64().buffer).toBe(frame.buffer);
    expect([...message.audio.bytes()]).toEqual([255, 255, 255]);
  });

  it('reads a delta the same with and without the short cut, whatever its shape', () => {
    const scanned = { audio: 0, text: 0 };
    fc.assert(
      fc.property(document, (text) => {
        const frame = Buffer.from(text, 'utf8');
        const type = scanDelta(frame)?.type;
        if (type !== undefined) scanned[type === 'response.output_audio.delta' ? 'audio' : 'text'] += 1;
        expect(plain(readServerEvent(frame))).toEqual(plain(parseServerEvent(frame)));
      }),
      { numRuns: 30_000 },
    );
    expect(scanned.audio).toBeGreaterThan(2000);
    expect(scanned.text).toBeGreaterThan(2000);
  });

  it.each([
    ['audio', delta],
    ['text', { ...delta, type: 'response.output_audio_transcript.delta', delta: 'Hello, I am' }],
  ])('reads a damaged delta of %s the same with and without the short cut', (_kind, event) => {
    const whole = frameOf(event);
    fc.assert(
      fc.property(
        fc.nat(whole.length - 1),
        fc.integer({ min: 0, max: 255 }),
        fc.boolean(),
        (at, byte, cut) => {
          const frame = Buffer.from(cut ? whole.subarray(0, at) : whole);
          if (!cut) frame[at] = byte;
          expect(plain(readServerEvent(frame))).toEqual(plain(parseServerEvent(frame)));
        },
      ),
      { numRuns: 30_000 },
    );
  });

  it('takes any bytes without an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(readServerEvent(Buffer.from(bytes)).type).toBe('malformed');
      }),
      { numRuns: 20_000 },
    );
  });

  it('takes known events with fields of any type without an exception', () => {
    const anything = fc.oneof(
      fc.constantFrom<unknown>(null, true, '', 'x', '12', 0, -1, 1.5, [], {}, [{}], {
        id: 4,
        type: 'message',
      }),
      fc.anything({ maxDepth: 2, withNullPrototype: false }),
    );
    const event = fc.record(
      {
        item_id: anything,
        response_id: anything,
        content_index: anything,
        delta: anything,
        transcript: anything,
        call_id: anything,
        arguments: anything,
        item: anything,
        session: anything,
        error: anything,
        response: fc.oneof(
          anything,
          fc.record(
            { id: anything, status: anything, status_details: anything, usage: anything, output: anything },
            { requiredKeys: [] },
          ),
        ),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.constantFrom(...knownNames), event, (type, fields) => {
        const { type: read } = readServerEvent(Buffer.from(JSON.stringify({ ...fields, type }) ?? ''));
        expect(read).not.toBe('unknown');
      }),
      { numRuns: 25_000 },
    );
  });

  it('understands the names of the retired beta API', () => {
    expect(read({ ...delta, type: 'response.audio.delta' }).type).toBe('response.output_audio.delta');
    expect(read({ type: 'response.audio_transcript.delta', item_id: 'i', delta: 'Hi' })).toMatchObject({
      type: 'response.output_audio_transcript.delta',
      text: 'Hi',
    });
    expect(read({ type: 'conversation.item.created', item: { id: 'i', type: 'message' } })).toMatchObject({
      type: 'conversation.item.added',
      item: { id: 'i' },
    });
  });

  it('takes numbers as strings, strings as numbers, and fields that are missing', () => {
    expect(read({ ...delta, content_index: '2', item_id: 17, response_id: undefined })).toMatchObject({
      itemId: '17',
      contentIndex: 2,
      responseId: undefined,
    });
    expect(
      read({
        type: 'response.done',
        response: { id: 'r', usage: { output_token_details: { audio_tokens: '91' } } },
      }),
    ).toMatchObject({
      response: { id: 'r', status: undefined, usage: { outputAudioTokens: 91, inputTokens: 0 } },
    });
  });

  it.each([
    ['not JSON', Buffer.from('{'), 'PATCHCORD_MESSAGE_MALFORMED'],
    ['no object', frameOf([1]), 'PATCHCORD_MESSAGE_MALFORMED'],
    ['no type', frameOf({ delta: 'AAAA' }), 'PATCHCORD_MESSAGE_MALFORMED'],
    ['a delta without its item', frameOf({ ...delta, item_id: undefined }), 'PATCHCORD_MESSAGE_MALFORMED'],
    ['bad base64', frameOf({ ...delta, delta: 'AA=A' }), 'PATCHCORD_AUDIO_MALFORMED'],
    ['base64 in wide characters', frameOf({ ...delta, delta: '\u0141AAA' }), 'PATCHCORD_AUDIO_MALFORMED'],
  ])('calls %s malformed', (_name, frame, code) => {
    expect(plain(readServerEvent(frame))).toEqual({ type: 'malformed', code });
  });

  it('names an event that it does not know, also one called like a method of every object', () => {
    expect(read({ type: 'response.hologram.delta' })).toEqual({
      type: 'unknown',
      name: 'response.hologram.delta',
    });
    expect(read({ type: 'toString' })).toEqual({ type: 'unknown', name: 'toString' });
  });
});

describe('writing to the model', () => {
  it('writes an append that is the JSON of its audio, from bytes and from base64 alike', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 400 }), fc.boolean(), (bytes, asBase64) => {
        const audio = Buffer.from(bytes).toString('base64');
        const chunk = asBase64 ? AudioChunk.fromBase64(audio) : AudioChunk.fromBytes(bytes);
        expect(JSON.parse(Buffer.concat([append.head, chunk.base64(), append.tail]).toString())).toEqual({
          type: 'input_audio_buffer.append',
          audio,
        });
      }),
      { numRuns: 2000 },
    );
  });

  it('writes an event as UTF-8 JSON', () => {
    const event = { type: 'response.cancel', response_id: 'r-ü' } as const;
    expect(JSON.parse(writeClientEvent(event).toString('utf8'))).toEqual(event);
  });
});

const knownNames = [
  'error',
  'session.created',
  'session.updated',
  'conversation.item.added',
  'conversation.item.done',
  'conversation.item.truncated',
  'conversation.item.input_audio_transcription.delta',
  'conversation.item.input_audio_transcription.completed',
  'conversation.item.input_audio_transcription.failed',
  'input_audio_buffer.speech_started',
  'input_audio_buffer.speech_stopped',
  'response.created',
  'response.done',
  'response.output_item.added',
  'response.output_item.done',
  'response.output_audio.delta',
  'response.output_audio.done',
  'response.output_audio_transcript.delta',
  'response.output_audio_transcript.done',
  'response.function_call_arguments.done',
  'rate_limits.updated',
];
