import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AudioChunk } from '../../audio/chunk.ts';
import { type ErrorCode, PatchcordError } from '../../base/errors.ts';
import { unpooled } from '../media-json.ts';
import { scanMedia } from '../media-scan.ts';

type Message = object & { readonly type: string };

/** How one of the carriers that speak media JSON reads and writes it. */
export interface MediaJson {
  readonly carrier: string;
  readonly read: (data: Buffer, isBinary: boolean) => Message;
  /** The same without the scan of media frames. */
  readonly parse: (data: Buffer) => Message;
  /** The media message of the documentation, whose audio is `documentedAudio`. */
  readonly documentedMedia: string;
  /** Messages that lack what only this carrier's have, by what that is. */
  readonly malformed: readonly (readonly [what: string, text: string])[];
  readonly events: readonly string[];
  /** What else may be in the body of an event, which has the event's name. */
  readonly body: Readonly<Record<string, fc.Arbitrary<unknown>>>;
  /** What stands beside the body. */
  readonly envelope: Readonly<Record<string, fc.Arbitrary<unknown>>>;
}

/** Four samples, of µ-law. */
export const documentedAudio = '7f7f8001';

/** A message as a value that compares: audio by its bytes, errors by their code, maps by their entries. */
export function comparable(message: object | undefined): unknown {
  if (message === undefined) return undefined;
  return Object.fromEntries(Object.entries(message).map(([name, value]) => [name, plain(value)]));
}

function plain(value: unknown): unknown {
  if (value instanceof AudioChunk) return value.bytes().toString('hex');
  if (value instanceof PatchcordError) return value.code;
  return value instanceof Map ? [...value] : value;
}

type BadText = readonly [what: string, text: string, code: ErrorCode];

const badText: readonly BadText[] = [
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
  ['a digit that is none', '{"event":"dtmf","dtmf":{"digit":"12"}}', 'PATCHCORD_MESSAGE_MALFORMED'],
  ['start without ids', '{"event":"start","start":{}}', 'PATCHCORD_MESSAGE_MALFORMED'],
];

/** What is true of every reader of media JSON. */
export function mediaJsonCases(its: MediaJson): void {
  const { carrier, read, parse } = its;
  const documented = unpooled(its.documentedMedia);

  describe(`what ${carrier} sends`, () => {
    const itsOwn = its.malformed.map(([what, text]): BadText => [what, text, 'PATCHCORD_MESSAGE_MALFORMED']);
    it.each([...badText, ...itsOwn])('is malformed where it is %s', (_what, text, error) => {
      expect(comparable(read(Buffer.from(text), false))).toEqual({ type: 'malformed', error });
    });

    it('is malformed where it is binary', () => {
      const error = 'PATCHCORD_MESSAGE_BINARY';
      expect(comparable(read(documented, true))).toEqual({ type: 'malformed', error });
    });

    it('is not parsed where it is a plain media frame, and its payload not copied', () => {
      const message = read(documented, false);
      const audio = 'audio' in message && message.audio instanceof AudioChunk ? message.audio : undefined;
      expect(audio?.base64().buffer).toBe(documented.buffer);
      expect(comparable(message)).toMatchObject({ type: 'media', audio: documentedAudio });
      expect(comparable(scanMedia(documented))).toEqual(comparable(parse(documented)));
    });
  });

  describe(`the reader of what ${carrier} sends`, () => {
    it('lets no exception out: 40,000 frames of any bytes and any JSON', () => {
      const bytes = fc.uint8Array({ maxLength: 200 }).map((raw) => Buffer.from(raw));
      fc.assert(
        fc.property(fc.oneof(messagesOf(its), bytes), fc.boolean(), (frame, isBinary) => {
          const { type } = read(frame, isBinary);
          if (isBinary) expect(type).toBe('malformed');
        }),
        { numRuns: 40_000 },
      );
    });

    it('reads the same with and without the scan: 60,000 written frames', () => {
      let scanned = 0;
      fc.assert(
        fc.property(mediaFrames, (frame) => {
          if (scanMedia(frame) === undefined) return;
          scanned += 1;
          expect(comparable(read(frame, false))).toEqual(comparable(parse(frame)));
        }),
        { numRuns: 60_000 },
      );
      expect(scanned).toBeGreaterThan(3_000);
    });

    it('reads the same with and without the scan: 40,000 damaged frames', () => {
      fc.assert(
        fc.property(damaged(documented), (frame) => {
          expect(comparable(read(frame, false))).toEqual(comparable(parse(frame)));
        }),
        { numRuns: 40_000 },
      );
    });

    it('survives deep nesting and keys that name prototypes', () => {
      const type = (text: string): string => read(Buffer.from(text), false).type;
      expect(type('['.repeat(60_000))).toBe('malformed');
      const nested = `{"event":"media","media":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}`;
      expect(type(nested)).toBe('malformed');
      expect(type('{"__proto__":{"event":"stop"}}')).toBe('malformed');
      expect(type('{"event":"dtmf","dtmf":{"digit":{"toString":""}}}')).toBe('malformed');
    });
  });
}

/** Messages of the carrier's with anything where something is expected. */
function messagesOf({ events, body, envelope }: MediaJson): fc.Arbitrary<Buffer> {
  const any = fc.jsonValue({ maxDepth: 2 });
  const fields = {
    track: fc.constantFrom('inbound', 'outbound', 'inbound_track', 3),
    chunk: any,
    timestamp: any,
    payload: fc.oneof(any, fc.base64String()),
    digit: any,
    name: any,
    ...body,
  };
  const content = fc.oneof(any, fc.record(fields, { requiredKeys: [] }));
  return fc
    .tuple(fc.constantFrom(...events, 'x'), content, fc.record({ ...envelope }))
    .map(([event, value, beside]) => Buffer.from(JSON.stringify({ event, [event]: value, ...beside })));
}

/** A frame with one to three edits. */
function damaged(frame: Buffer): fc.Arbitrary<Buffer> {
  const edit = fc.tuple(
    fc.nat(frame.length - 1),
    fc.nat(2),
    fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('"\\{}:,0 '))),
  );
  return fc.array(edit, { minLength: 1, maxLength: 3 }).map((edits) => {
    const bytes = [...frame];
    for (const [at, removed, byte] of edits) bytes.splice(at, removed, byte);
    return Buffer.from(bytes);
  });
}

type Pairs = readonly (readonly [key: string, value: unknown])[];

/** Media messages with keys missing, twice, in any order and of any type, as text and not as objects. */
const mediaFrames: fc.Arbitrary<Buffer> = (() => {
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
  return fc
    .tuple(top, fc.constantFrom('', '', '', ' '))
    .map(([pairs, gap]) => Buffer.from(written(pairs, gap)));
})();

/** Writes the pairs as they come, so that keys may repeat. */
function written(pairs: Pairs, gap: string): string {
  const texts = pairs.map(([key, value]) => {
    const text = Array.isArray(value) ? written(value as Pairs, gap) : JSON.stringify(value);
    return `${JSON.stringify(key)}:${gap}${text}`;
  });
  return `{${texts.join(',')}}`;
}
