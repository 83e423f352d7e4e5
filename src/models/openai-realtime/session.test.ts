import { describe, expect, it } from 'vitest';
import { AudioChunk } from '../../audio/chunk.ts';
import { opening, ready, serverSays } from './testing/test-session.ts';

const audio = AudioChunk.fromBytes(Buffer.alloc(160, 0xff));

describe('the caller’s side of the conversation', () => {
  it('reports speech and what was said, piece by piece and whole', () => {
    const { socket, call } = ready();
    socket.says({ type: 'input_audio_buffer.speech_started', item_id: 'u1', audio_start_ms: 3 });
    socket.says({ type: 'input_audio_buffer.speech_stopped', item_id: 'u1', audio_end_ms: 9 });
    const transcription = 'conversation.item.input_audio_transcription';
    socket.says({ type: `${transcription}.delta`, item_id: 'u1', delta: 'Hel' });
    socket.says({ type: `${transcription}.completed`, item_id: 'u1', transcript: 'Hello.' });
    expect(call.take()).toEqual([
      ['speechStarted', 'u1'],
      ['speechStopped', 'u1'],
      ['callerText', 'u1', 'Hel', false],
      ['callerText', 'u1', 'Hello.', true],
    ]);
  });

  it('gives the model text and tool results as items', () => {
    const { socket, session } = ready();
    session.addText('caller', 'pressed 4');
    session.addText('system', 'The caller pressed 4.');
    session.toolResult('call_1', '{"ok":true}');
    expect(socket.all('conversation.item.create').map((event) => event.item)).toEqual([
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'pressed 4' }] },
      { type: 'message', role: 'system', content: [{ type: 'input_text', text: 'The caller pressed 4.' }] },
      { type: 'function_call_output', call_id: 'call_1', output: '{"ok":true}' },
    ]);
  });

  it('lets the model react to the caller again after the opening, without naming the voice', () => {
    const { socket, session } = ready({ voice: 'marin' }, { protectOpening: true });
    session.protect(true);
    expect(socket.all('session.update')).toHaveLength(1);
    session.protect(false);
    expect(socket.last('session.update').session).toEqual({
      type: 'realtime',
      audio: {
        input: { turn_detection: { type: 'server_vad', create_response: true, interrupt_response: true } },
      },
    });
  });

  it('does nothing before it is ready and after it was closed', () => {
    const { clock, socket, session, call } = opening();
    const everything = (): void => {
      session.appendAudio(audio);
      session.addText('system', 'x');
      session.toolResult('call_1', 'x');
      session.requestResponse({ requestId: 'r1' });
      session.interrupt({ items: [], cancel: 'requested' });
      session.protect(true);
    };
    socket.open();
    everything();
    expect(socket.sent).toEqual([]);
    session.close();
    everything();
    socket.says({ type: 'session.created', session: {} });
    socket.end(1006);
    clock.advance(100_000);
    expect(socket.sent).toEqual([]);
    expect(call.told).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});

describe('errors within a session', () => {
  it.each([
    ['response_cancel_not_active'],
    ['input_audio_buffer_commit_empty'],
    ['item_truncate_invalid_item_id'],
    ['unknown_parameter'],
  ])('survives %s', (code) => {
    const { socket, call, session } = ready();
    socket.says(serverSays.error(code, 'truncate-7'));
    expect(call.take()).toEqual([['failed', 'PATCHCORD_TRUNCATION_REFUSED', false]]);
    expect(call.errors[0]?.details).toMatchObject({ code, request: 'truncate' });
    session.addText('system', 'still here');
    expect(socket.all('conversation.item.create')).toHaveLength(1);
  });

  it.each([
    ['invalid_api_key', 'PATCHCORD_MODEL_AUTH'],
    ['insufficient_quota', 'PATCHCORD_MODEL_AUTH'],
    ['billing_hard_limit_reached', 'PATCHCORD_MODEL_AUTH'],
    ['account_deactivated', 'PATCHCORD_MODEL_AUTH'],
    ['session_expired', 'PATCHCORD_MODEL_EXPIRED'],
    ['beta_api_shape_disabled', 'PATCHCORD_MODEL_REJECTED'],
  ])('ends at %s, once', (code, expected) => {
    const { socket, call } = ready();
    socket.says(serverSays.error(code));
    socket.says({ type: 'input_audio_buffer.speech_started', item_id: 'u1' });
    socket.end(1001, 'gone');
    expect(call.take()).toEqual([['failed', expected, true]]);
    expect(socket.closed?.code).toBe(1000);
  });

  it('says where a refusal of the beta API comes from, be it told by the close alone', () => {
    const { socket, call } = ready();
    socket.end(4000, 'beta_api_shape_disabled');
    expect(call.take()).toEqual([['failed', 'PATCHCORD_MODEL_REJECTED', true]]);
    expect(call.errors[0]?.message).toContain('OpenAI-Beta');
  });

  it('keeps what the vendor wrote about an error out of the error, for it can quote people', () => {
    const { socket, call } = ready();
    socket.says(serverSays.error('invalid_value', null, { message: 'my secret is 1234' }));
    expect(JSON.stringify([call.errors[0]?.message, call.errors[0]?.details])).not.toContain('1234');
  });

  it('ignores events that it does not know', () => {
    const { socket, call } = ready();
    socket.says({ type: 'response.hologram.delta', delta: 'x' });
    socket.says({ type: 'rate_limits.updated', rate_limits: [] });
    expect(call.told).toEqual([]);
  });

  it('counts nonsense and, when there is too much of it, closes with 1002', () => {
    const { socket, call } = ready();
    socket.saysRaw(Buffer.from([1, 2]), true);
    for (let frame = 0; frame < 18; frame++) socket.saysRaw(Buffer.from('{'));
    expect(call.count('failed')).toBe(19);
    expect(call.take().slice(0, 2)).toEqual([
      ['failed', 'PATCHCORD_MESSAGE_BINARY', false],
      ['failed', 'PATCHCORD_MESSAGE_MALFORMED', false],
    ]);
    socket.saysRaw(Buffer.from('{'));
    expect(call.take()).toEqual([['failed', 'PATCHCORD_MODEL_PROTOCOL', true]]);
    expect(socket.closed?.code).toBe(1002);
  });
});

