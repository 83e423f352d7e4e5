import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AvrMessage,
  interruptionMessage,
  parseMessage,
  readMessage,
  readUuid,
  readyMessage,
  scanAudio,
  writeAudio,
  writeError,
  writeTranscript,
} from './wire.ts';

const read = (message: object | string): AvrMessage =>
  readMessage(Buffer.from(typeof message === 'string' ? message : JSON.stringify(message)), false);

/** A message as plain data: audio as its bytes, an error as its code. */
function plain(message: AvrMessage | undefined): unknown {
  switch (message?.type) {
    case 'audio':
      return { type: 'audio', bytes: message.audio.bytes().toString('hex') };
    case 'malformed':
      return { type: 'malformed', code: message.error.code };
    case 'init':
      return { type: 'init', uuid: message.uuid, fields: Object.fromEntries(message.fields) };
    default:
      return message;
  }
}

const frame = Buffer.from(Uint8Array.from({ length: 320 }, (_, at) => at));

describe('what avr-core says', () => {
  it('000 init: the uuid, with or without a provider_config', () => {
    const uuid = '935652e3-7c59-4edc-b17f-9646a9c2a265';
    const init = { type: 'init', uuid, fields: {} };
    expect(plain(read({ type: 'init', uuid }))).toEqual(init);
    expect(plain(read({ type: 'init', uuid, provider_config: { api_key: 'x' } }))).toEqual(init);
  });

  it("takes the caller's data that one fork's peers put into init", () => {
    const init = { type: 'init', uuid: 7, callerNumber: '+15550001111', extension: 100, deep: {}, off: null };
    expect(plain(read(init))).toEqual({
      type: 'init',
      uuid: '7',
      fields: { callerNumber: '+15550001111', extension: '100' },
    });
    expect(plain(read({ type: 'init' }))).toEqual({ type: 'init', uuid: undefined, fields: {} });
    expect(plain(read({ type: 'init', uuid: null }))).toEqual({ type: 'init', uuid: undefined, fields: {} });
  });

  it('000 audio in: base64 of any whole number of samples', () => {
    for (const bytes of [2, 318, 320, 322, 640, 6400]) {
      const pcm = Buffer.alloc(bytes, 7);
      const message = { type: 'audio', audio: pcm.toString('base64') };
      expect(plain(read(message))).toEqual({ type: 'audio', bytes: pcm.toString('hex') });
      expect(plain(read({ ...message, seq: 1 }))).toEqual({ type: 'audio', bytes: pcm.toString('hex') });
    }
  });

  it('000 dtmf_digit: a key, as text or as a number', () => {
    for (const digit of ['1', '0', '*', '#', 'A']) {
      expect(read({ type: 'dtmf_digit', digit })).toEqual({ type: 'dtmf_digit', digit });
    }
    expect(read({ type: 'dtmf_digit', digit: 5 })).toEqual({ type: 'dtmf_digit', digit: '5' });
    expect(read({ type: 'dtmf_digit', digit: 'd' })).toEqual({ type: 'dtmf_digit', digit: 'D' });
  });

  it('000 dtmf_digit: bad values are ignored', () => {
    for (const digit of ['', '12', 'x', 10, -1, null, {}, undefined]) {
      expect(read({ type: 'dtmf_digit', digit }).type).toBe('ignored');
    }
  });

  it('000 reset, and unknown types, which are ignored', () => {
    expect(read({ type: 'reset' })).toEqual({ type: 'reset' });
    expect(read({ type: 'hangup' })).toEqual({ type: 'ignored', what: 'a message of type hangup' });
    expect(read({ type: 'dtmf', digit: '1' }).type).toBe('ignored');
    expect(read({ type: 'audio', audio: '' }).type).toBe('ignored');
  });

  it.each([
    ['no JSON', 'hello', 'PATCHCORD_MESSAGE_MALFORMED'],
    ['no object', '[1]', 'PATCHCORD_MESSAGE_MALFORMED'],
    ['without a type', '{}', 'PATCHCORD_MESSAGE_MALFORMED'],
    ['audio that is no text', '{"type":"audio","audio":5}', 'PATCHCORD_MESSAGE_MALFORMED'],
    ['audio that is no base64', '{"type":"audio","audio":"?"}', 'PATCHCORD_AUDIO_MALFORMED'],
    ['half a sample', '{"type":"audio","audio":"AA=="}', 'PATCHCORD_AUDIO_MALFORMED'],
    ['a sample and a half', '{"type":"audio","audio":"AAAA"}', 'PATCHCORD_AUDIO_MALFORMED'],
    ['an id that is none', '{"type":"init","uuid":{}}', 'PATCHCORD_MESSAGE_MALFORMED'],
    ['an id with a line break', '{"type":"init","uuid":"a\\r\\nb"}', 'PATCHCORD_MESSAGE_MALFORMED'],
  ])('is malformed where it is %s', (_what, text, code) => {
    expect(plain(read(text))).toEqual({ type: 'malformed', code });
  });

  it('is malformed where it is binary', () => {
    const message = readMessage(Buffer.from('{"type":"reset"}'), true);
    expect(plain(message)).toEqual({ type: 'malformed', code: 'PATCHCORD_MESSAGE_BINARY' });
  });

  it('names a call by what can stand in a header', () => {
    expect(readUuid('x'.repeat(128))).toHaveLength(128);
    expect(readUuid('x'.repeat(129))).toBeUndefined();
    expect(readUuid('a b')).toBeUndefined();
    expect(readUuid('ä')).toBeUndefined();
  });
});

