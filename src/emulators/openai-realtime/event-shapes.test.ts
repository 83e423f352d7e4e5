import { describe, expect, it } from 'vitest';
import { clientEvent } from './event-shapes.ts';
import { EventProblem } from './shape.ts';

function judge(event: unknown): { code: string; param: string | null } | 'accepted' {
  try {
    clientEvent(event, '');
    return 'accepted';
  } catch (thrown) {
    if (!(thrown instanceof EventProblem)) throw thrown;
    return { code: thrown.code, param: thrown.param };
  }
}

const update = (session: Record<string, unknown>) => judge({ type: 'session.update', session });

describe('client events', () => {
  it('are accepted with every documented key', () => {
    expect(
      update({
        type: 'realtime',
        output_modalities: ['audio'],
        instructions: '',
        audio: {
          input: {
            format: { type: 'audio/pcmu' },
            transcription: { model: 'whisper-1', language: 'en' },
            noise_reduction: { type: 'near_field' },
            turn_detection: { type: 'server_vad', threshold: 0.5, idle_timeout_ms: null },
          },
          output: { format: { type: 'audio/pcm', rate: 24_000 }, voice: { id: 'voice_1' }, speed: 1.5 },
        },
        tools: [{ type: 'function', name: 'f', description: 'd', parameters: {} }],
        tool_choice: { type: 'function', name: 'f' },
        max_output_tokens: 'inf',
        tracing: 'auto',
        truncation: { type: 'retention_ratio', retention_ratio: 0.8 },
        prompt: null,
      }),
    ).toBe('accepted');
  });

  const refused: readonly [string, unknown, string, string][] = [
    [
      'a flat beta field',
      { type: 'session.update', session: { type: 'realtime', voice: 'marin' } },
      'unknown_parameter',
      'session.voice',
    ],
    [
      'a session without its type',
      { type: 'session.update', session: { instructions: 'x' } },
      'missing_required_parameter',
      'session.type',
    ],
    ['an update without a session', { type: 'session.update' }, 'missing_required_parameter', 'session'],
    [
      'a wrong type deep inside',
      { type: 'session.update', session: { type: 'realtime', audio: { output: { speed: '1' } } } },
      'invalid_type',
      'session.audio.output.speed',
    ],
    [
      'a value out of range',
      { type: 'session.update', session: { type: 'realtime', audio: { output: { speed: 2 } } } },
      'invalid_value',
      'session.audio.output.speed',
    ],
    [
      'a threshold for semantic detection',
      {
        type: 'session.update',
        session: {
          type: 'realtime',
          audio: { input: { turn_detection: { type: 'semantic_vad', threshold: 0.4 } } },
        },
      },
      'unknown_parameter',
      'session.audio.input.turn_detection.threshold',
    ],
    [
      'an extra key of a tool',
      {
        type: 'session.update',
        session: { type: 'realtime', tools: [{ type: 'function', name: 'f', strict: true }] },
      },
      'unknown_parameter',
      'session.tools[0].strict',
    ],
    [
      'a truncation without its end',
      { type: 'conversation.item.truncate', item_id: 'a', content_index: 0 },
      'missing_required_parameter',
      'audio_end_ms',
    ],
    [
      'a fraction of a millisecond',
      { type: 'conversation.item.truncate', item_id: 'a', content_index: 0, audio_end_ms: 1.5 },
      'invalid_type',
      'audio_end_ms',
    ],
    [
      'a null end',
      { type: 'conversation.item.truncate', item_id: 'a', content_index: 0, audio_end_ms: null },
      'invalid_type',
      'audio_end_ms',
    ],
    ['an unknown event', { type: 'response.begin' }, 'invalid_value', 'type'],
    ['an event without a type', {}, 'missing_required_parameter', 'type'],
    [
      'an item of an unknown type',
      { type: 'conversation.item.create', item: { type: 'poem' } },
      'invalid_value',
      'item.type',
    ],
    [
      'too much metadata',
      {
        type: 'response.create',
        response: { metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, 'v'])) },
      },
      'invalid_value',
      'response.metadata',
    ],
    [
      'a temperature',
      { type: 'response.create', response: { temperature: 0.8 } },
      'unknown_parameter',
      'response.temperature',
    ],
    ['a key named like a method', { type: 'response.cancel', toString: 1 }, 'unknown_parameter', 'toString'],
    ['a type named like a method', { type: 'constructor' }, 'invalid_value', 'type'],
  ];
  for (const [what, event, code, param] of refused) {
    it(`are refused with ${code} for ${what}`, () => {
      expect(judge(event)).toEqual({ code, param });
    });
  }
});