describe('the life of a session', () => {
  it('reports a connection that drops', () => {
    const { clock, socket, call } = ready();
    socket.end(1006);
    expect(call.take()).toEqual([['failed', 'PATCHCORD_MODEL_LOST', true]]);
    expect(clock.pending).toBe(0);
  });

  it('knows an expiry by its close reason alone', () => {
    const { socket, call } = ready();
    socket.end(1001, 'Your session hit the maximum duration of 60 minutes.');
    expect(call.take()).toEqual([['failed', 'PATCHCORD_MODEL_EXPIRED', true]]);
  });

  it('notices within eight seconds that its server answers nothing any more', () => {
    const { clock, socket, call } = ready();
    clock.advance(60_000);
    expect(socket.pings).toBe(15);
    expect(call.told).toEqual([]);
    socket.answersPings = false;
    clock.advance(7999);
    expect(call.told).toEqual([]);
    clock.advance(1);
    expect(call.take()).toEqual([['failed', 'PATCHCORD_MODEL_LOST', true]]);
    expect(socket.terminated).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('takes any frame for a sign of life', () => {
    const { clock, socket, call } = ready();
    socket.answersPings = false;
    clock.advance(5000);
    socket.says({ type: 'rate_limits.updated' });
    clock.advance(6900);
    expect(call.told).toEqual([]);
  });

  it('says that no words come when those of the caller could not be made out', () => {
    const { socket, call } = ready();
    socket.says({
      type: 'conversation.item.input_audio_transcription.failed',
      item_id: 'user-1',
      content_index: 0,
      error: { type: 'transcription_error', code: 'audio_unintelligible' },
    });
    expect(call.take()).toEqual([
      ['callerText', 'user-1', '', true],
      ['failed', 'PATCHCORD_MODEL_ERROR', false],
    ]);
  });

  it('warns a minute before the server’s own limit', () => {
    const { clock, socket, call } = opening();
    socket.open();
    const expiresAt = clock.epochMs() / 1000 + 3600;
    socket.says({ type: 'session.created', session: { expires_at: expiresAt } });
    socket.says({ type: 'session.updated', session: { expires_at: String(expiresAt) } });
    call.take();
    clock.advance(3_539_999);
    expect(call.told).toEqual([]);
    clock.advance(1);
    expect(call.take()).toEqual([['goingAway', 60_000]]);
  });

  it('that is closed before its limit leaves no timer behind', () => {
    const { clock, socket, session } = opening();
    socket.open();
    socket.says({ type: 'session.created', session: { expires_at: clock.epochMs() / 1000 + 3600 } });
    socket.says({ type: 'session.updated', session: {} });
    socket.answersClose = true;
    session.close();
    expect(clock.pending).toBe(0);
  });

  it.each([0, 4e12, -1, 'soon'])('believes no expiry of %s', (expiresAt) => {
    const { clock, socket, call } = opening();
    socket.open();
    socket.says({ type: 'session.created', session: { expires_at: expiresAt } });
    socket.says({ type: 'session.updated', session: {} });
    clock.advance(1000);
    expect(call.take()).toEqual([['ready']]);
  });

  it('drops audio that a stalled server does not read, and after 10 seconds gives it up', () => {
    const { clock, socket, call, session } = ready();
    const sent = (): number => socket.all('input_audio_buffer.append').length;
    // It looks at every sixteenth chunk.
    const appendUntilLook = (): void => {
      for (let chunk = 0; chunk < 16; chunk++) session.appendAudio(audio);
    };
    socket.bufferedAmount = 5 * 1024 * 1024;
    appendUntilLook();
    const before = sent();
    clock.advance(5000);
    session.appendAudio(audio);
    expect(sent()).toBe(before);
    socket.bufferedAmount = 0;
    session.appendAudio(audio);
    expect(sent()).toBe(before + 1);
    // The sixteenth, and the one after it.
    expect(session.audioSink?.droppedBytes).toBe(2 * audio.byteLength);

    socket.bufferedAmount = 5 * 1024 * 1024;
    appendUntilLook();
    clock.advance(9999);
    session.appendAudio(audio);
    expect(call.told).toEqual([]);
    clock.advance(1);
    session.appendAudio(audio);
    expect(call.take()).toEqual([['failed', 'PATCHCORD_MODEL_LOST', true]]);
  });

  it('drops the connection 1.5 seconds after its close frame, for the server does not answer one', () => {
    const { clock, socket, call, session } = ready();
    session.close();
    expect(socket.closed).toEqual({ code: 1000, reason: '' });
    clock.advance(1499);
    expect(socket.terminated).toBe(false);
    clock.advance(1);
    expect(socket.terminated).toBe(true);
    expect(clock.pending).toBe(0);
    expect(call.told).toEqual([]);
  });

  it('leaves nothing behind where the server does answer the close frame', () => {
    const { clock, socket, session } = ready();
    socket.answersClose = true;
    session.close();
    session.close();
    expect(clock.pending).toBe(0);
    expect(socket.terminated).toBe(false);
  });
});
