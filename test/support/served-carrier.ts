import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';
import { WebSocket } from 'ws';
import { silentLogger } from '../../src/base/logger.ts';
import type { Carrier, CarrierHost } from '../../src/carriers/carrier.ts';
import { SocketServer } from '../../src/carriers/socket-server.ts';
import { Counter } from '../../src/carriers/testing/test-host.ts';
import { registerWebhooks } from '../../src/carriers/webhook-server.ts';

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** A carrier behind a real HTTP server on an ephemeral port. */
export class ServedCarrier {
  readonly carrier: Carrier;
  readonly host: CarrierHost;
  readonly #app = Fastify();
  readonly #sockets: SocketServer;
  readonly #clients: WebSocket[] = [];

  constructor(carrier: Carrier, host: CarrierHost) {
    this.carrier = carrier;
    this.host = host;
    registerWebhooks(this.#app, carrier.webhooks, silentLogger);
    this.#sockets = new SocketServer(carrier.sockets, host.clock, silentLogger);
    this.#app.server.on('upgrade', this.#sockets.upgrade);
  }

  async listen(): Promise<this> {
    await this.#app.listen({ host: '127.0.0.1', port: 0 });
    return this;
  }

  /** Where it really listens. */
  get url(): string {
    const { port } = this.#app.server.address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.terminate();
    this.carrier.close();
    this.#sockets.close();
    await this.#app.close();
  }

  async ask(target: string, init: RequestInit): Promise<Answer> {
    const response = await fetch(`${this.url}${target}`, init);
    const type = response.headers.get('content-type') ?? '';
    return { status: response.status, type, text: await response.text() };
  }

  /** A media stream that is open. */
  async open(target: string, headers: Record<string, string>): Promise<TestStream> {
    const socket = new WebSocket(`${this.url}${target}`, { headers });
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
