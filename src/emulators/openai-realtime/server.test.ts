import { afterEach, describe, expect, it } from 'vitest';
import { encodeSamples } from '../../audio/convert.ts';
import { pcmu8k } from '../../audio/format.ts';
import { silence, sine } from '../../audio/tones.ts';
import { toneBehaviour } from './behaviours/tone.ts';
import { type OpenAiEmulator, type OpenAiEmulatorOptions, startOpenAiEmulator } from './server.ts';
import { refusedHandshake, TestClient } from './test-client.ts';

let emulator: OpenAiEmulator | undefined;
let client: TestClient | undefined;

afterEach(async () => {
  client?.socket.terminate();
  await emulator?.close();
  emulator = undefined;
  client = undefined;
});

async function start(options: OpenAiEmulatorOptions = {}): Promise<OpenAiEmulator> {
  emulator = await startOpenAiEmulator({
    behaviour: toneBehaviour({ durationMs: 1000 }),
    pace: { latencyMs: 0, deltaMs: 200, speed: 50, transcriptDelayMs: 0 },
    ...options,
  });
  return emulator;
}

async function connect(options: OpenAiEmulatorOptions = {}, session: object = {}): Promise<TestClient> {
  const { wsUrl } = await start(options);
  client = new TestClient(`${wsUrl}?model=gpt-realtime`);
  await client.next('session.created');
  client.send({ type: 'session.update', session: { type: 'realtime', ...session } });
  await client.next('session.updated');
  return client;
}

const pcmu = { input: { format: { type: 'audio/pcmu' } }, output: { format: { type: 'audio/pcmu' } } };

function append(to: TestClient, ...pieces: Int16Array[]): void {
  for (const piece of pieces) {
    const bytes = encodeSamples(piece, pcmu8k);
    for (let at = 0; at < bytes.length; at += 160) {
      to.send({ type: 'input_audio_buffer.append', audio: bytes.toString('base64', at, at + 160) });
    }
  }
}

describe('handshake', () => {
  it('lets a bearer token in, or a key in the subprotocols, and selects realtime', async () => {
    const { wsUrl } = await start({ apiKeys: ['sk-good'] });
    client = new TestClient(`${wsUrl}?model=m`, [], { authorization: 'Bearer sk-good' });
    const created = await client.next('session.created');
    expect(created.session).toMatchObject({ type: 'realtime', model: 'm', object: 'realtime.session' });
    client.socket.terminate();
    client = new TestClient(`${wsUrl}?model=m`, ['realtime', 'openai-insecure-api-key.sk-good']);
    await client.next('session.created');
    expect(client.socket.protocol).toBe('realtime');
  });

  it('refuses a wrong key, a missing key, a path that is not there and a missing model', async () => {
    const { wsUrl } = await start({ apiKeys: ['sk-good'] });
    const good = { authorization: 'Bearer sk-good' };
    expect(await refusedHandshake(`${wsUrl}?model=m`, { authorization: 'Bearer sk-bad' })).toMatchObject({
      status: 401,
    });
    expect(await refusedHandshake(`${wsUrl}?model=m`)).toMatchObject({ status: 401 });
    expect(await refusedHandshake(wsUrl, good)).toMatchObject({ status: 400 });
    expect(await refusedHandshake(`${wsUrl}?call_id=rtc_1`, good)).toMatchObject({ status: 404 });
    expect(await refusedHandshake(wsUrl.replace('/v1/realtime', '//'), good)).toMatchObject({ status: 400 });
    expect(await refusedHandshake(wsUrl.replace('/realtime', '/chat'), good)).toMatchObject({ status: 404 });
  });

  it('turns the beta header away with its error and close 4000', async () => {
    const { wsUrl } = await start();
    client = new TestClient(`${wsUrl}?model=m`, [], { 'openai-beta': 'realtime=v1' });
    expect(await client.closed()).toMatchObject({ code: 4000 });
    expect(client.events).toHaveLength(1);
    expect(client.events[0]?.error).toMatchObject({ code: 'beta_api_shape_disabled' });
  });
});

