import { afterEach, describe, expect, it } from 'vitest';
import { encodeSamples } from '../../audio/convert.ts';
import { pcmu8k } from '../../audio/format.ts';
import { sine } from '../../audio/tones.ts';
import type { ResponsePart } from './behaviours/behaviour.ts';
import { scriptedBehaviour } from './behaviours/scripted.ts';
import { type OpenAiEmulator, type OpenAiEmulatorOptions, startOpenAiEmulator } from './server.ts';
import { type Received, TestClient } from './test-client.ts';

let emulator: OpenAiEmulator | undefined;
let client: TestClient | undefined;

afterEach(async () => {
  client?.socket.terminate();
  await emulator?.close();
});

const speech = (ms: number, transcript: string): ResponsePart => ({
  type: 'speech',
  samples: sine(440, ms, 8000),
  sampleRate: 8000,
  transcript,
});
const sentence = 'one two three four five six seven eight nine ten';
const pcmu = { input: { format: { type: 'audio/pcmu' } }, output: { format: { type: 'audio/pcmu' } } };

async function connect(parts: ResponsePart[][], options: OpenAiEmulatorOptions = {}): Promise<TestClient> {
  emulator = await startOpenAiEmulator({
    behaviour: scriptedBehaviour(parts.map((entry) => ({ parts: entry }))),
    pace: { latencyMs: 0, deltaMs: 100, speed: 100, transcriptDelayMs: 0 },
    ...options,
  });
  client = new TestClient(`${emulator.wsUrl}?model=gpt-realtime`);
  await client.next('session.created');
  client.send({ type: 'session.update', session: { type: 'realtime', audio: pcmu } });
  await client.next('session.updated');
  return client;
}

/** Answers that take as long as they sound, so that they can be interrupted. */
const realTime: OpenAiEmulatorOptions = { pace: { latencyMs: 0, deltaMs: 40, speed: 1 } };

function audioBytes(events: readonly Received[]): Buffer {
  return Buffer.concat(events.map((event) => Buffer.from(String(event.delta), 'base64')));
}

