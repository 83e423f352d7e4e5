import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { testSettings } from '../../../test/support/genesys-session.ts';
import { AudioChunk } from '../../audio/chunk.ts';
import { silentLogger } from '../../base/logger.ts';
import { SocketServer } from '../socket-server.ts';
import { Counter, emptyRecord, TestHost } from '../testing/test-host.ts';
import { registerWebhooks } from '../webhook-server.ts';
import { type GenesysSettings, genesysCarrier } from './carrier.ts';
import { openOf, organizationId, type Received, sessionId } from './testing/fake-socket.ts';
import { freshNonce, sign } from './testing/signer.ts';

const apiKey = testSettings.apiKey ?? '';
const clientSecret = 'TXlTdXBlclNlY3JldEtleVRlbGxOby0xITJAMyM0JDU=';

const ids = {
  'audiohook-organization-id': organizationId,
  'audiohook-session-id': sessionId,
  'audiohook-correlation-id': 'e160e428-53e2-487c-977d-96989bf5c99d',
};

let host: TestHost;
let port: number;
let close: () => Promise<void>;
const clients: WebSocket[] = [];

/** The carrier behind a real HTTP server on an ephemeral port. */
async function serve(changes: Partial<GenesysSettings> = {}): Promise<void> {
  const carrier = genesysCarrier({ ...testSettings, ...changes }, host);
  const app = Fastify();
  registerWebhooks(app, carrier.webhooks, silentLogger);
  const sockets = new SocketServer(carrier.sockets, host.clock, silentLogger);
  app.server.on('upgrade', sockets.upgrade);
  await app.listen({ host: '127.0.0.1', port: 0 });
  ({ port } = app.server.address() as AddressInfo);
  close = async () => {
    for (const client of clients.splice(0)) client.terminate();
    carrier.close();
    sockets.close();
    await app.close();
  };
}

beforeEach(async () => {
  host = new TestHost();
  await serve();
});

afterEach(() => close());

/** A session as Genesys has it: counts its own messages. */
class Session {
  readonly socket: WebSocket;
  readonly received: Received[] = [];
  readonly audio: Buffer[] = [];
  readonly closed: Promise<number>;
  readonly #counter = new Counter();
  #seq = 0;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) this.audio.push(data);
      else this.received.push(JSON.parse(data.toString()));
      this.#counter.count();
    });
    this.closed = once(socket, 'close').then(([code]) => Number(code));
  }

  says(type: string, parameters: object = {}): void {
    this.#seq += 1;
    const serverseq = this.received.at(-1)?.seq ?? 0;
    const numbers = { seq: this.#seq, serverseq, id: sessionId, position: 'PT0S' };
    this.socket.send(JSON.stringify({ version: '2', type, ...numbers, parameters }));
  }

  /** Settles when that many messages have come in all. */
  messages(count: number): Promise<void> {
    return this.#counter.reached(count);
  }
}

