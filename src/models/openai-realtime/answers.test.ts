import { describe, expect, it } from 'vitest';
import { pcm16At } from '../../audio/format.ts';
import { ready, serverSays as says } from './testing/test-session.ts';

const item = (itemId: string, heardMs: number, generatedMs: number, responseId = 'r1') => ({
  responseId,
  itemId,
  contentIndex: 0,
  heardMs,
  generatedMs,
});

describe('an answer of the model', () => {
  it('comes through in the order in which it was sent', () => {
    const { socket, call } = ready();
    for (const event of [
      says.created('r1'),
      { type: 'response.output_item.added', response_id: 'r1', item: { id: 'a1', type: 'message' } },
      says.itemAdded('a1'),
      says.text('r1', 'a1', 'Good '),
      says.audio('r1', 'a1', [1]),
      says.text('r1', 'a1', 'day.'),
      says.audio('r1', 'a1', [2, 3]),
      says.audioDone('r1', 'a1'),
      {
        type: 'response.output_audio_transcript.done',
        response_id: 'r1',
        item_id: 'a1',
        transcript: 'Good day.',
      },
      { type: 'response.output_item.done', response_id: 'r1', item: { id: 'a1', type: 'message' } },
      says.done('r1', 'completed', {
        usage: {
          input_tokens: 132,
          output_tokens: 121,
          input_token_details: {
            text_tokens: 119,
            audio_tokens: 13,
            cached_tokens_details: { text_tokens: 64, audio_tokens: 0 },
          },
          output_token_details: { text_tokens: 30, audio_tokens: 91 },
        },
      }),
    ]) {
      socket.says(event);
    }
    expect(call.take()).toEqual([
      ['responseStarted', 'r1', undefined],
      ['agentText', 'a1', 'Good '],
      ['audio', 'a1', '01'],
      ['agentText', 'a1', 'day.'],
      ['audio', 'a1', '0203'],
      ['audioDone', 'a1'],
      [
        'responseDone',
        {
          responseId: 'r1',
          status: 'completed',
          usage: {
            inputTextTokens: 119,
            inputAudioTokens: 13,
            cachedTextTokens: 64,
            cachedAudioTokens: 0,
            outputTextTokens: 30,
            outputAudioTokens: 91,
          },
        },
      ],
    ]);
  });

  it('is announced by its first piece where the server does not announce it, and closed where it says no audio.done', () => {
    const { socket, call } = ready();
    socket.says(says.audio('r1', 'a1'));
    socket.says(says.created('r1'));
    socket.says(says.done('r1'));
    socket.says(says.done('r1'));
    socket.says(says.audio('r1', 'a1'));
    expect(call.take()).toEqual([
      ['responseStarted', 'r1', undefined],
      ['audio', 'a1', '0102'],
      ['audioDone', 'a1'],
      ['responseDone', { responseId: 'r1', status: 'completed' }],
    ]);
  });

  it('belongs to the active response where the server leaves the id out', () => {
    const { socket, call } = ready();
    socket.says(says.created('r1'));
    socket.says({ ...says.audio('r1', 'a1'), response_id: undefined });
    expect(call.take().at(-1)).toEqual(['audio', 'a1', '0102']);
  });

  it('gives the whole transcript at once where the server sends no pieces', () => {
    const { socket, call } = ready();
    socket.says(says.audio('r1', 'a1'));
    socket.says({
      type: 'response.audio_transcript.done',
      response_id: 'r1',
      item_id: 'a1',
      transcript: 'Hi.',
    });
    expect(call.take().at(-1)).toEqual(['agentText', 'a1', 'Hi.']);
  });

  it('keeps pcm16 samples whole when a delta ends within one', () => {
    const { socket, call } = ready({}, { prefers: { receives: pcm16At(16_000), sends: pcm16At(16_000) } });
    socket.says(says.audio('r1', 'a1', [1, 2, 3]));
    socket.says(says.audio('r1', 'a1', [4, 5]));
    socket.says(says.audio('r1', 'a1', [6]));
    socket.says(says.audio('r1', 'a1', [7, 8]));
    expect(call.told.filter(([name]) => name === 'audio').map(([, , hex]) => hex)).toEqual([
      '0102',
      '0304',
      '0506',
      '0708',
    ]);
  });

  it('that failed says why, with the vendor’s code', () => {
    const { socket, call } = ready();
    socket.says(says.created('r1'));
    const fault = { type: 'tokens', code: 'rate_limit_exceeded', message: 'x' };
    socket.says(says.done('r1', 'failed', { status_details: { type: 'failed', error: fault } }));
    expect(call.take().at(-1)).toEqual([
      'responseDone',
      {
        responseId: 'r1',
        status: 'failed',
        reason: 'rate_limit_exceeded',
        error: 'PATCHCORD_RESPONSE_FAILED',
      },
    ]);
    expect(call.errors[0]?.details).toEqual({ code: 'rate_limit_exceeded', type: 'tokens' });
  });

  it('that failed without having been announced ends without an id', () => {
    const { socket, call, session } = ready();
    session.requestResponse({ requestId: 'q1' });
    socket.says(says.done('r1', 'failed', { status_details: { error: { type: 'server_error' } } }));
    expect(call.take()).toEqual([
      ['responseDone', { status: 'failed', reason: 'server_error', error: 'PATCHCORD_RESPONSE_FAILED' }],
    ]);
    socket.says(says.created('r2'));
    expect(call.take()).toEqual([['responseStarted', 'r2', undefined]]);
  });

  it('that failed because the account is empty ends the session', () => {
    const { socket, call } = ready();
    socket.says(says.created('r1'));
    socket.says(says.done('r1', 'failed', { status_details: { error: { code: 'insufficient_quota' } } }));
    expect(
      call
        .take()
        .slice(1)
        .map(([name]) => name),
    ).toEqual(['responseDone', 'failed']);
    expect(call.errors.at(-1)?.code).toBe('PATCHCORD_MODEL_AUTH');
  });

  it('that was cut short gives its reason', () => {
    const { socket, call } = ready();
    socket.says(says.created('r1'));
    socket.says(says.done('r1', 'incomplete', { status_details: { reason: 'max_output_tokens' } }));
    expect(call.take().at(-1)).toEqual([
      'responseDone',
      { responseId: 'r1', status: 'incomplete', reason: 'max_output_tokens' },
    ]);
  });

  it('keeps its memory of answers bounded over a long call', () => {
    const { socket, call } = ready();
    for (let answer = 0; answer < 500; answer++) {
      socket.says(says.audio(`r${answer}`, `a${answer}`));
      socket.says(says.done(`r${answer}`));
    }
    expect(call.count('responseDone')).toBe(500);
    expect(call.count('audioDone')).toBe(500);
  });
});

