import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';
import twilio from 'twilio';
import { WebSocket } from 'ws';
import { PatchcordError } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/logger.ts';
import type { Carrier } from '../../src/carriers/carrier.ts';
import { SocketServer } from '../../src/carriers/socket-server.ts';
import { Counter, publicUrl, type TestHost } from '../../src/carriers/testing/test-host.ts';
import { type TwilioSettings, twilioCarrier } from '../../src/carriers/twilio/carrier.ts';
import { registerWebhooks } from '../../src/carriers/webhook-server.ts';

export const authToken = '0123456789abcdef0123456789abcdef';

export const testSettings: TwilioSettings = {
  authToken,
  apiBaseUrl: 'http://127.0.0.1:9',
  streamTokenTtlMs: 60_000,
  maxCallMs: 600_000,
  ringTimeoutMs: 30_000,
};

/** The carrier behind a real HTTP server on an ephemeral port, called with signatures of Twilio's own package. */
export async function serveTwilio(
  host: TestHost,
  settings: TwilioSettings = testSettings,
): Promise<ServedTwilio> {
  const carrier = twilioCarrier(settings, host);
  const app = Fastify();
  registerWebhooks(app, carrier.webhooks, silentLogger);
  const sockets = new SocketServer(carrier.sockets, host.clock, silentLogger);
  app.server.on('upgrade', sockets.upgrade);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  return new ServedTwilio(carrier, port, async () => {
    carrier.close();
    sockets.close();
    await app.close();
  });
}

export class ServedTwilio {
  readonly carrier: Carrier;
  readonly close: () => Promise<void>;
  /** Where it really listens. */
  readonly url: string;
  readonly #clients: WebSocket[] = [];

  constructor(carrier: Carrier, port: number, close: () => Promise<void>) {
    this.carrier = carrier;
    this.url = `http://127.0.0.1:${port}`;
    this.close = async () => {
      for (const client of this.#clients) client.terminate();
      await close();
    };
  }

  /** A webhook as Twilio sends it; `signed: false` leaves the header out. */
  async post(
    target: string,
    form: Record<string, string>,
    signed = true,
  ): Promise<{ status: number; type: string; text: string }> {
    const signature = twilio.getExpectedTwilioSignature(authToken, publicUrl + target, form);
    const response = await fetch(`${this.url}${target}`, {
      method: 'POST',
      headers: signed ? { 'x-twilio-signature': signature } : {},
      body: new URLSearchParams(form),
    });
    const type = response.headers.get('content-type') ?? '';
    return { status: response.status, type, text: await response.text() };
  }

  async get(target: string): Promise<{ status: number; text: string }> {
    const signature = twilio.getExpectedTwilioSignature(authToken, publicUrl + target, {});
    const headers = { 'x-twilio-signature': signature };
    const response = await fetch(`${this.url}${target}`, { headers });
    return { status: response.status, text: await response.text() };
  }

  /** A media stream that is open; `signature` undefined: the right one. */
  async stream(signature?: string): Promise<TestStream> {
    const right = twilio.getExpectedTwilioSignature(authToken, 'wss://gw.example.com/media-stream', {});
    const socket = new WebSocket(`${this.url}/media-stream`, {
      headers: { 'x-twilio-signature': signature ?? right },
    });
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

export function tokenIn(twiml: string): string {
  return /<Parameter name="token" value="([^"]+)"\/>/.exec(twiml)?.[1] ?? '';
}

export function startMessage(token: string | undefined, changes: Record<string, unknown> = {}): object {
  return {
    event: 'start',
    sequenceNumber: '1',
    streamSid: 'MZ1',
    start: {
      streamSid: 'MZ1',
      accountSid: 'AC1',
      callSid: 'CA1',
      tracks: ['inbound'],
      customParameters: token === undefined ? {} : { token },
      mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 },
      ...changes,
    },
  };
}

export function mediaMessage(timestampMs: number, track = 'inbound'): object {
  const payload = Buffer.alloc(160, timestampMs & 0xff).toString('base64');
  return { event: 'media', streamSid: 'MZ1', media: { track, timestamp: String(timestampMs), payload } };
}

export const drained = new PatchcordError('PATCHCORD_DRAINING');
