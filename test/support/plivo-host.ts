import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';
import { WebSocket } from 'ws';
import { silentLogger } from '../../src/base/logger.ts';
import type { Carrier } from '../../src/carriers/carrier.ts';
import { type PlivoSettings, plivoCarrier } from '../../src/carriers/plivo/carrier.ts';
import { SocketServer } from '../../src/carriers/socket-server.ts';
import { Counter, publicUrl, type TestHost } from '../../src/carriers/testing/test-host.ts';
import { registerWebhooks } from '../../src/carriers/webhook-server.ts';

export const authToken = 'plivo-token-123';
const nonce = '12345678901234567890';

export const testSettings: PlivoSettings = {
  authToken,
  apiBaseUrl: 'http://127.0.0.1:9',
  contentType: 'audio/x-mulaw;rate=8000',
  maxQueuedMs: 15_000,
  streamTokenTtlMs: 60_000,
  maxCallMs: 600_000,
  ringTimeoutMs: 30_000,
};

/** V3 headers as Plivo makes them; `form` for a POST. Every query here is sorted and needs no decoding. */
export function signed(url: string, form: Record<string, string> = {}): Record<string, string> {
  const fields = Object.keys(form)
    .sort()
    .map((key) => `${key}${form[key]}`)
    .join('');
  const [address, query] = url.split('?');
  const address_ = query === undefined ? address : `${address}?${query}`;
  const form_ = query === undefined ? `${address}?${fields}` : `${address}?${query}.${fields}`;
  const signature = createHmac('sha256', authToken)
    .update(`${fields === '' ? address_ : form_}.${nonce}`)
    .digest('base64');
  return { 'x-plivo-signature-v3': signature, 'x-plivo-signature-v3-nonce': nonce };
}

/** The carrier behind a real HTTP server on an ephemeral port. */
export async function servePlivo(
  host: TestHost,
  settings: PlivoSettings = testSettings,
): Promise<ServedPlivo> {
  const carrier = plivoCarrier(settings, host);
  const app = Fastify();
  registerWebhooks(app, carrier.webhooks, silentLogger);
  const sockets = new SocketServer(carrier.sockets, host.clock, silentLogger);
  app.server.on('upgrade', sockets.upgrade);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  return new ServedPlivo(carrier, port, async () => {
    carrier.close();
    sockets.close();
    await app.close();
  });
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

export class ServedPlivo {
  readonly carrier: Carrier;
  readonly close: () => Promise<void>;
  readonly #url: string;
  readonly #clients: WebSocket[] = [];

  constructor(carrier: Carrier, port: number, close: () => Promise<void>) {
    this.carrier = carrier;
    this.#url = `http://127.0.0.1:${port}`;
    this.close = async () => {
      for (const client of this.#clients) client.terminate();
      await close();
    };
  }

  /** A webhook as Plivo sends it; `isSigned: false` leaves the headers out. */
  async post(target: string, form: Record<string, string>, isSigned = true): Promise<Answer> {
    const response = await fetch(`${this.#url}${target}`, {
      method: 'POST',
      headers: isSigned ? signed(publicUrl + target, form) : {},
      body: new URLSearchParams(form),
    });
    return answerOf(response);
  }

  /** `target`: its query sorted, and written so that it needs no decoding. */
  async get(target: string): Promise<Answer> {
    return answerOf(await fetch(`${this.#url}${target}`, { headers: signed(publicUrl + target) }));
  }

  /** A media stream that is open; `headers` undefined: the right ones. */
  async stream(target = '/media-stream', headers?: Record<string, string>): Promise<TestStream> {
    const right = signed(`http://gw.example.com${target}`);
    const socket = new WebSocket(`${this.#url}${target}`, { headers: headers ?? right });
    this.#clients.push(socket);
    await once(socket, 'open');
    return new TestStream(socket);
  }
}

async function answerOf(response: Response): Promise<Answer> {
  const type = response.headers.get('content-type') ?? '';
  return { status: response.status, type, text: await response.text() };
}

export class TestStream {
  readonly socket: WebSocket;
  readonly received: string[] = [];
  readonly closed: Promise<number>;
  readonly #counter = new Counter();

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data) => {
      this.received.push(data.toString());
      this.#counter.count();
    });
    this.closed = once(socket, 'close').then(([code]) => Number(code));
  }

  /** Settles when that many messages have come in all. */
  messages(count: number): Promise<void> {
    return this.#counter.reached(count);
  }

  send(message: object): void {
    this.socket.send(JSON.stringify(message));
  }
}

export function tokenIn(xml: string): string {
  return /extraHeaders="token=([^"]+)"/.exec(xml)?.[1] ?? '';
}

export const callUuid = '11111111-2222-4333-8444-555555555555';
export const streamId = '20170ada-f610-433b-8758-c02a2aab3662';

export interface StartChanges {
  readonly callId?: string;
  readonly mediaFormat?: object;
  readonly extra_headers?: unknown;
}

export function startMessage(token: string | undefined, changes: StartChanges = {}): object {
  const { extra_headers = token === undefined ? '' : `token=${token}`, ...inside } = changes;
  return {
    event: 'start',
    sequenceNumber: 1,
    start: {
      callId: callUuid,
      streamId,
      accountId: 'MAXXXXXXXXXXXXXXXXXX',
      tracks: ['inbound'],
      mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000 },
      ...inside,
    },
    extra_headers,
  };
}

export function mediaMessage(timestampMs: number, track = 'inbound', bytes = 160): object {
  const payload = Buffer.alloc(bytes, timestampMs & 0xff).toString('base64');
  const media = { track, timestamp: String(timestampMs), chunk: 1, payload };
  return { event: 'media', sequenceNumber: 2, streamId, media, extra_headers: 'token=x' };
}