describe('asking for an answer', () => {
  it('carries the request’s id to the response it starts, not to one that speech started', () => {
    const { socket, call, session } = ready();
    session.requestResponse({ requestId: 'q1', instructions: 'Say hello.', tools: false });
    expect(socket.last('response.create').response).toEqual({
      metadata: { patchcord_request: 'q1' },
      instructions: 'Say hello.',
      tool_choice: 'none',
    });
    socket.says(says.created('r1'));
    socket.says(says.created('r2', { patchcord_request: 'q1' }));
    expect(call.take()).toEqual([
      ['responseStarted', 'r1', undefined],
      ['responseStarted', 'r2', 'q1'],
    ]);
  });

  it('takes the next response for the requested one on a server that does not carry metadata', () => {
    const { socket, call, session } = ready({ baseUrl: 'http://127.0.0.1:9000/v1' });
    session.requestResponse({ requestId: 'q1' });
    socket.says(says.created('r1'));
    socket.says(says.created('r2'));
    expect(call.take()).toEqual([
      ['responseStarted', 'r1', 'q1'],
      ['responseStarted', 'r2', undefined],
    ]);
  });

  it('guesses no more once a compatible server has carried metadata', () => {
    const { socket, call, session } = ready({ baseUrl: 'http://127.0.0.1:9000/v1' });
    session.requestResponse({ requestId: 'q1' });
    socket.says(says.created('r1', { patchcord_request: 'q1' }));
    socket.says(says.done('r1'));
    session.requestResponse({ requestId: 'q2' });
    socket.says(says.created('r2'));
    expect(call.take().at(-1)).toEqual(['responseStarted', 'r2', undefined]);
  });

  it.each([
    ['our event id', true],
    ['no event id', false],
  ])('is refused while another answer is active, told with %s', (_name, named) => {
    const { socket, call, session } = ready();
    session.requestResponse({ requestId: 'q1' });
    const id = named ? socket.last('response.create').event_id : null;
    socket.says(says.error('conversation_already_has_active_response', id));
    expect(call.take()).toEqual([['requestRefused', 'PATCHCORD_MODEL_ERROR', true]]);
    socket.says(says.error('conversation_already_has_active_response', id));
    expect(call.take()).toEqual([['failed', 'PATCHCORD_MODEL_ERROR', false]]);
  });

  it('is refused for another reason when the server names our event', () => {
    const { socket, call, session } = ready();
    session.requestResponse({ requestId: 'q1' });
    socket.says(says.error('invalid_value', socket.last('response.create').event_id));
    expect(call.take()).toEqual([['requestRefused', 'PATCHCORD_MODEL_ERROR', false]]);
  });

  it('that is cancelled before it has begun is cancelled by id when it begins, and stays silent', () => {
    const { socket, call, session } = ready();
    session.requestResponse({ requestId: 'q1' });
    session.interrupt({ items: [], cancel: 'requested' });
    expect(socket.all('response.cancel')).toHaveLength(0);
    socket.says(says.created('r1', { patchcord_request: 'q1' }));
    expect(socket.last('response.cancel').response_id).toBe('r1');
    socket.says(says.audio('r1', 'a1'));
    socket.says(says.text('r1', 'a1', 'x'));
    session.interrupt({ items: [], cancel: 'r1' });
    socket.says(says.done('r1', 'cancelled', { status_details: { reason: 'client_cancelled' } }));
    expect(call.take()).toEqual([
      ['responseStarted', 'r1', 'q1'],
      ['responseDone', { responseId: 'r1', status: 'cancelled', reason: 'client_cancelled' }],
    ]);
    expect(socket.all('response.cancel')).toHaveLength(1);
  });
});

