import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';
import { WebSocket } from 'ws';
import { silentLogger } from '../../src/base/logger.ts';
import type { Carrier } from '../../src/carriers/carrier.ts';
import { SocketServer } from '../../src/carriers/socket-server.ts';
import { type TelnyxSettings, telnyxCarrier } from '../../src/carriers/telnyx/carrier.ts';
import { Counter, type TestHost } from '../../src/carriers/testing/test-host.ts';
import { registerWebhooks } from '../../src/carriers/webhook-server.ts';

/** RFC 8032 keys are 32 random bytes; PKCS #8 puts this in front of them (RFC 8410, section 7). */
const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex');

export function keyOfSeed(byte: number): { readonly privateKey: KeyObject; readonly publicKey: string } {
  const key = Buffer.concat([pkcs8, Buffer.alloc(32, byte)]);
  const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  return { privateKey, publicKey: Buffer.from(x, 'base64url').toString('base64') };
}

const { privateKey, publicKey } = keyOfSeed(7);

/** Headers as Telnyx signs a body at a time in Unix seconds. */
export function signedHeaders(body: string, timestamp: number, key = privateKey): Record<string, string> {
  const signature = sign(null, Buffer.from(`${timestamp}|${body}`), key).toString('base64');
  return { 'telnyx-signature-ed25519': signature, 'telnyx-timestamp': String(timestamp) };
}

export const testSettings: TelnyxSettings = {
  apiKey: 'KEY0123',
  publicKey,
  fromNumber: '+15550009999',
  callControlAppId: 'app-1',
  apiBaseUrl: 'http://127.0.0.1:9',
  codec: 'PCMU',
  l16ByteOrder: 'big-endian',
  streamTokenTtlMs: 60_000,
  maxCallMs: 600_000,
  ringTimeoutMs: 30_000,
};

/** The carrier behind a real HTTP server on an ephemeral port. */
export async function serveTelnyx(host: TestHost, settings: TelnyxSettings): Promise<ServedTelnyx> {
  const carrier = telnyxCarrier(settings, host);
  const app = Fastify();
  registerWebhooks(app, carrier.webhooks, silentLogger);
  const sockets = new SocketServer(carrier.sockets, host.clock, silentLogger);
  app.server.on('upgrade', sockets.upgrade);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  return new ServedTelnyx(carrier, host, port, async () => {
    carrier.close();
    sockets.close();
    await app.close();
  });
}

export class ServedTelnyx {
  readonly carrier: Carrier;
  readonly close: () => Promise<void>;
  readonly #host: TestHost;
  readonly #url: string;
  readonly #clients: WebSocket[] = [];
  #events = 0;

  constructor(carrier: Carrier, host: TestHost, port: number, close: () => Promise<void>) {
    this.carrier = carrier;
    this.#host = host;
    this.#url = `http://127.0.0.1:${port}`;
    this.close = async () => {
      for (const client of this.#clients) client.terminate();
      await close();
    };
  }

  /** An event of a call as Telnyx sends it, signed. `id`: of the event, a new one unless given. */
  async event(
    event_type: string,
    payload: Readonly<Record<string, unknown>>,
    id = `event-${++this.#events}`,
  ): Promise<void> {
    const body = JSON.stringify({ data: { id, event_type, record_type: 'event', payload } });
    const { status, text } = await this.post(body);
    if (status !== 200 || text !== '{"received":true}') throw new Error(`${status} ${text}`);
  }

  async post(body: string, headers?: Record<string, string>): Promise<{ status: number; text: string }> {
    const seconds = Math.floor(this.#host.clock.epochMs() / 1000);
    const response = await fetch(`${this.#url}/api/webhooks/telnyx`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(headers ?? signedHeaders(body, seconds)) },
      body,
    });
    return { status: response.status, text: await response.text() };
  }

  /** A media stream that is open. */
  async stream(query = '', headers: Record<string, string> = {}): Promise<TestStream> {
    const socket = new WebSocket(`${this.#url}/media-bridge${query}`, { headers });
    this.#clients.push(socket);
    await once(socket, 'open');
    return new TestStream(socket);
  }
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

/** `start` of the call with this id, in this format. */
export function startMessage(callControlId: string, mediaFormat: object = pcmuFormat): object {
  return {
    event: 'start',
    sequence_number: '1',
    stream_id: '32DE',
    start: { user_id: '3E6F', call_control_id: callControlId, media_format: mediaFormat },
  };
}

const pcmuFormat = { encoding: 'PCMU', sample_rate: 8000, channels: 1 };

/** The n-th frame of 20 ms, from 1 on; each of its bytes is its number. */
export function mediaMessage(chunk: number, track = 'inbound'): object {
  const payload = Buffer.alloc(160, chunk & 0xff).toString('base64');
  return {
    event: 'media',
    sequence_number: String(chunk + 1),
    stream_id: '32DE',
    media: { track, chunk: String(chunk), timestamp: String((chunk - 1) * 20), payload },
  };
}
