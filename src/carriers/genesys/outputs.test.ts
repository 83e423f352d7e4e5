import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CallSnapshot } from '../../call/events.ts';
import type { HangUpReason } from '../../call/leg.ts';
import type { Turn } from '../../call/turn.ts';
import { emptyRecord } from '../testing/test-host.ts';
import { dispositionOf, outputVariables } from './outputs.ts';
import { maxTextBytes, writeMessage } from './wire.ts';

const turn = (turnId: number, role: Turn['role'], heardText: string, text = heardText): Turn => ({
  turnId,
  role,
  startedAtMs: turnId * 1000,
  text,
  heardText,
  heardMs: 500,
  generatedMs: 500,
  ended: true,
});

const record: CallSnapshot = {
  ...emptyRecord,
  liveMs: 83_250,
  turns: [turn(1, 'agent', 'How can I help?'), turn(2, 'caller', 'My  card\nis lost.')],
  usage: {
    inputTextTokens: 100,
    cachedTextTokens: 20,
    inputAudioTokens: 300,
    cachedAudioTokens: 40,
    outputTextTokens: 50,
    outputAudioTokens: 600,
  },
};

const reasons: HangUpReason[] = [
  'agent',
  'no-input',
  'max-duration',
  'operator',
  'model-failed',
  'drain',
  'answer-timeout',
  'media-lost',
  'internal-error',
];

describe('output variables', () => {
  it('tell how long the call was and what it took', () => {
    expect(outputVariables(record, 'agent', undefined)).toMatchObject({
      CONVERSATION_DURATION: '83.250',
      TOTAL_INPUT_TEXT_TOKENS: '100',
      TOTAL_INPUT_CACHED_TEXT_TOKENS: '20',
      TOTAL_INPUT_AUDIO_TOKENS: '300',
      TOTAL_INPUT_CACHED_AUDIO_TOKENS: '40',
      TOTAL_OUTPUT_TEXT_TOKENS: '50',
      TOTAL_OUTPUT_AUDIO_TOKENS: '600',
    });
  });

  it.each(reasons)('are the same texts, all of them, after %s', (reason) => {
    const farewells = [undefined, { escalates: true, reason: 'r', summary: 's' }];
    const [all, ...others] = farewells.map((farewell) => outputVariables(emptyRecord, reason, farewell));
    for (const value of Object.values(all ?? {})) expect(typeof value).toBe('string');
    for (const other of others) expect(Object.keys(other)).toEqual(Object.keys(all ?? {}));
  });

  it("have the agent's own summary of a call that went well", () => {
    const farewell = { escalates: false, reason: 'done', summary: 'The card was blocked.' };
    expect(outputVariables(record, 'agent', farewell)).toMatchObject({
      CONVERSATION_SUMMARY: 'The card was blocked.',
      COMPLETION_SUMMARY: 'The card was blocked.',
      customer_summary: 'The card was blocked.',
      ESCALATION_REQUIRED: 'false',
      ESCALATION_REASON: '',
      transfer_reason: '',
      end_call_reason: 'done',
    });
  });

  it('tell of an escalation, and what was said where there is no summary', () => {
    const farewell = { escalates: true, reason: 'They ask for a person.', summary: '' };
    expect(outputVariables(record, 'agent', farewell)).toMatchObject({
      CONVERSATION_SUMMARY: 'Agent: How can I help?\nCaller: My card is lost.',
      COMPLETION_SUMMARY: '',
      ESCALATION_REQUIRED: 'true',
      ESCALATION_REASON: 'They ask for a person.',
      transfer_reason: 'They ask for a person.',
      end_call_reason: 'They ask for a person.',
    });
  });

  it('have of a summary that nobody gave the last that was heard, shortened, and nothing that was not', () => {
    const turns = [
      ...Array.from({ length: 20 }, (_, n) => turn(n, 'caller', `old ${n}`)),
      turn(30, 'agent', '', 'never heard'),
      turn(31, 'agent', 'x'.repeat(2000)),
    ];
    const { CONVERSATION_SUMMARY: summary = '' } = outputVariables(
      { ...record, turns },
      'no-input',
      undefined,
    );
    expect(summary.split('\n')).toHaveLength(6);
    expect(summary).toContain('Caller: old 19');
    expect(summary).not.toContain('never heard');
    expect(summary.length).toBeLessThan(500);
    expect(outputVariables(emptyRecord, 'no-input', undefined).CONVERSATION_SUMMARY).toBe('');
  });

  it.each([
    ['no-input', 'inactivity'],
    ['max-duration', 'max_duration'],
    ['agent', 'completed'],
    ['model-failed', 'error'],
  ] as const)('name the end %s as %s', (reason, word) => {
    expect(outputVariables(record, reason, undefined).end_call_reason).toBe(word);
  });
});

