import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { AudioChunk } from '../../audio/chunk.ts';
import { SystemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/logger.ts';
import type { ModelSession } from '../../call/model-session.ts';
import { scriptedBehaviour } from '../../emulators/openai-realtime/behaviours/scripted.ts';
import { toneBehaviour } from '../../emulators/openai-realtime/behaviours/tone.ts';
import {
  type OpenAiEmulator,
  type OpenAiEmulatorOptions,
  startOpenAiEmulator,
} from '../../emulators/openai-realtime/server.ts';
import { resilientModel } from '../resilient.ts';
import { TestCall, type Told, testOptions } from '../test-call.ts';
import { openAiRealtimeModel } from './model.ts';
import type { OpenAiRealtimeSettings } from './profiles.ts';
import { type SocketEnd, socketConnector } from './socket.ts';
import { testSettings } from './testing/test-session.ts';

const clock = new SystemClock();
const closers: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const named =
  (name: Told[0]) =>
  ([told]: Told): boolean =>
    told === name;

async function emulator(options: OpenAiEmulatorOptions = {}): Promise<OpenAiEmulator> {
  const started = await startOpenAiEmulator({
    apiKeys: ['sk-test'],
    behaviour: toneBehaviour({ durationMs: 2000 }),
    pace: { latencyMs: 1, speed: 100, deltaMs: 200 },
    ...options,
  });
  closers.push(() => started.close());
  return started;
}

interface Open {
  readonly session: ModelSession;
  readonly call: TestCall;
}

function open(baseUrl: string, settings: Partial<OpenAiRealtimeSettings> = {}): Open {
  const model = openAiRealtimeModel({ ...testSettings, baseUrl, ...settings }, { clock, log: silentLogger });
  const call = new TestCall();
  const session = model.open(testOptions(), call);
  closers.push(() => session.close());
  return { session, call };
}

function firstSession(server: OpenAiEmulator) {
  const session = server.sessions[0];
  if (!session) throw new Error('no session was opened');
  return session;
}

describe('over a real socket', () => {
  it('an answer is heard whole, and what was heard of it is accepted', async () => {
    const server = await emulator();
    const { session, call } = open(server.url);
    await call.until(named('ready'));
    const done = call.until(named('responseDone'));
    session.requestResponse({ requestId: 'q1', instructions: 'Beep.' });
    await done;

    const told = call.take();
    expect(told).toContainEqual(['responseStarted', expect.any(String), 'q1']);
    const pieces = told.filter(named('audio')).map(([, , hex]) => Buffer.from(String(hex), 'hex'));
    expect(Buffer.concat(pieces)).toHaveLength(2000 * 8);
    expect(
      told
        .filter(named('agentText'))
        .map(([, , text]) => text)
        .join(''),
    ).toContain('beep');
    expect(told.findLastIndex(named('audioDone'))).toBeGreaterThan(told.findLastIndex(named('audio')));

    const responseId = String(told.find(named('responseStarted'))?.[1]);
    const itemId = String(told.find(named('audio'))?.[1]);
    session.interrupt({ items: [{ responseId, itemId, contentIndex: 0, heardMs: 1234, generatedMs: 2000 }] });
    const again = call.until(named('responseDone'));
    session.requestResponse({ requestId: 'q2' });
    await again;
    const { record } = firstSession(server);
    expect(record.truncations).toMatchObject([
      { itemId, audioEndMs: 1234, generatedMs: 2000, accepted: true },
    ]);
    expect(record.errors).toEqual([]);
  });

  it('the caller’s frames arrive as audio of the phone’s format', async () => {
    const server = await emulator();
    const { session, call } = open(server.url);
    await call.until(named('ready'));
    for (let frame = 0; frame < 50; frame++)
      session.appendAudio(AudioChunk.fromBytes(Buffer.alloc(160, 0xff)));
    const done = call.until(named('responseDone'));
    session.requestResponse({ requestId: 'q1' });
    await done;
    expect(firstSession(server).record).toMatchObject({ appendCount: 50, appendedMs: 1000, errors: [] });
  });

  it('a tool is called and its result answered', async () => {
    const server = await emulator({
      behaviour: scriptedBehaviour([
        { parts: [{ type: 'call', name: 'lookup', arguments: '{"q":1}', callId: 'call_1' }] },
        { parts: [] },
      ]),
    });
    const { session, call } = open(server.url);
    await call.until(named('ready'));
    const first = call.until(named('responseDone'));
    session.requestResponse({ requestId: 'q1' });
    await first;
    expect(call.told).toContainEqual([
      'toolCall',
      expect.objectContaining({ toolCallId: 'call_1', name: 'lookup' }),
    ]);
    session.toolResult('call_1', '{"found":true}');
    const second = call.until(named('responseDone'));
    session.requestResponse({ requestId: 'q2' });
    await second;
    expect(firstSession(server).record.errors).toEqual([]);
  });

  it('a server with the names of the beta API is understood', async () => {
    const server = await emulator({ faults: { betaNames: true } });
    const { session, call } = open(server.url);
    await call.until(named('ready'));
    const done = call.until(named('responseDone'));
    session.requestResponse({ requestId: 'q1' });
    await done;
    expect(call.count('audio')).toBeGreaterThan(0);
    expect(call.count('agentText')).toBeGreaterThan(0);
  });

  it.each([
    [401, {}, 'PATCHCORD_MODEL_AUTH', { status: 401, code: 'invalid_api_key' }],
    [429, { retryAfterS: 3 }, 'PATCHCORD_MODEL_UNREACHABLE', { status: 429, retryAfterMs: 3000 }],
    [503, {}, 'PATCHCORD_MODEL_UNREACHABLE', { status: 503 }],
  ])('a handshake answered with %i is read to its code', async (handshakeStatus, more, code, details) => {
    const server = await emulator({ faults: { handshakeStatus, ...more } });
    const { call } = open(server.url);
    await call.until(named('failed'));
    expect(call.told).toEqual([['failed', code, true]]);
    expect(call.errors[0]?.details).toMatchObject(details);
  });

  it('a handshake that hangs ends at its deadline', async () => {
    const server = await emulator({ faults: { handshakeHang: true } });
    const { call } = open(server.url, { connectTimeoutMs: 60 });
    await call.until(named('failed'));
    expect(call.told).toEqual([['failed', 'PATCHCORD_MODEL_UNREACHABLE', true]]);
  });

  it('a drop in mid-answer is survived with a second session', async () => {
    const server = await emulator({
      faultsFor: ({ number }) => (number === 1 ? { dropAfterAudioMs: 600 } : {}),
    });
    const model = openAiRealtimeModel({ ...testSettings, baseUrl: server.url }, { clock, log: silentLogger });
    const call = new TestCall();
    const session = resilientModel(model, { clock }).open(
      testOptions({ history: () => [{ role: 'agent', text: 'beep1 beep2' }] }),
      call,
    );
    closers.push(() => session.close());
    await call.until(named('ready'));
    const resumed = call.until(named('ready'));
    session.requestResponse({ requestId: 'q1' });
    await resumed;
    expect(call.told).toContainEqual(['resuming', 'PATCHCORD_MODEL_LOST']);
    const done = call.until(named('responseDone'));
    session.requestResponse({ requestId: 'q2' });
    await done;
    expect(server.handshakes).toBe(2);
    expect(server.sessions[1]?.record.clientEvents.map(({ event }) => event.type)).toEqual([
      'session.update',
      'conversation.item.create',
      'response.create',
    ]);
  });

  it('a check says how long the greeting took, or what is wrong, and leaves no connection', async () => {
    const server = await emulator();
    const settings = { ...testSettings, baseUrl: server.url };
    const deps = { clock, log: silentLogger };
    expect(await openAiRealtimeModel(settings, deps).check()).toMatchObject({ ok: true });
    expect(await openAiRealtimeModel({ ...settings, apiKey: 'sk-wrong' }, deps).check()).toMatchObject({
      ok: false,
      error: { code: 'PATCHCORD_MODEL_AUTH' },
    });
    await server.close();
    expect(await openAiRealtimeModel(settings, deps).check()).toMatchObject({
      ok: false,
      error: { code: 'PATCHCORD_MODEL_UNREACHABLE', details: { code: 'ECONNREFUSED' } },
    });
  });
});

describe('a server that misbehaves on the socket', () => {
  const listen = (server: Server): Promise<number> =>
    new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });

  const ending = (url: string, opened: () => void = () => undefined): Promise<SocketEnd> =>
    new Promise((resolve) => {
      const socket = socketConnector()(
        { url, headers: {}, handshakeTimeoutMs: 5000 },
        { opened, message: () => undefined, pong: () => undefined, ended: resolve },
      );
      closers.push(() => socket.terminate());
    });

  it('with a refusal that never stops talking is cut off', async () => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.write(`HTTP/1.1 500 No\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(20_000)}`);
    });
    closers.push(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    expect(await ending(`ws://127.0.0.1:${await listen(server)}`)).toEqual({
      type: 'refused',
      status: 500,
      retryAfter: undefined,
      code: undefined,
    });
  });

  it('with a frame beyond the limit or with broken UTF-8 loses its connection', async () => {
    for (const [frame, code] of [
      [Buffer.alloc(17 * 1024 * 1024), 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'],
      [Buffer.from([0x22, 0xff, 0x22]), 'WS_ERR_INVALID_UTF8'],
    ] as const) {
      const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
      closers.push(() => server.close());
      server.on('connection', (socket) => {
        socket.on('error', () => socket.terminate());
        socket.send(frame, { binary: false });
      });
      await new Promise((resolve) => server.once('listening', resolve));
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      expect(await ending(`ws://127.0.0.1:${port}`)).toMatchObject({ type: 'failed', code });
    }
  });

  it('at an address that is none ends in order', async () => {
    expect(await ending('http//nowhere')).toMatchObject({ type: 'failed' });
  });
});