describe('session', () => {
  it('changes only what an update names, and echoes the whole session', async () => {
    const { wsUrl } = await start();
    client = new TestClient(`${wsUrl}?model=m`);
    const before = (await client.next('session.created')).session as Record<string, unknown>;
    const update = {
      type: 'realtime',
      instructions: 'Be brief.',
      audio: { input: { turn_detection: { type: 'server_vad', silence_duration_ms: 300 } } },
    };
    client.send({ type: 'session.update', session: update });
    const after = (await client.next('session.updated')).session;
    const audio = before.audio as { input: { turn_detection: object } };
    expect(after).toEqual({
      ...before,
      instructions: 'Be brief.',
      audio: {
        ...audio,
        input: {
          ...audio.input,
          turn_detection: { ...audio.input.turn_detection, silence_duration_ms: 300 },
        },
      },
    });
  });

  it('applies nothing of a refused update, and names the client event', async () => {
    const talk = await connect();
    talk.send({
      type: 'session.update',
      event_id: 'mine',
      session: { type: 'realtime', instructions: 'lost', voice: 'ash' },
    });
    expect((await talk.next('error')).error).toEqual({
      type: 'invalid_request_error',
      code: 'unknown_parameter',
      message: "Unknown parameter: 'session.voice'.",
      param: 'session.voice',
      event_id: 'mine',
    });
    talk.send({ type: 'session.update', session: { type: 'realtime' } });
    expect(
      ((await talk.next('session.updated', 2)).session as { instructions: string }).instructions,
    ).not.toBe('lost');
  });

  it('locks the voice once there is assistant audio', async () => {
    const talk = await connect({}, { audio: { output: { voice: 'cedar' } } });
    talk.send({ type: 'response.create' });
    await talk.next('response.done');
    talk.send({
      type: 'session.update',
      session: { type: 'realtime', instructions: 'lost', audio: { output: { voice: 'ash' } } },
    });
    expect((await talk.next('error')).error).toMatchObject({ code: 'cannot_update_voice' });
  });

  it('does not change its model', async () => {
    const talk = await connect();
    talk.send({ type: 'session.update', session: { type: 'realtime', model: 'another' } });
    expect((await talk.next('error')).error).toMatchObject({ param: 'session.model' });
  });

  it('stays open through malformed frames, binary frames and bad audio', async () => {
    const talk = await connect({}, { audio: pcmu });
    talk.socket.send('{"type":');
    talk.socket.send('[]');
    talk.socket.send(Buffer.from([1, 2, 3]));
    talk.send({ type: 'input_audio_buffer.append', audio: '????' });
    talk.send({ type: 'input_audio_buffer.append', audio: 17 });
    talk.send({ type: 'input_audio_buffer.append' });
    talk.send({ type: 'input_audio_buffer.append', audio: 'AAAA', extra: 1 });
    talk.send({ type: 'no.such.event' });
    await talk.next('error', 8);
    const codes = talk.of('error').map((event) => (event.error as { code: string }).code);
    const malformed = ['invalid_event', 'invalid_event', 'invalid_event'];
    expect(codes).toEqual([
      ...malformed,
      'invalid_value',
      'invalid_type',
      'missing_required_parameter',
      'unknown_parameter',
      'invalid_value',
    ]);
    talk.send({ type: 'input_audio_buffer.clear' });
    await talk.next('input_audio_buffer.cleared');
    expect(emulator?.sessions[0]?.record.errors).toHaveLength(8);
  });
});

describe('a transcription session', () => {
  it('hears turns and tells their words, and answers nothing', async () => {
    const { wsUrl } = await start();
    client = new TestClient(`${wsUrl}?intent=transcription`);
    expect((await client.next('session.created')).session).not.toHaveProperty('audio.output');
    const input = { ...pcmu.input, transcription: { model: 'gpt-transcribe' } };
    client.send({ type: 'session.update', session: { type: 'transcription', audio: { input } } });
    append(client, sine(300, 600, 8000), silence(700, 8000));
    await client.next('conversation.item.input_audio_transcription.completed');
    client.send({ type: 'response.create' });
    await client.next('error');
    expect(client.types()).not.toContain('response.created');
  });
});

