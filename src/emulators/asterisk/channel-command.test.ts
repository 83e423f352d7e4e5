import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ControlFormat, readCommand } from './channel-command.ts';

describe('readCommand', () => {
  it.each([
    ['{"command":"ANSWER"}', { command: 'ANSWER' }],
    ['{"command":"FLUSH_MEDIA"}', { command: 'FLUSH_MEDIA' }],
    ['{"command":"MARK_MEDIA","correlation_id":"m1"}', { command: 'MARK_MEDIA', id: 'm1' }],
    ['{"command":"STOP_MEDIA_BUFFERING"}', { command: 'STOP_MEDIA_BUFFERING', id: '' }],
    [
      '{"command":"SET_MEDIA_DIRECTION","direction":"in"}',
      { command: 'SET_MEDIA_DIRECTION', direction: 'in' },
    ],
  ])('reads %s', (text, command) => {
    expect(readCommand(text, 'json')).toEqual({ ok: true, command });
  });

  it.each([
    ['HANGUP', { command: 'HANGUP' }],
    [' GET_STATUS\n', { command: 'GET_STATUS' }],
    ['MARK_MEDIA end of it', { command: 'MARK_MEDIA', id: 'end of it' }],
    ['MARK_MEDIA', { command: 'MARK_MEDIA', id: '' }],
  ])('reads plain %j', (text, command) => {
    expect(readCommand(text, 'plain-text')).toEqual({ ok: true, command });
  });

  it.each([
    ['json', '', 'empty-command', undefined],
    ['json', 'MARK_MEDIA m1', 'not-json', 'Unable to parse JSON command'],
    ['json', '7', 'malformed-command', undefined],
    ['json', '{"event":"x"}', 'malformed-command', undefined],
    ['json', '{"command":"answer"}', 'unknown-command', undefined],
    ['json', '{"command":"SET_MEDIA_DIRECTION","direction":"up"}', 'malformed-command', 'Invalid direction'],
    ['plain-text', '{"command":"ANSWER"}', 'unknown-command', undefined],
    ['plain-text', 'SET_MEDIA_DIRECTION both', 'unknown-command', undefined],
  ] as const)('in %s passes over %j', (format, text, violation, errorText) => {
    expect(readCommand(text, format)).toMatchObject({ ok: false, violation, errorText });
  });

  it('ignores commands of more than 128 bytes, counted as bytes', () => {
    const longest = `MARK_MEDIA ${'m'.repeat(117)}`;
    expect(readCommand(longest, 'plain-text')).toMatchObject({ ok: true });
    expect(readCommand(`${longest}m`, 'plain-text')).toMatchObject({ violation: 'command-too-long' });
    expect(readCommand(`MARK_MEDIA ${'ü'.repeat(59)}`, 'plain-text')).toMatchObject({
      violation: 'command-too-long',
    });
  });

  it('never throws, whatever a gateway sends', () => {
    const message = fc.oneof(
      fc.string(),
      fc.json(),
      fc.record({ command: fc.jsonValue(), correlation_id: fc.jsonValue() }).map((it) => JSON.stringify(it)),
    );
    const format = fc.constantFrom<ControlFormat>('json', 'plain-text');
    fc.assert(
      fc.property(message, format, (text, as) => {
        const reading = readCommand(Buffer.from(text), as);
        expect(reading.ok ? reading.command.command : reading.violation).toBeTypeOf('string');
      }),
      { numRuns: 10_000 },
    );
  });
});
