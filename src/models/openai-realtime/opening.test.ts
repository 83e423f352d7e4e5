import { describe, expect, it } from 'vitest';
import { AudioChunk } from '../../audio/chunk.ts';
import { pcm16At, pcma8k, pcmu8k } from '../../audio/format.ts';
import type { HistoryItem } from '../../call/model-session.ts';
import { opening, ready, serverSays } from './testing/test-session.ts';

const audio = AudioChunk.fromBytes(Buffer.alloc(160, 0xff));

describe('opening a session', () => {
  it('connects with the key, the caller’s hashed id and never the beta header', () => {
    const { socket } = opening({ safetyIdentifier: 'hash-1' });
    expect(socket.request.url).toBe('wss://api.openai.com/v1/realtime?model=gpt-realtime-2.1');
    expect(socket.request.headers).toEqual({
      Authorization: 'Bearer sk-test',
      'OpenAI-Safety-Identifier': 'hash-1',
    });
  });

  it('configures after session.created and is ready after session.updated, with the history sent before', () => {
    const history: HistoryItem[] = [];
    const { socket, call, session } = opening({}, { history: () => history });
    socket.open();
    expect(socket.sent).toEqual([]);
    socket.says({ type: 'session.created', session: {} });
    socket.says({ type: 'conversation.created', conversation: {} });
    expect(socket.sent.map((event) => event.type)).toEqual(['session.update']);
    expect(call.told).toEqual([]);

    history.push({ role: 'caller', text: 'Is it open?' }, { role: 'agent', text: 'Until' });
    session.appendAudio(audio);
    socket.says({ type: 'session.updated', session: {} });
    expect(socket.sent.slice(1)).toMatchObject([
      { item: { role: 'user', content: [{ type: 'input_text', text: 'Is it open?' }] } },
      { item: { role: 'assistant', content: [{ type: 'output_text', text: 'Until' }] } },
    ]);
    expect(call.take()).toEqual([['ready']]);

    session.appendAudio(audio);
    expect(socket.last('input_audio_buffer.append')).toEqual({
      type: 'input_audio_buffer.append',
      audio: audio.base64().toString(),
    });
  });

  it('asks for the phone’s own format and nothing that was not set', () => {
    const { socket, session } = ready();
    expect(session.receives).toEqual(pcmu8k);
    expect(session.sends).toEqual(pcmu8k);
    expect(socket.last('session.update').session).toEqual({
      type: 'realtime',
      output_modalities: ['audio'],
      instructions: 'Be brief.',
      audio: {
        input: {
          format: { type: 'audio/pcmu' },
          turn_detection: { type: 'server_vad', create_response: true, interrupt_response: true },
        },
        output: { format: { type: 'audio/pcmu' } },
      },
    });
  });

  it('sends every setting that was made, the agent’s own before the model’s', () => {
    const parameters = { type: 'object', properties: {} };
    const { socket } = ready(
      {
        voice: 'marin',
        maxOutputTokens: 900,
        turnDetection: { type: 'semantic_vad', eagerness: 'low' },
        reasoningEffort: 'low',
        transcription: { model: 'gpt-transcribe', language: 'fr' },
        noiseReduction: 'near_field',
        speed: 1.1,
      },
      {
        agent: {
          name: 'A',
          instructions: 'I',
          voice: 'cedar',
          language: 'de-AT',
          opening: { speaker: 'caller' },
        },
        prefers: { receives: pcma8k, sends: pcm16At(16_000) },
        protectOpening: true,
        tools: [{ name: 'end_call', description: 'Hangs up.', parameters }],
      },
    );
    expect(socket.last('session.update').session).toEqual({
      type: 'realtime',
      output_modalities: ['audio'],
      instructions: 'I',
      audio: {
        input: {
          format: { type: 'audio/pcma' },
          turn_detection: {
            type: 'semantic_vad',
            eagerness: 'low',
            create_response: false,
            interrupt_response: false,
          },
          transcription: { model: 'gpt-transcribe', language: 'de' },
          noise_reduction: { type: 'near_field' },
        },
        output: { format: { type: 'audio/pcm', rate: 24_000 }, voice: 'cedar', speed: 1.1 },
      },
      tools: [{ type: 'function', name: 'end_call', description: 'Hangs up.', parameters }],
      tool_choice: 'auto',
      max_output_tokens: 900,
      reasoning: { effort: 'low' },
    });
  });

  it.each([
    ['gpt-realtime-2', true],
    ['gpt-realtime-2.1-mini', true],
    ['gpt-realtime-2-2026-05-01', true],
    ['gpt-realtime-1.5', false],
    ['gpt-realtime-2025-08-28', false],
  ])('sends a reasoning effort to %s: %s', (model, sent) => {
    const { socket } = ready({ model, reasoningEffort: 'low' });
    expect(Object.hasOwn(socket.last('session.update').session as object, 'reasoning')).toBe(sent);
  });

  it.each([
    [{ type: 'server_vad', threshold: 0.6, silenceDurationMs: 400 }, { threshold: 0.6 }],
    [{ type: 'semantic_vad', eagerness: 'low' }, {}],
  ] as const)('waits for the silence that an agent has of its own: %j', (turnDetection, more) => {
    const agent = {
      name: 'a',
      instructions: 'I',
      opening: { speaker: 'caller' },
      turnSilenceMs: 900,
    } as const;
    const { socket, session } = ready({ turnDetection }, { agent });
    const expected = { type: 'server_vad', ...more, silence_duration_ms: 900 };
    const audio = { input: { turn_detection: expected } };
    expect(socket.last('session.update').session).toMatchObject({ audio });
    session.protect(true);
    expect(socket.last('session.update').session).toMatchObject({
      audio: { input: { turn_detection: { ...expected, create_response: false } } },
    });
  });

  it('fails when the model answers in a format that would be noise on the phone', () => {
    const { socket, call } = opening();
    socket.open();
    socket.says({ type: 'session.created', session: {} });
    socket.says({
      type: 'session.updated',
      session: { audio: { output: { format: { type: 'audio/pcm', rate: 24_000 } } } },
    });
    expect(call.told).toEqual([['failed', 'PATCHCORD_AUDIO_FORMAT', true]]);
  });

  it('fails when the server does not take the settings', () => {
    const { socket, call } = opening();
    socket.open();
    socket.says({ type: 'session.created', session: {} });
    socket.says(serverSays.error('invalid_value', 'config-1', { param: 'session.audio.output.voice' }));
    expect(call.told).toEqual([['failed', 'PATCHCORD_MODEL_REJECTED', true]]);
    expect(call.errors[0]?.details).toMatchObject({
      code: 'invalid_value',
      param: 'session.audio.output.voice',
    });
  });

  it.each([
    ['handshake', 0, 'PATCHCORD_MODEL_UNREACHABLE'],
    ['session.created', 1, 'PATCHCORD_MODEL_TIMEOUT'],
    ['session.updated', 2, 'PATCHCORD_MODEL_TIMEOUT'],
  ])('gives up when the %s does not come in time', (_what, steps, code) => {
    const { clock, socket, call } = opening({ connectTimeoutMs: 3000 });
    if (steps > 0) socket.open();
    if (steps > 1) socket.says({ type: 'session.created', session: {} });
    clock.advance(2999);
    expect(call.told).toEqual([]);
    clock.advance(1);
    expect(call.told).toEqual([['failed', code, true]]);
    clock.advance(2000);
    expect(socket.terminated).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it.each([
    [401, {}, 'PATCHCORD_MODEL_AUTH', { status: 401 }],
    [403, {}, 'PATCHCORD_MODEL_AUTH', { status: 403 }],
    [429, { retryAfter: '2' }, 'PATCHCORD_MODEL_UNREACHABLE', { status: 429, retryAfterMs: 2000 }],
    [
      429,
      { retryAfter: new Date(Date.UTC(2026, 0, 1, 0, 0, 7)).toUTCString() },
      'PATCHCORD_MODEL_UNREACHABLE',
      { status: 429, retryAfterMs: 7000 },
    ],
    [
      429,
      { code: 'insufficient_quota' },
      'PATCHCORD_MODEL_AUTH',
      { status: 429, code: 'insufficient_quota' },
    ],
    [500, {}, 'PATCHCORD_MODEL_UNREACHABLE', { status: 500 }],
    [404, {}, 'PATCHCORD_MODEL_UNREACHABLE', { status: 404 }],
  ])('says what a handshake answered with %i %j means', (status, more, code, details) => {
    const { clock, socket, call } = opening();
    socket.refuse(status, more);
    expect(call.told).toEqual([['failed', code, true]]);
    expect(call.errors[0]?.details).toEqual(details);
    expect(clock.pending).toBe(0);
  });

  it('tells the caller’s side that the model cannot be reached when the connection is refused', () => {
    const { socket, call } = opening();
    socket.break('ECONNREFUSED');
    expect(call.told).toEqual([['failed', 'PATCHCORD_MODEL_UNREACHABLE', true]]);
    expect(call.errors[0]?.details).toEqual({ code: 'ECONNREFUSED' });
  });
});