describe('an answer', () => {
  it('carries all its audio and words, and says what it used', async () => {
    const samples = sine(440, 1050, 8000);
    const talk = await connect([[{ type: 'speech', samples, sampleRate: 8000, transcript: sentence }]]);
    talk.send({ type: 'response.create', response: { metadata: { topic: 'test' } } });
    const done = (await talk.next('response.done')).response as Record<string, unknown>;
    expect(audioBytes(talk.of('response.output_audio.delta'))).toEqual(encodeSamples(samples, pcmu8k));
    expect(talk.of('response.output_audio.delta')).toHaveLength(11);
    const words = talk.of('response.output_audio_transcript.delta').map((event) => event.delta);
    expect(words.length).toBeGreaterThan(5);
    expect(words.join('')).toBe(sentence);
    expect(done).toMatchObject({
      status: 'completed',
      metadata: { topic: 'test' },
      output: [
        { type: 'message', status: 'completed', content: [{ type: 'output_audio', transcript: sentence }] },
      ],
      usage: { output_token_details: { audio_tokens: 21 } },
    });
    expect(emulator?.sessions[0]?.record.responses).toMatchObject([{ status: 'completed', audioMs: 1050 }]);
  });

  it('is written where text is asked for', async () => {
    const talk = await connect([[speech(1000, 'Hello there.')]]);
    talk.send({ type: 'response.create', response: { output_modalities: ['text'] } });
    await talk.next('response.done');
    expect(
      talk
        .of('response.output_text.delta')
        .map((event) => event.delta)
        .join(''),
    ).toBe('Hello there.');
    expect(await talk.next('response.output_text.done')).toMatchObject({ text: 'Hello there.' });
    expect(talk.of('response.content_part.added')[0]).toMatchObject({ part: { type: 'text' } });
    expect(talk.types()).not.toContain('response.output_audio.delta');
  });

  it('may speak and call several tools, each as an item of its own', async () => {
    const call = (name: string): ResponsePart => ({ type: 'call', name, arguments: `{"for":"${name}"}` });
    const talk = await connect([[speech(200, 'One moment.'), call('weather'), call('clock')]]);
    talk.send({ type: 'response.create' });
    const { response } = await talk.next('response.done');
    const output = (response as { output: Record<string, unknown>[] }).output;
    expect(output.map((item) => item.type)).toEqual(['message', 'function_call', 'function_call']);
    const done = talk.of('response.function_call_arguments.done');
    expect(done).toMatchObject([
      { name: 'weather', arguments: '{"for":"weather"}', output_index: 1, call_id: output[1]?.call_id },
      { name: 'clock', arguments: '{"for":"clock"}', output_index: 2, call_id: output[2]?.call_id },
    ]);
    for (const event of done) {
      const deltas = talk
        .of('response.function_call_arguments.delta')
        .filter((delta) => delta.item_id === event.item_id);
      expect(deltas.map((delta) => delta.delta).join('')).toBe(event.arguments);
    }
    const order = talk.types(talk.types().indexOf('response.done') - 6);
    expect(order.slice(0, 6)).toEqual([
      'conversation.item.added',
      'response.function_call_arguments.delta',
      'response.function_call_arguments.delta',
      'response.function_call_arguments.done',
      'response.output_item.done',
      'conversation.item.done',
    ]);
  });

  it('ends incomplete at max_output_tokens, at 50 ms a token', async () => {
    const talk = await connect([[speech(3000, sentence)]]);
    talk.send({ type: 'response.create', response: { max_output_tokens: 9 } });
    expect((await talk.next('response.done')).response).toMatchObject({
      status: 'incomplete',
      status_details: { reason: 'max_output_tokens' },
    });
    expect(audioBytes(talk.of('response.output_audio.delta'))).toHaveLength(450 * 8);
  });

  it('is resampled to the format of the session', async () => {
    const talk = await connect([[speech(500, 'Hello.')]]);
    const output = { format: { type: 'audio/pcm', rate: 24_000 } };
    talk.send({ type: 'response.create', response: { audio: { output } } });
    await talk.next('response.done');
    expect(audioBytes(talk.of('response.output_audio.delta'))).toHaveLength(500 * 48);
  });
});

describe('one response at a time', () => {
  it('is refused a second one, which may run outside the conversation', async () => {
    const talk = await connect([[speech(400, sentence)], [{ type: 'text', text: 'aside' }]], realTime);
    talk.send({ type: 'response.create' });
    talk.send({ type: 'response.create', event_id: 'second' });
    const { response } = await talk.next('response.created');
    expect((await talk.next('error')).error).toMatchObject({
      code: 'conversation_already_has_active_response',
      message: expect.stringContaining((response as { id: string }).id),
      event_id: 'second',
    });
    talk.send({
      type: 'response.create',
      response: { conversation: 'none', output_modalities: ['text'], input: [] },
    });
    const aside = (await talk.next('response.done')).response as Record<string, unknown>;
    expect(aside).toMatchObject({ conversation_id: null, output: [{ content: [{ text: 'aside' }] }] });
    expect((await talk.next('response.done', 2)).response).toMatchObject({ status: 'completed' });
    expect(talk.of('conversation.item.added')).toHaveLength(1);
  });

  it('cannot refer to items that are not there', async () => {
    const talk = await connect([]);
    const input = [{ type: 'item_reference', id: 'item_gone' }];
    talk.send({ type: 'response.create', response: { conversation: 'none', input } });
    expect((await talk.next('error')).error).toMatchObject({
      code: 'item_not_found',
      param: 'response.input[0].id',
    });
  });
});

