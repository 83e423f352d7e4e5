import { pcm16At, pcma8k, pcmu8k } from '../../../src/audio/format.ts';
import { SystemClock } from '../../../src/base/clock.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { scriptedBehaviour } from '../../../src/emulators/openai-realtime/behaviours/scripted.ts';
import type { Faults } from '../../../src/emulators/openai-realtime/faults.ts';
import { startOpenAiEmulator } from '../../../src/emulators/openai-realtime/server.ts';
import { openAiRealtimeModel } from '../../../src/models/openai-realtime/model.ts';
import { TestCall, testOptions } from '../../../src/models/test-call.ts';
import type { ModelDriver, ModelServer, ServerOptions, Trouble } from '../model-driver.ts';
import { startModelTap, type WireEvent } from '../model-tap.ts';

const hourMs = 3_600_000;
const key = 'key-of-the-test';

/** `always`: faults of every server of this driver. */
export function openAiRealtimeDriver(always: Faults = {}): ModelDriver<Faults> {
  return {
    traits: { native: [pcmu8k, pcma8k, pcm16At(24_000)], fallback: pcm16At(24_000), echoesRequests: true },
    troubles,
    lateAudio: { lateDeltas: 5 },
    start: (options, changed) => start({ ...options, faults: { ...always, ...options.faults } }, changed),
  };
}

async function start(options: ServerOptions<Faults>, changed: () => void): Promise<ModelServer> {
  const { script, faults = {}, speed = 40, latencyMs = 2, endsInAMinuteAndMs } = options;
  const emulator = await startOpenAiEmulator({
    behaviour: scriptedBehaviour(script),
    apiKeys: [key],
    faults,
    pace: { latencyMs, deltaMs: 100, speed, transcriptDelayMs: 5 },
    onSession: changed,
    transcribe: () => 'words of the caller',
  });
  const tap = await startModelTap(emulator.wsUrl, changed);
  const model = openAiRealtimeModel(
    {
      apiKey: key,
      baseUrl: tap.url,
      model: 'gpt-realtime-2.1',
      turnDetection: { type: 'server_vad', silenceDurationMs: 200 },
      transcription: { model: 'gpt-transcribe' },
      truncateMarginMs: 10,
      connectTimeoutMs: 700,
    },
    {
      clock: endsInAMinuteAndMs === undefined ? new SystemClock() : lateClock(endsInAMinuteAndMs),
      log: silentLogger,
    },
  );
  const closers: (() => void)[] = [];
  const asked = (type: string): WireEvent[] => tap.sessions[0]?.askedFor(type) ?? [];
  const created = () => asked('conversation.item.create').map(({ item }) => item as CreatedItem);
  const record = () => emulator.sessions[0]?.record;
  return {
    open(more = {}) {
      const call = new TestCall();
      const session = model.open(testOptions(more), call);
      closers.push(() => session.close());
      return { session, call };
    },
    callerAudio: () => tap.sessions[0]?.callerAudio() ?? Buffer.alloc(0),
    agentAudio: (itemId) => tap.sessions[0]?.agentAudio(itemId) ?? Buffer.alloc(0),
    texts: () =>
      created().flatMap(({ role, content }) =>
        (content ?? []).map(({ text }) => ({ role: role ?? '', text })),
      ),
    toolResults: () =>
      created()
        .filter(({ type }) => type === 'function_call_output')
        .map(({ call_id = '', output = '' }) => ({ toolCallId: call_id, output })),
    requests: () =>
      asked('response.create').map(({ response }) => ({
        instructions: (response as { instructions?: string } | undefined)?.instructions,
      })),
    remembers(itemId) {
      const item = record()?.item(itemId);
      if (item === undefined || item.deleted) return 'nothing';
      return item.truncatedMs ?? 'all';
    },
    endings: () => record()?.responses.map(({ status }) => status) ?? [],
    rejections: () =>
      emulator.sessions.flatMap((session) =>
        session.record.errors.filter(({ clientEventId }) => clientEventId !== null).map(({ code }) => code),
      ),
    get liveSessions() {
      return emulator.liveSessions;
    },
    async close() {
      for (const close of closers) close();
      await tap.close();
      await emulator.close();
    },
  };
}

interface CreatedItem {
  readonly type: string;
  readonly role?: string;
  readonly content?: readonly { readonly text: string }[];
  readonly call_id?: string;
  readonly output?: string;
}

