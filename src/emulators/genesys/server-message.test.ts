import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { callerOffer } from './client-envelope.ts';
import { ServerReader } from './server-message.ts';

const id = 'session';

function reader(): ServerReader {
  return new ServerReader(id, [callerOffer]);
}

function message(type: string, parameters: object = {}, changes: object = {}): string {
  return JSON.stringify({ version: '2', type, seq: 1, clientseq: 1, id, parameters, ...changes });
}

/** What is found wrong with the first message of a server, in one word each. */
function faults(text: string): string[] {
  return reader()
    .read(text, 3)
    .faults.map(({ kind }) => kind);
}

const opened = { media: [callerOffer], startPaused: false };

describe('ServerReader', () => {
  it('takes every message that a server may send', () => {
    const judge = reader();
    const story: [string, object][] = [
      ['opened', opened],
      ['pong', {}],
      ['event', { entities: [{ type: 'barge_in', data: {} }] }],
      [
        'event',
        {
          entities: [
            { type: 'bot_turn_response', data: { disposition: 'match', text: 'Hi', confidence: 1 } },
          ],
        },
      ],
      ['event', { entities: [{ type: 'transcript', data: { id: 'x' } }] }],
      ['pause', {}],
      ['resume', {}],
      ['updated', {}],
      ['reconnect', {}],
      ['disconnect', { reason: 'completed', info: 'done', outputVariables: { A: 'b' } }],
      ['closed', {}],
    ];
    const readings = story.map(([type, parameters], at) =>
      judge.read(message(type, parameters, { seq: at + 1 }), 5),
    );
    expect(readings.flatMap(({ faults: found }) => found)).toEqual([]);
    expect(readings.map(({ message: read }) => read)).toMatchObject([
      { type: 'opened', media: [callerOffer], startPaused: false },
      { type: 'pong', clientseq: 1 },
      { type: 'event', entities: [{ type: 'barge_in' }] },
      { type: 'event', entities: [{ data: { disposition: 'match', text: 'Hi', confidence: 1 } }] },
      { type: 'event', entities: [{ type: 'other', name: 'transcript' }] },
      { type: 'pause' },
      { type: 'resume' },
      { type: 'updated' },
      { type: 'reconnect' },
      { type: 'disconnect', reason: 'completed', info: 'done', outputVariables: { A: 'b' } },
      { type: 'closed' },
    ]);
    expect(judge.seq).toBe(11);
  });

  it.each([
    ['no JSON', '{"type":', ['not-json']],
    ['no object', '[]', ['malformed']],
    ['a version that is a number', message('pong', {}, { version: 2 }), ['wrong-version']],
    ['a seq that is not the next', message('pong', {}, { seq: 2 }), ['wrong-seq']],
    ['a seq that is a string', message('pong', {}, { seq: '1' }), ['wrong-seq']],
    ['a clientseq that was not sent', message('pong', {}, { clientseq: 4 }), ['wrong-clientseq']],
    ['no clientseq', message('pong', {}, { clientseq: undefined }), ['wrong-clientseq']],
    ['another id', message('pong', {}, { id: 'other' }), ['wrong-id']],
    ['a position', message('pong', {}, { position: 'PT1S' }), ['position-of-server']],
    ['serverseq', message('pong', {}, { serverseq: 1 }), ['malformed']],
    ['no parameters', message('pong', {}, { parameters: undefined }), ['malformed']],
    ['parameters that are a list', message('pong', []), ['malformed']],
    ['an unknown type', message('hello'), ['unknown-type']],
    ['opened without media', message('opened', {}), ['malformed']],
    ['two media', message('opened', { media: [callerOffer, callerOffer] }), ['media-not-offered']],
    [
      'media that was not offered',
      message('opened', { media: [{ ...callerOffer, format: 'L16' }] }),
      ['media-not-offered'],
    ],
    [
      'media that was changed',
      message('opened', { media: [{ ...callerOffer, more: 1 }] }),
      ['media-not-offered'],
    ],
    ['a pause that is no boolean', message('opened', { ...opened, startPaused: 'no' }), ['malformed']],
    ['discardTo that is no duration', message('opened', { ...opened, discardTo: '1s' }), ['malformed']],
    ['languages', message('opened', { ...opened, supportedLanguages: ['en-US'] }), ['malformed']],
    ['a disconnect without reason', message('disconnect', {}), ['malformed']],
    ['info that is no string', message('disconnect', { reason: 'error', info: 7 }), ['malformed']],
    [
      'an output variable that is a number',
      message('disconnect', { reason: 'completed', outputVariables: { A: 1, B: null, C: 'c' } }),
      ['variable-not-string', 'variable-not-string'],
    ],
    [
      'output variables that are a list',
      message('disconnect', { reason: 'error', outputVariables: [] }),
      ['malformed'],
    ],
    ['an event without entities', message('event', {}), ['malformed']],
    ['an entity without data', message('event', { entities: [{ type: 'barge_in' }] }), ['malformed']],
    [
      'a barge_in with data',
      message('event', { entities: [{ type: 'barge_in', data: { a: 1 } }] }),
      ['malformed'],
    ],
    [
      'a turn without disposition',
      message('event', { entities: [{ type: 'bot_turn_response', data: { text: 'x' } }] }),
      ['malformed'],
    ],
    [
      'a turn of wrong types',
      message('event', {
        entities: [{ type: 'bot_turn_response', data: { disposition: 'match', text: 1, confidence: 2 } }],
      }),
      ['malformed', 'malformed'],
    ],
    ['text over the limit', message('pong', { padding: 'x'.repeat(65_535) }), ['text-too-large']],
  ])('finds %s', (_name, text, expected) => {
    expect(faults(text)).toEqual(expected);
  });

  it('goes on counting from a seq that was wrong, and knows a clientseq that falls', () => {
    const judge = reader();
    expect(judge.read(message('pong', {}, { seq: 3, clientseq: 2 }), 2).faults).toHaveLength(1);
    expect(judge.read(message('pong', {}, { seq: 4, clientseq: 2 }), 2).faults).toEqual([]);
    expect(judge.read(message('pong', {}, { seq: 5, clientseq: 1 }), 2).faults).toMatchObject([
      { kind: 'wrong-clientseq' },
    ]);
  });

  it('lets no message throw', () => {
    const judge = reader();
    const types = fc.constantFrom('opened', 'pong', 'closed', 'disconnect', 'event', 'pause', 'x');
    fc.assert(
      fc.property(types, fc.jsonValue(), fc.jsonValue(), (type, parameters, any) => {
        judge.read(JSON.stringify({ version: '2', type, seq: any, clientseq: any, id, parameters }), 3);
        judge.read(JSON.stringify(any), 3);
        judge.read(JSON.stringify({ type: any, parameters: { entities: [any], media: any } }), 3);
      }),
      { numRuns: 10_000 },
    );
    fc.assert(fc.property(fc.string(), (text) => void judge.read(text, 3)));
  });
});