describe('cancelling', () => {
  it('closes everything that is open and says who cancelled', async () => {
    const talk = await connect([[speech(5000, sentence)]], realTime);
    talk.send({ type: 'response.create' });
    await talk.next('response.output_audio.delta', 3);
    talk.send({ type: 'response.cancel' });
    await talk.next('rate_limits.updated');
    expect(talk.types().slice(-7)).toEqual([
      'response.output_audio.done',
      'response.output_audio_transcript.done',
      'response.content_part.done',
      'response.output_item.done',
      'conversation.item.done',
      'response.done',
      'rate_limits.updated',
    ]);
    expect(talk.of('response.done')[0]?.response).toMatchObject({
      status: 'cancelled',
      status_details: { type: 'cancelled', reason: 'client_cancelled' },
      output: [{ status: 'incomplete' }],
    });
    talk.send({ type: 'response.cancel' });
    expect((await talk.next('error')).error).toMatchObject({ code: 'response_cancel_not_active' });
    talk.send({ type: 'response.create' });
    expect((await talk.next('response.done', 2)).response).toMatchObject({ status: 'completed' });
  });

  it('happens when the caller speaks', async () => {
    const talk = await connect([[speech(5000, sentence)]], realTime);
    talk.send({ type: 'response.create' });
    await talk.next('response.output_audio.delta');
    const voice = encodeSamples(sine(300, 200, 8000), pcmu8k).toString('base64');
    talk.send({ type: 'input_audio_buffer.append', audio: voice });
    expect((await talk.next('response.done')).response).toMatchObject({
      status: 'cancelled',
      status_details: { reason: 'turn_detected' },
    });
    const types = talk.types();
    expect(types.indexOf('input_audio_buffer.speech_started')).toBeLessThan(
      types.indexOf('response.output_audio.done'),
    );
  });
});

describe('truncating', () => {
  it('is exact: all that was sent, not a millisecond more', async () => {
    const talk = await connect([[speech(1234, sentence)]]);
    talk.send({ type: 'response.create' });
    await talk.next('response.done');
    const itemId = String(talk.of('response.output_audio.delta')[0]?.item_id);
    const truncate = (audio_end_ms: number) =>
      talk.send({ type: 'conversation.item.truncate', item_id: itemId, content_index: 0, audio_end_ms });
    truncate(1235);
    expect((await talk.next('error')).error).toMatchObject({
      code: 'invalid_value',
      message: 'Audio content of 1234ms is already shorter than 1235ms',
    });
    truncate(1234);
    truncate(700);
    expect(await talk.next('conversation.item.truncated', 2)).toMatchObject({
      item_id: itemId,
      audio_end_ms: 700,
    });
    talk.send({ type: 'conversation.item.retrieve', item_id: itemId });
    const item = (await talk.next('conversation.item.retrieved')).item as {
      content: Record<string, unknown>[];
    };
    expect(item.content[0]).not.toHaveProperty('transcript');
    const record = emulator?.sessions[0]?.record;
    expect(record?.truncations.map(({ audioEndMs, accepted }) => [audioEndMs, accepted])).toEqual([
      [1235, false],
      [1234, true],
      [700, true],
    ]);
    expect(record?.item(itemId)).toMatchObject({ kind: 'assistant', generatedMs: 1234, truncatedMs: 700 });
  });

  it('knows of a cancelled answer only what was sent', async () => {
    const talk = await connect([[speech(5000, sentence)]], realTime);
    talk.send({ type: 'response.create' });
    await talk.next('response.output_audio.delta', 2);
    talk.send({ type: 'response.cancel' });
    await talk.next('response.done');
    const sentMs = audioBytes(talk.of('response.output_audio.delta')).length / 8;
    const item_id = talk.of('response.output_audio.delta')[0]?.item_id;
    talk.send({ type: 'conversation.item.truncate', item_id, content_index: 0, audio_end_ms: sentMs + 1 });
    expect((await talk.next('error')).error).toMatchObject({ code: 'invalid_value' });
    talk.send({ type: 'conversation.item.truncate', item_id, content_index: 0, audio_end_ms: sentMs });
    await talk.next('conversation.item.truncated');
  });
});
