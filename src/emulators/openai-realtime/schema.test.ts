import { existsSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { encodeSamples } from '../../audio/convert.ts';
import { pcm16At } from '../../audio/format.ts';
import { silence, sine } from '../../audio/tones.ts';
import { scriptedBehaviour } from './behaviours/scripted.ts';
import { startOpenAiEmulator } from './server.ts';
import { TestClient } from './test-client.ts';

/** A JSON schema of the vendor's server events, made from its OpenAPI description; it is not part of this package. */
const schemaPath = process.env.OPENAI_REALTIME_EVENTS_SCHEMA ?? '';

/** The service sends null for what is not there yet, where the description has the field absent. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, entry]) => entry !== null);
  return Object.fromEntries(entries.map(([key, entry]) => [key, withoutNulls(entry)]));
}

describe('the events of a whole conversation', () => {
  it.skipIf(!existsSync(schemaPath))(
    "fit the vendor's schema (needs OPENAI_REALTIME_EVENTS_SCHEMA)",
    async () => {
      const validate = new Ajv({ strict: false }).compile(
        JSON.parse(readFileSync(schemaPath, 'utf8')) as object,
      );
      const speech = {
        type: 'speech',
        samples: sine(440, 900, 24_000),
        sampleRate: 24_000,
        transcript: 'a b c',
      } as const;
      const behaviour = scriptedBehaviour(
        [
          { parts: [speech, { type: 'call', name: 'f', arguments: '{"a":1}' }] },
          { parts: [{ type: 'text', text: 'Some text.' }] },
          { parts: [], ends: { status: 'failed', code: 'server_error', message: 'x' } },
          { parts: [speech], ends: { status: 'incomplete', reason: 'content_filter' } },
        ],
        { parts: [speech] },
      );
      const emulator = await startOpenAiEmulator({
        behaviour,
        pace: { latencyMs: 0, speed: 20, transcriptDelayMs: 0 },
      });
      const client = new TestClient(`${emulator.wsUrl}?model=gpt-realtime&fault=failWithoutCreated=6`);
      const input = { transcription: { model: 'whisper-1' }, turn_detection: { type: 'semantic_vad' } };
      client.socket.on('open', () => {
        client.send({
          type: 'session.update',
          session: { type: 'realtime', tools: [{ type: 'function', name: 'f' }], audio: { input } },
        });
        client.send({ type: 'session.update', session: { nonsense: 1 } });
        const item = { type: 'message', role: 'system', content: [{ type: 'input_text', text: 'hello' }] };
        client.send({ type: 'conversation.item.create', item: { id: 'item_s', ...item } });
        client.send({ type: 'conversation.item.delete', item_id: 'item_s' });
        client.send({ type: 'input_audio_buffer.clear' });
      });
      for (let count = 1; count <= 4; count++) {
        await client.next('input_audio_buffer.cleared');
        client.send({ type: 'response.create' });
        await client.next('response.done', count);
      }
      const item_id = client.of('response.output_audio.delta')[0]?.item_id;
      client.send({ type: 'conversation.item.truncate', item_id, content_index: 0, audio_end_ms: 300 });
      client.send({ type: 'conversation.item.truncate', item_id, content_index: 0, audio_end_ms: 400 });
      client.send({ type: 'conversation.item.retrieve', item_id });
      const voice = Buffer.concat(
        [sine(300, 500, 24_000), silence(900, 24_000)].map((s) => encodeSamples(s, pcm16At(24_000))),
      );
      client.send({ type: 'input_audio_buffer.append', audio: voice.toString('base64') });
      await client.next('conversation.item.input_audio_transcription.completed');
      client.send({ type: 'response.cancel' });
      client.send({ type: 'response.create' });
      await client.next('response.done', 6);
      client.socket.terminate();
      await emulator.close();
      expect(new Set(client.types()).size).toBeGreaterThan(25);
      for (const event of client.events) {
        expect(
          validate(withoutNulls(event)),
          `${JSON.stringify(event).slice(0, 600)} ${JSON.stringify(validate.errors?.slice(0, 4))}`,
        ).toBe(true);
      }
    },
  );
});