describe('caller turns', () => {
  it('go through detection, commit, item and answer in the order of the API', async () => {
    const talk = await connect(
      {},
      { audio: { ...pcmu, input: { ...pcmu.input, transcription: { model: 'whisper-1' } } } },
    );
    const from = talk.events.length;
    append(talk, silence(400, 8000), sine(300, 600, 8000), silence(700, 8000));
    await talk.next('response.done');
    await talk.next('conversation.item.input_audio_transcription.completed');
    const floating = 'conversation.item.input_audio_transcription';
    const types = talk.types(from).filter((type) => !type.startsWith(floating) && !type.endsWith('.delta'));
    expect(types.slice(0, 17)).toEqual([
      'input_audio_buffer.speech_started',
      'input_audio_buffer.speech_stopped',
      'input_audio_buffer.committed',
      'conversation.item.added',
      'conversation.item.done',
      'response.created',
      'response.output_item.added',
      'conversation.item.added',
      'response.content_part.added',
      'response.output_audio.done',
      'response.output_audio_transcript.done',
      'response.content_part.done',
      'response.output_item.done',
      'conversation.item.done',
      'response.done',
      'rate_limits.updated',
    ]);
    const [started] = talk.of('input_audio_buffer.speech_started');
    const [stopped] = talk.of('input_audio_buffer.speech_stopped');
    expect(started).toMatchObject({ audio_start_ms: 100 });
    expect(stopped).toMatchObject({ audio_end_ms: 1500, item_id: started?.item_id });
    expect(talk.of('input_audio_buffer.committed')[0]).toMatchObject({
      item_id: started?.item_id,
      previous_item_id: null,
    });
    expect(talk.of(`${floating}.completed`)[0]).toMatchObject({
      item_id: started?.item_id,
      transcript: '(0.9 s of speech)',
    });
    talk.send({ type: 'conversation.item.retrieve', item_id: started?.item_id });
    const retrieved = (await talk.next('conversation.item.retrieved')).item as {
      content: { audio: string }[];
    };
    expect(Buffer.from(retrieved.content[0]?.audio ?? '', 'base64')).toHaveLength(1400 * 8);
  });

  it('get no answer with create_response off, and interrupt nothing with interrupt_response off', async () => {
    const detection = { type: 'server_vad', create_response: false, interrupt_response: false };
    const slow = { pace: { latencyMs: 0, speed: 1 } };
    const talk = await connect(slow, {
      audio: { ...pcmu, input: { ...pcmu.input, turn_detection: detection } },
    });
    talk.send({ type: 'response.create' });
    await talk.next('response.output_audio.delta');
    append(talk, sine(300, 400, 8000), silence(600, 8000));
    await talk.next('input_audio_buffer.committed');
    expect((await talk.next('response.done')).response).toMatchObject({ status: 'completed' });
    expect(talk.of('response.created')).toHaveLength(1);
  });

  it('are committed by hand where detection is off', async () => {
    const talk = await connect({}, { audio: { ...pcmu, input: { ...pcmu.input, turn_detection: null } } });
    append(talk, sine(300, 80, 8000));
    talk.send({ type: 'input_audio_buffer.commit' });
    expect((await talk.next('error')).error).toMatchObject({
      code: 'input_audio_buffer_commit_empty',
      message: expect.stringContaining('buffer only has 80.00ms of audio'),
    });
    append(talk, sine(300, 20, 8000));
    talk.send({ type: 'input_audio_buffer.commit' });
    await talk.next('input_audio_buffer.committed');
    talk.send({ type: 'input_audio_buffer.commit' });
    await talk.next('error', 2);
    expect(talk.types()).not.toContain('response.created');
    append(talk, sine(300, 200, 8000));
    talk.send({ type: 'input_audio_buffer.clear' });
    talk.send({ type: 'input_audio_buffer.commit' });
    await talk.next('error', 3);
  });
});

describe('conversation items', () => {
  it('are created where asked, retrieved and deleted', async () => {
    const talk = await connect();
    const item = (id: string) => ({
      id,
      type: 'message',
      role: 'user',
      content: [{ type: 'input_text', text: id }],
    });
    talk.send({ type: 'conversation.item.create', item: item('b') });
    talk.send({ type: 'conversation.item.create', item: item('a'), previous_item_id: 'root' });
    talk.send({ type: 'conversation.item.create', item: item('c'), previous_item_id: 'b' });
    await talk.next('conversation.item.done', 3);
    expect(talk.of('conversation.item.added').map((event) => event.previous_item_id)).toEqual([
      null,
      null,
      'b',
    ]);
    talk.send({ type: 'conversation.item.create', item: item('d'), previous_item_id: 'nowhere' });
    expect((await talk.next('error')).error).toMatchObject({ param: 'previous_item_id' });
    talk.send({ type: 'conversation.item.delete', item_id: 'b' });
    expect(await talk.next('conversation.item.deleted')).toMatchObject({ item_id: 'b' });
    talk.send({ type: 'conversation.item.retrieve', item_id: 'b' });
    expect((await talk.next('error', 2)).error).toMatchObject({ code: 'item_retrieve_invalid_item_id' });
    expect(emulator?.sessions[0]?.record.deletions).toEqual(['b']);
  });

  it('cannot be given the assistant as audio', async () => {
    const talk = await connect();
    const content = [{ type: 'output_audio', transcript: 'hello' }];
    talk.send({ type: 'conversation.item.create', item: { type: 'message', role: 'assistant', content } });
    expect((await talk.next('error')).error).toMatchObject({ code: 'invalid_value', param: 'item.content' });
  });
});