describe('interrupting an answer', () => {
  it('tells the model what was heard, deletes what was not, and lets nothing of either through', () => {
    const { socket, call, session } = ready();
    socket.says(says.created('r1'));
    for (const id of ['a1', 'a2']) {
      socket.says(says.itemAdded(id));
      socket.says(says.audio('r1', id));
    }
    call.take();
    socket.sent.length = 0;
    session.interrupt({ cancel: 'r1', items: [item('a1', 1240.9, 4000), item('a2', 0, 900)] });
    expect(socket.sent.map(({ event_id: _, ...event }) => event)).toEqual([
      { type: 'response.cancel', response_id: 'r1' },
      { type: 'conversation.item.truncate', item_id: 'a1', content_index: 0, audio_end_ms: 1240 },
      { type: 'conversation.item.delete', item_id: 'a2' },
    ]);
    socket.says(says.audio('r1', 'a1'));
    socket.says(says.audio('r1', 'a3'));
    socket.says(says.audioDone('r1', 'a1'));
    socket.says({
      type: 'response.function_call_arguments.done',
      response_id: 'r1',
      call_id: 'c1',
      name: 'f',
      arguments: '{}',
    });
    expect(call.take()).toEqual([]);
    socket.says(says.done('r1', 'cancelled'));
    expect(call.take()).toEqual([['responseDone', { responseId: 'r1', status: 'cancelled' }]]);
  });

  it('never claims more than the model generated, less the margin', () => {
    const { socket, session } = ready({ truncateMarginMs: 90 });
    socket.says(says.audio('r1', 'a1'));
    socket.says(says.done('r1'));
    session.interrupt({ items: [item('a1', 980, 1000)] });
    expect(socket.last('conversation.item.truncate').audio_end_ms).toBe(910);
  });

  it('cancels nothing that is over already', () => {
    const { socket, session } = ready();
    socket.says(says.created('r1'));
    socket.says(says.done('r1'));
    session.interrupt({ cancel: 'r1', items: [] });
    session.interrupt({ cancel: 'never-seen', items: [] });
    expect(socket.all('response.cancel')).toHaveLength(0);
  });

  it('drops the rest of an answer that the model cancels by itself', () => {
    const { socket, call, session } = ready();
    socket.says(says.audio('r1', 'a1'));
    call.take();
    session.interrupt({ items: [item('a1', 20, 400)] });
    socket.says(says.audio('r1', 'a1'));
    socket.says(says.audio('r1', 'a2'));
    expect(call.take()).toEqual([]);
    expect(socket.all('response.cancel')).toHaveLength(0);
  });

  it('deletes an unheard item only once the server has it', () => {
    const { socket, session } = ready();
    socket.says(says.audio('r1', 'a1'));
    session.interrupt({ items: [item('a1', 0, 400)] });
    expect(socket.all('conversation.item.delete')).toHaveLength(0);
    socket.says(says.itemAdded('a1'));
    socket.says(says.itemAdded('a1'));
    expect(socket.all('conversation.item.delete').map((event) => event.item_id)).toEqual(['a1']);
  });

  it('empties a later part that nobody heard, and keeps the item of which the first part was heard', () => {
    const { socket, session } = ready();
    socket.says(says.itemAdded('a1'));
    session.interrupt({ items: [{ ...item('a1', 0, 400), contentIndex: 1 }] });
    expect(socket.all('conversation.item.delete')).toHaveLength(0);
    expect(socket.last('conversation.item.truncate')).toMatchObject({ content_index: 1, audio_end_ms: 0 });
  });
});

