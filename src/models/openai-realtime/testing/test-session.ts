import { silentLogger } from '../../../base/logger.ts';
import { VirtualClock } from '../../../base/virtual-clock.ts';
import type { ModelSession, SessionOptions } from '../../../call/model-session.ts';
import { TestCall, testOptions } from '../../test-call.ts';
import { openAiRealtimeModel } from '../model.ts';
import type { OpenAiRealtimeSettings } from '../profiles.ts';
import { type FakeSocket, fakeConnect } from './test-socket.ts';

export const testSettings: OpenAiRealtimeSettings = {
  apiKey: 'sk-test',
  baseUrl: 'https://api.openai.com/v1',
  model: 'gpt-realtime-2.1',
  turnDetection: { type: 'server_vad' },
  truncateMarginMs: 10,
  connectTimeoutMs: 10_000,
};

export interface TestSession {
  readonly clock: VirtualClock;
  readonly call: TestCall;
  readonly session: ModelSession;
  readonly socket: FakeSocket;
}

/** A session whose socket is still being opened. */
export function opening(
  settings: Partial<OpenAiRealtimeSettings> = {},
  options: Partial<SessionOptions> = {},
): TestSession {
  const clock = new VirtualClock();
  const call = new TestCall();
  const { connect, sockets } = fakeConnect();
  const model = openAiRealtimeModel({ ...testSettings, ...settings }, { clock, log: silentLogger, connect });
  const session = model.open(testOptions(options), call);
  const socket = sockets[0];
  if (!socket) throw new Error('no socket was opened');
  return { clock, call, session, socket };
}

/** A session that is ready, with nothing told yet. */
export function ready(
  settings: Partial<OpenAiRealtimeSettings> = {},
  options: Partial<SessionOptions> = {},
): TestSession {
  const made = opening(settings, options);
  made.socket.open();
  made.socket.says({ type: 'session.created', session: {} });
  made.socket.says({ type: 'session.updated', session: {} });
  made.call.take();
  return made;
}

/** Events of a response as the server sends them. */
export const serverSays = {
  created: (id: string, metadata: object | null = null) => ({
    type: 'response.created',
    response: { id, status: 'in_progress', metadata },
  }),
  itemAdded: (itemId: string) => ({
    type: 'conversation.item.added',
    item: { id: itemId, type: 'message', role: 'assistant', content: [] },
  }),
  audio: (responseId: string, itemId: string, bytes: readonly number[] = [1, 2]) => ({
    type: 'response.output_audio.delta',
    response_id: responseId,
    item_id: itemId,
    output_index: 0,
    content_index: 0,
    delta: Buffer.from(bytes).toString('base64'),
  }),
  audioDone: (responseId: string, itemId: string) => ({
    type: 'response.output_audio.done',
    response_id: responseId,
    item_id: itemId,
    content_index: 0,
  }),
  text: (responseId: string, itemId: string, delta: string) => ({
    type: 'response.output_audio_transcript.delta',
    response_id: responseId,
    item_id: itemId,
    content_index: 0,
    delta,
  }),
  done: (id: string | undefined, status = 'completed', more: object = {}) => ({
    type: 'response.done',
    response: { id, status, output: [], ...more },
  }),
  error: (code: string, eventId?: unknown, more: object = {}) => ({
    type: 'error',
    error: {
      type: 'invalid_request_error',
      code,
      message: 'said by nobody',
      event_id: eventId ?? null,
      ...more,
    },
  }),
};