describe('the message with all of them', () => {
  const bytesOf = (
    reason: HangUpReason,
    words: CallSnapshot,
    farewell: Parameters<typeof outputVariables>[2],
  ) => {
    const parameters = {
      ...dispositionOf(reason),
      outputVariables: outputVariables(words, reason, farewell),
    };
    const numbers = { id: 'e160e428-53e2-487c-977d-96989bf5c99d', seq: 2 ** 31, clientseq: 2 ** 31 };
    return Buffer.byteLength(writeMessage({ type: 'disconnect', parameters }, numbers));
  };
  /** Letters of one to four bytes, and what JSON writes in six. */
  const words = fc
    .array(fc.constantFrom('a', 'é', 'Ж', '語', '😀', '\u0001', '"', '\ud800', '\n'), {
      minLength: 1,
      maxLength: 9,
    })
    .chain((letters) =>
      fc.integer({ min: 0, max: 8000 }).map((chars) => letters.join('').repeat(chars).slice(0, chars)),
    );

  it('is no larger than Genesys takes, whatever the agent has to say', () => {
    const farewell = fc.record({ escalates: fc.boolean(), reason: words, summary: words });
    fc.assert(
      fc.property(fc.constantFrom(...reasons), farewell, words, (reason, said, heard) => {
        const turns = [turn(1, 'caller', heard), turn(2, 'agent', heard)];
        expect(bytesOf(reason, { ...record, turns }, said)).toBeLessThanOrEqual(maxTextBytes);
      }),
      { numRuns: 300 },
    );
  });

  it('has the beginning of what is too long, in whole letters', () => {
    const farewell = { escalates: true, reason: '😀'.repeat(4000), summary: 'Ж'.repeat(8000) };
    const { CONVERSATION_SUMMARY, ESCALATION_REASON, end_call_reason } = outputVariables(
      record,
      'agent',
      farewell,
    );
    expect(CONVERSATION_SUMMARY).toBe(`${'Ж'.repeat(2997)} [...]`);
    expect(ESCALATION_REASON).toBe(`${'😀'.repeat(498)} [...]`);
    expect(end_call_reason).toBe(ESCALATION_REASON);
    const whole = { escalates: true, reason: 'Ж'.repeat(1000), summary: 'Ж'.repeat(3000) };
    expect(outputVariables(record, 'agent', whole)).toMatchObject({
      CONVERSATION_SUMMARY: whole.summary,
      ESCALATION_REASON: whole.reason,
    });
  });
});

describe('the path of the flow', () => {
  it.each([
    ['agent', 'completed', undefined],
    ['no-input', 'completed', 'Session ended: inactivity'],
    ['max-duration', 'completed', 'Session ended: max_duration'],
    ['operator', 'completed', 'Session ended: operator'],
    ['drain', 'completed', 'Session ended: shutdown'],
  ] as const)('is Success after %s', (reason, path, info) => {
    expect(dispositionOf(reason)).toEqual(info === undefined ? { reason: path } : { reason: path, info });
  });

  it.each([
    'model-failed',
    'answer-timeout',
    'media-lost',
    'internal-error',
  ] as const)('is Failure after %s, with a word about it', (reason) => {
    expect(dispositionOf(reason)).toEqual({ reason: 'error', info: expect.stringMatching(/\w/) });
  });
});