describe('tool calls', () => {
  const call1 = { responseId: 'r1', toolCallId: 'c1', name: 'lookup', arguments: '{"q":1}' };
  const output = { type: 'function_call', call_id: 'c1', name: 'lookup', arguments: '{"q":1}', id: 'f1' };
  const finished = {
    type: 'response.function_call_arguments.done',
    response_id: 'r1',
    item_id: 'f1',
    call_id: 'c1',
    name: 'lookup',
    arguments: '{"q":1}',
  };

  it('are told once, before the response is done, from whichever event brings them', () => {
    for (const events of [
      [finished, { type: 'response.output_item.done', response_id: 'r1', item: output }],
      [{ type: 'response.output_item.done', response_id: 'r1', item: output }, finished],
      [],
    ]) {
      const { socket, call } = ready();
      socket.says(says.created('r1'));
      for (const event of events) socket.says(event);
      socket.says(says.done('r1', 'completed', { output: [output] }));
      expect(call.take().slice(1)).toEqual([
        ['toolCall', call1],
        ['responseDone', { responseId: 'r1', status: 'completed' }],
      ]);
    }
  });

  it('take their name from the item where a beta server leaves it out', () => {
    const { socket, call } = ready();
    socket.says(says.created('r1'));
    socket.says({
      type: 'response.output_item.added',
      response_id: 'r1',
      item: { ...output, arguments: '' },
    });
    socket.says({ ...finished, name: undefined });
    expect(call.take().at(-1)).toEqual(['toolCall', call1]);
  });

  it('several of them in one response are all told', () => {
    const { socket, call } = ready();
    socket.says(says.created('r1'));
    socket.says(finished);
    socket.says(says.done('r1', 'completed', { output: [output, { ...output, call_id: 'c2', id: 'f2' }] }));
    expect(call.count('toolCall')).toBe(2);
  });

  it('half of one is not told', () => {
    const { socket, call } = ready();
    socket.says(says.created('r1'));
    const half = { ...output, status: 'incomplete', arguments: '{"q"' };
    socket.says({ type: 'response.output_item.done', response_id: 'r1', item: half });
    socket.says(says.done('r1', 'incomplete', { output: [half] }));
    expect(call.count('toolCall')).toBe(0);
  });
});
