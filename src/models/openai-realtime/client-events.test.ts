import { existsSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { pcm16At, pcma8k, pcmu8k } from '../../audio/format.ts';
import type { OpenAiRealtimeSettings } from './profiles.ts';
import { ready, serverSays } from './testing/test-session.ts';
import type { SentEvent } from './testing/test-socket.ts';

/** JSON Schema of the vendor's client events, made from its OpenAPI document; not part of this repository. */
const schemaFile = process.env.OPENAI_REALTIME_CLIENT_EVENTS_SCHEMA;
const schema = schemaFile !== undefined && existsSync(schemaFile) ? schemaFile : undefined;

/** Every kind of event that a session sends, with few and with all settings. */
function everythingSent(): SentEvent[] {
  const all: Partial<OpenAiRealtimeSettings> = {
    voice: 'marin',
    maxOutputTokens: 900,
    turnDetection: { type: 'server_vad', threshold: 0.6, prefixPaddingMs: 200, silenceDurationMs: 400 },
    reasoningEffort: 'minimal',
    transcription: { model: 'gpt-transcribe', language: 'en' },
    noiseReduction: 'far_field',
    speed: 0.9,
  };
  const tools = [
    { name: 'end_call', description: 'Hangs up.', parameters: { type: 'object', properties: {} } },
  ];
  const sent: SentEvent[] = [];
  for (const [settings, format] of [
    [{}, pcmu8k],
    [all, pcma8k],
    [
      { ...all, maxOutputTokens: 'inf', turnDetection: { type: 'semantic_vad', eagerness: 'auto' } },
      pcm16At(24_000),
    ],
  ] as const) {
    const { socket, session } = ready(settings, {
      tools,
      prefers: { receives: format, sends: format },
      history: () => [
        { role: 'caller', text: 'Hello?' },
        { role: 'agent', text: 'Good day.' },
      ],
    });
    session.addText('caller', '5');
    session.addText('system', 'The caller pressed 5.');
    session.toolResult('call_1', 'ok');
    session.protect(true);
    session.requestResponse({ requestId: 'q1', instructions: 'Say goodbye.', tools: false });
    session.requestResponse({ requestId: 'q2' });
    socket.says(serverSays.itemAdded('a1'));
    socket.says(serverSays.audio('r1', 'a1'));
    socket.says(serverSays.audio('r1', 'a2'));
    session.interrupt({
      cancel: 'r1',
      items: [
        { responseId: 'r1', itemId: 'a1', contentIndex: 0, heardMs: 0, generatedMs: 400 },
        { responseId: 'r1', itemId: 'a2', contentIndex: 0, heardMs: 99.5, generatedMs: 400 },
      ],
    });
    sent.push(...socket.sent);
  }
  return sent;
}

describe('what a session sends', () => {
  it('is every kind of event it has, and never a field of the retired beta API', () => {
    const sent = everythingSent();
    expect([...new Set(sent.map((event) => event.type))].sort()).toEqual([
      'conversation.item.create',
      'conversation.item.delete',
      'conversation.item.truncate',
      'response.cancel',
      'response.create',
      'session.update',
    ]);
    const text = JSON.stringify(sent);
    for (const beta of [
      'modalities":["text"',
      'input_audio_format',
      'max_response_output_tokens',
      'temperature',
    ]) {
      expect(text).not.toContain(beta);
    }
    for (const event of sent) expect(event.event_id).toMatch(/^[a-z]+-\d+$/);
  });

  // Skipped unless OPENAI_REALTIME_CLIENT_EVENTS_SCHEMA names the schema: the document is the vendor's and is not kept here.
  it.skipIf(schema === undefined)(
    'fits the vendor’s schema (needs OPENAI_REALTIME_CLIENT_EVENTS_SCHEMA)',
    () => {
      const ajv = new Ajv({ strict: false });
      const valid = ajv.compile(JSON.parse(readFileSync(schema ?? '', 'utf8')));
      for (const event of everythingSent()) {
        expect([event.type, valid(event) ? [] : valid.errors]).toEqual([event.type, []]);
      }
      expect(valid({ type: 'session.update', session: { type: 'realtime', voice: 'marin' } })).toBe(false);
    },
  );
});