describe('the scan of audio frames', () => {
  it('takes a frame of avr-core without copying its payload', () => {
    const message = Buffer.from(JSON.stringify({ type: 'audio', audio: frame.toString('base64') }));
    const scanned = scanAudio(message);
    expect(plain(scanned)).toEqual({ type: 'audio', bytes: frame.toString('hex') });
    if (scanned?.type === 'audio') expect(scanned.audio.base64().buffer).toBe(message.buffer);
  });

  it('never reads anything else than the parser does: 20,000 damaged frames', () => {
    const whole = [...Buffer.from(`{"type":"audio","audio":"${frame.toString('base64', 0, 32)}"}`)];
    const edit = fc.tuple(
      fc.nat(whole.length - 1),
      fc.nat(2),
      fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('"\\{}:,=A '))),
    );
    let scannedFrames = 0;
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 3 }), (edits) => {
        const bytes = [...whole];
        for (const [at, removed, byte] of edits) bytes.splice(at, removed, byte);
        const damaged = Buffer.from(bytes);
        const scanned = scanAudio(damaged);
        if (scanned === undefined) return;
        scannedFrames += 1;
        expect(plain(scanned)).toEqual(plain(parseMessage(damaged)));
      }),
      { numRuns: 20_000 },
    );
    expect(scannedFrames).toBeGreaterThan(1000);
  });
});

describe('the reader', () => {
  it('lets no exception out: 30,000 messages of any bytes and any JSON', () => {
    const json = fc
      .record(
        {
          type: fc.oneof(
            fc.constantFrom('init', 'audio', 'dtmf_digit', 'reset', 'x'),
            fc.jsonValue({ maxDepth: 1 }),
          ),
          uuid: fc.jsonValue({ maxDepth: 1 }),
          audio: fc.oneof(fc.base64String(), fc.jsonValue({ maxDepth: 1 })),
          digit: fc.jsonValue({ maxDepth: 1 }),
        },
        { requiredKeys: [] },
      )
      .map((value) => Buffer.from(JSON.stringify(value)));
    const bytes = fc.uint8Array({ maxLength: 200 }).map((raw) => Buffer.from(raw));
    fc.assert(
      fc.property(fc.oneof(json, bytes), fc.boolean(), (message, isBinary) => {
        const given = readMessage(message, isBinary);
        if (isBinary) expect(given.type).toBe('malformed');
        if (given.type === 'audio') expect(given.audio.byteLength % 2).toBe(0);
        if (given.type === 'init' && given.uuid !== undefined)
          expect(() => new Headers({ 'x-avr-uuid': given.uuid ?? '' })).not.toThrow();
      }),
      { numRuns: 30_000 },
    );
  });

  it('survives deep nesting and keys that name prototypes', () => {
    expect(read('['.repeat(60_000)).type).toBe('malformed');
    expect(read('{"__proto__":{"type":"reset"}}').type).toBe('malformed');
    expect(plain(read('{"type":"init","uuid":"u","__proto__":"x"}'))).toMatchObject({ uuid: 'u' });
  });
});

describe('what avr-core gets', () => {
  it('000 audio out: exactly 320 raw bytes per message, the last filled up with silence', () => {
    const pcm = Buffer.concat([frame, frame, Buffer.from([1, 2])]);
    const sent = [0, 320, 640].map((at) => JSON.parse(writeAudio(pcm, at).toString()));
    for (const message of sent) expect(Object.keys(message)).toEqual(['type', 'audio']);
    const decoded = sent.map(({ audio }) => Buffer.from(audio, 'base64'));
    expect(decoded).toEqual([frame, frame, Buffer.concat([Buffer.from([1, 2]), Buffer.alloc(318)])]);
    expect(writeAudio(frame, 0).toString()).toBe(`{"type":"audio","audio":"${frame.toString('base64')}"}`);
  });

  it('000 interruption, transcript, error and ready have exactly the shapes that it knows', () => {
    expect(interruptionMessage.toString()).toBe('{"type":"interruption"}');
    expect(readyMessage.toString()).toBe('{"type":"ready","message":"Session ready"}');
    expect(writeTranscript('agent', 'He said "yes"')).toBe(
      '{"type":"transcript","role":"agent","text":"He said \\"yes\\""}',
    );
    expect(writeError('gone')).toBe('{"type":"error","message":"gone"}');
  });
});