async function connect(target = '/audiohook', headers: Record<string, string> = {}): Promise<Session> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${target}`, {
    headers: { ...ids, 'x-api-key': apiKey, ...headers },
  });
  clients.push(socket);
  const session = new Session(socket);
  await once(socket, 'open');
  return session;
}

/** The answer to an upgrade with exactly these headers beside those of a WebSocket. */
function ask(target: string, headers: Record<string, string>): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = httpRequest({
      port,
      host: '127.0.0.1',
      path: target,
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        ...headers,
      },
    });
    asked.on('response', (response) => {
      let body = '';
      response.on('data', (data) => {
        body += data;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    asked.on('upgrade', (_response, socket) => {
      socket.destroy();
      resolve({ status: 101, body: '' });
    });
    asked.on('error', reject);
    asked.end();
  });
}

const signedFor = (target: string, over: Record<string, string> = {}): Record<string, string> => {
  const headers = { ...ids, 'x-api-key': apiKey, ...over };
  const created = Math.floor(Date.now() / 1000);
  const parameters = `;keyid="${apiKey}";nonce="${freshNonce()}";alg="hmac-sha256";created=${created};expires=${created + 10}`;
  return { ...headers, ...sign({ target, host: `127.0.0.1:${port}`, headers }, clientSecret, parameters) };
};

describe('an upgrade', () => {
  it.each([
    '/audiohook',
    '/audiohook/',
    '/audiohook?a=1',
    '/audiohook/connector-1?a=1',
  ])('is taken at %s', async (target) => {
    expect((await ask(target, { ...ids, 'x-api-key': apiKey })).status).toBe(101);
  });

  it('is not found anywhere else', async () => {
    expect((await ask('/audiohooks', { ...ids, 'x-api-key': apiKey })).status).toBe(404);
  });

  it('is refused in the order key, wrong key, missing headers, and not at once', async () => {
    const startedAt = performance.now();
    const answers = await Promise.all([
      ask('/audiohook', {}),
      ask('/audiohook', { 'x-api-key': 'wrong' }),
      ask('/audiohook', { 'x-api-key': apiKey }),
    ]);
    expect(performance.now() - startedAt).toBeGreaterThan(490);
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 400]);
    expect(answers[0]?.body).toContain("Missing 'x-api-key' header");
    expect(answers[1]?.body).toContain('Invalid API Key');
    expect(answers[2]?.body).toContain('audiohook-session-id');
    expect(host.codes.toSorted()).toEqual([
      'PATCHCORD_REQUEST_INVALID',
      'PATCHCORD_UNAUTHORIZED',
      'PATCHCORD_UNAUTHORIZED',
    ]);
  });

  it('that is none is told what it lacks', async () => {
    const url = `http://127.0.0.1:${port}/audiohook`;
    const bare = await fetch(url);
    expect(bare.status).toBe(401);
    const keyed = await fetch(url, { headers: { ...ids, 'x-api-key': apiKey } });
    expect(keyed.status).toBe(400);
    expect(await keyed.json()).toMatchObject({ code: 'PATCHCORD_REQUEST_INVALID' });
  });

  it('must be signed once there is a client secret, and each signature opens one session', async () => {
    await close();
    await serve({ clientSecret });
    const target = '/audiohook/one?tenant=a%20b';
    const signed = signedFor(target);
    expect((await ask(target, signed)).status).toBe(101);
    const answers = await Promise.all([
      ask(target, signed),
      ask(target, { ...ids, 'x-api-key': apiKey }),
      ask('/audiohook/two', signedFor(target)),
      ask(target, { ...signedFor(target), signature: 'sig1=:AA==:' }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401]);
    expect(new Set(host.codes)).toEqual(new Set(['PATCHCORD_SIGNATURE_INVALID']));
    expect((await ask(target, signedFor(target))).status).toBe(101);
  });
});

describe('a session', () => {
  it('carries a call both ways and is closed by Genesys', async () => {
    const session = await connect('/audiohook/connector');
    session.says('open', openOf({ inputVariables: { AI_VOICE: 'cedar' } }));
    await session.messages(1);
    session.socket.send(Buffer.alloc(1600, 1));
    const [call] = host.calls;
    await call?.audioOf(1);
    expect(call?.overrides).toMatchObject({ voice: 'cedar' });
    call?.leg.play(AudioChunk.fromBytes(Buffer.alloc(1600, 7)));
    call?.leg.clear();
    await session.messages(3);
    expect(session.audio).toEqual([Buffer.alloc(1600, 7)]);
    const done = call?.leg.hangUp('agent', emptyRecord);
    await session.messages(4);
    expect(session.received.map(({ type }) => type)).toEqual(['opened', 'event', 'disconnect']);
    session.says('close', { reason: 'disconnect' });
    await session.messages(5);
    await done;
    session.socket.close(1000);
    expect(await session.closed).toBe(1000);
    expect(call?.log).toEqual(['answered', 'connected', 'audio', 'ended hung-up']);
    expect(host.refusals).toEqual([]);
  });

  it('is closed with 1009 by a message over the limit, and another goes on', async () => {
    const other = await connect();
    other.says('open', openOf());
    await other.messages(1);
    for (const attack of [Buffer.alloc(65_536), 'x'.repeat(65_536)]) {
      const session = await connect();
      session.says('open', openOf());
      await session.messages(1);
      session.socket.send(attack);
      expect(await session.closed).toBe(1009);
      expect(host.codes.at(-1)).toBe('PATCHCORD_MESSAGE_TOO_LARGE');
    }
    other.socket.send(Buffer.alloc(1600));
    await host.calls[0]?.audioOf(1);
    expect(host.calls[0]?.ends).toEqual([]);
  });

  it('is not lost with a call that cannot be made', async () => {
    host.accept = () => {
      throw new Error('broken');
    };
    const session = await connect();
    session.says('open', openOf());
    await session.messages(1);
    expect(session.received[0]).toMatchObject({ type: 'disconnect', parameters: { reason: 'error' } });
    expect(host.codes).toEqual(['PATCHCORD_INTERNAL']);
  });
});

describe('the health route', () => {
  it('answers HEAD, with which many load balancers ask', async () => {
    const response = await fetch(`http://127.0.0.1:${port}/health`, { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('');
  });

  it('says that the process lives', async () => {
    const response = await fetch(`http://127.0.0.1:${port}/health`);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      status: 'healthy',
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
  });
});