/** A wall clock at which the hour of a new session is over in a minute and a little more. */
function lateClock(ms: number): SystemClock {
  const clock = new SystemClock();
  const epochMs = clock.epochMs.bind(clock);
  clock.epochMs = () => epochMs() + hourMs - 60_000 - ms;
  return clock;
}

const troubles: Trouble<Faults>[] = [
  {
    name: 'a rejected key',
    faults: { handshakeStatus: 401 },
    after: 'opening',
    effect: 'fatal',
    code: 'PATCHCORD_MODEL_AUTH',
  },
  {
    name: 'too many requests at the handshake',
    faults: { handshakeStatus: 429, retryAfterS: 3 },
    after: 'opening',
    effect: 'fatal',
    code: 'PATCHCORD_MODEL_UNREACHABLE',
    details: { status: 429, retryAfterMs: 3000 },
  },
  {
    name: 'a failing server',
    faults: { handshakeStatus: 500 },
    after: 'opening',
    effect: 'fatal',
    code: 'PATCHCORD_MODEL_UNREACHABLE',
    details: { status: 500 },
  },
  {
    name: 'a handshake that is never answered',
    faults: { handshakeHang: true },
    after: 'opening',
    effect: 'fatal',
    code: 'PATCHCORD_MODEL_UNREACHABLE',
  },
  {
    name: 'a server that never greets',
    faults: { noSessionCreated: true },
    after: 'opening',
    effect: 'fatal',
    code: 'PATCHCORD_MODEL_TIMEOUT',
  },
  { name: 'a slow handshake', faults: { handshakeDelayMs: 300 }, after: 'turn', effect: 'none' },
  { name: 'events that come late', faults: { eventDelayMs: 60 }, after: 'turn', effect: 'none' },
  { name: 'a server that answers no close', faults: { noCloseReply: true }, after: 'turn', effect: 'none' },
  { name: 'audio in large pieces', faults: { deltaMs: 4000 }, after: 'turn', effect: 'none' },
  { name: 'audio in small pieces', faults: { deltaMs: 20 }, after: 'turn', effect: 'none' },
  {
    name: 'a connection that breaks',
    faults: { dropAfterMs: 60 },
    after: 'opening',
    effect: 'fatal',
    code: 'PATCHCORD_MODEL_LOST',
  },
  {
    name: 'a connection that breaks in the middle of an answer',
    faults: { dropAfterAudioMs: 200 },
    after: 'turn',
    effect: 'fatal',
    code: 'PATCHCORD_MODEL_LOST',
  },
  {
    name: 'a session at its maximum age',
    faults: { expireAfterMs: 60 },
    after: 'opening',
    effect: 'fatal',
    code: 'PATCHCORD_MODEL_EXPIRED',
  },
  {
    name: 'an account without credit',
    faults: { errorCode: 'insufficient_quota', errorAfterMs: 60 },
    after: 'opening',
    effect: 'fatal',
    code: 'PATCHCORD_MODEL_AUTH',
  },
  {
    name: 'an error event',
    faults: { errorCode: 'server_error', errorAfterMs: 60 },
    after: 'turn',
    effect: 'passing',
    code: 'PATCHCORD_MODEL_ERROR',
    details: { code: 'server_error' },
  },
  {
    name: 'a race that the protocol has',
    faults: { errorCode: 'response_cancel_not_active', errorAfterMs: 60 },
    after: 'turn',
    effect: 'passing',
    code: 'PATCHCORD_MODEL_ERROR',
    details: { race: true },
  },
  {
    name: 'an answer that stops in its middle',
    faults: { stallAfterAudioMs: 200 },
    after: 'turn',
    effect: 'stalled',
  },
  { name: 'an answer whose end is never told', faults: { missingDone: 1 }, after: 'turn', effect: 'stalled' },
  {
    name: 'a response that fails without having begun',
    faults: { failWithoutCreated: 1 },
    after: 'turn',
    effect: 'response',
    code: 'PATCHCORD_RESPONSE_FAILED',
  },
  {
    name: 'a response that hits the rate limit',
    faults: { rateLimitResponse: 1 },
    after: 'turn',
    effect: 'response',
    code: 'PATCHCORD_RESPONSE_FAILED',
    details: { code: 'rate_limit_exceeded' },
  },
];
