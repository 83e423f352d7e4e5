import { once } from 'node:events';
import {
  type ClientRequest,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocket } from 'ws';
import { silentLogger } from '../../src/base/logger.ts';
import { type AvrSettings, avrCarrier } from '../../src/carriers/avr/carrier.ts';
import type { CarrierHost, SocketRoute, StreamRoute } from '../../src/carriers/carrier.ts';
import { SocketServer } from '../../src/carriers/socket-server.ts';
import { Counter } from '../../src/carriers/testing/test-host.ts';

export const loopback = ['127.0.0.0/8', '::1/128'];

/** The carrier behind a real HTTP server, on the routes of the gateway's port or of AVR's own. */
export async function serveAvr(
  host: CarrierHost,
  settings: Partial<AvrSettings> = {},
  which: 'gateway' | 'own' = 'gateway',
): Promise<ServedAvr> {
  const carrier = avrCarrier({ allow: loopback, amiUrl: 'http://127.0.0.1:9', port: 0, ...settings }, host);
  const [listener] = carrier.listeners ?? [];
  const own = listener?.kind === 'http' ? listener : undefined;
  const routes = which === 'own' ? own : { sockets: carrier.sockets, streams: carrier.streams ?? [] };
  const served = new ServedAvr(routes?.sockets ?? [], routes?.streams ?? [], host);
  await served.listening;
  return served;
}

export class ServedAvr {
  readonly listening: Promise<unknown>;
  readonly #server: Server;
  readonly #sockets: SocketServer;
  readonly #clients: { destroy(): void }[] = [];

  constructor(sockets: readonly SocketRoute[], streams: readonly StreamRoute[], host: CarrierHost) {
    this.#sockets = new SocketServer(sockets, host.clock, silentLogger);
    this.#server = createServer({ requestTimeout: 0 }, (request, response) => {
      const path = request.url?.split('?')[0];
      const stream = streams.find((each) => each.path === path && each.method === request.method);
      if (stream) stream.handle(request, response);
      else response.writeHead(404).end();
    });
    this.#server.on('upgrade', this.#sockets.upgrade);
    this.#server.listen(0, '127.0.0.1');
    this.listening = once(this.#server, 'listening');
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The status that an upgrade is refused with; 101 when it is taken. */
  async upgrade(target: string, headers: Record<string, string> = {}): Promise<number> {
    const socket = new WebSocket(`ws://127.0.0.1:${this.port}${target}`, { headers });
    this.#clients.push({ destroy: () => socket.terminate() });
    const { promise, resolve } = Promise.withResolvers<number>();
    socket.on('error', () => resolve(0));
    socket.on('open', () => resolve(101));
    socket.on('unexpected-response', (_request, response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    return promise;
  }

  async socket(target = ''): Promise<CoreSocket> {
    const socket = new WebSocket(`ws://127.0.0.1:${this.port}${target}`);
    this.#clients.push({ destroy: () => socket.terminate() });
    await once(socket, 'open');
    return new CoreSocket(socket);
  }

  exchange(headers: Record<string, string> = {}, target = '/speech-to-speech-stream'): CoreExchange {
    const request = httpRequest({
      port: this.port,
      host: '127.0.0.1',
      method: 'POST',
      path: target,
      headers: { 'content-type': 'audio/x-raw', 'transfer-encoding': 'chunked', ...headers },
    });
    const exchange = new CoreExchange(request);
    this.#clients.push(request);
    request.flushHeaders();
    return exchange;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    this.#sockets.close();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** avr-core's side of a WebSocket. */
export class CoreSocket {
  readonly socket: WebSocket;
  readonly received: Record<string, unknown>[] = [];
  readonly closed: Promise<number>;
  readonly #counter = new Counter();

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data) => {
      this.received.push(JSON.parse(data.toString()));
      this.#counter.count();
    });
    this.closed = once(socket, 'close').then(([code]) => Number(code));
  }

  messages(count: number): Promise<void> {
    return this.#counter.reached(count);
  }

  send(message: object): void {
    this.socket.send(JSON.stringify(message));
  }
}

/** avr-core's side of an HTTP exchange. */
export class CoreExchange {
  readonly request: ClientRequest;
  readonly response: Promise<IncomingMessage>;
  /** Settles with all that was heard when the answer has ended; `whole`: it ended in order. */
  readonly ended: Promise<{ readonly audio: Buffer; readonly whole: boolean }>;
  readonly #pieces: Buffer[] = [];

  constructor(request: ClientRequest) {
    this.request = request;
    const { promise: ended, resolve: end } = Promise.withResolvers<{ audio: Buffer; whole: boolean }>();
    const { promise: response, resolve } = Promise.withResolvers<IncomingMessage>();
    this.ended = ended;
    this.response = response;
    request.on('error', () => end({ audio: Buffer.concat(this.#pieces), whole: false }));
    request.on('response', (incoming: IncomingMessage) => {
      incoming.on('data', (piece: Buffer) => this.#pieces.push(piece));
      incoming.on('error', () => end({ audio: Buffer.concat(this.#pieces), whole: false }));
      incoming.on('end', () => end({ audio: Buffer.concat(this.#pieces), whole: incoming.complete }));
      resolve(incoming);
    });
  }

  send(audio: Buffer): void {
    this.request.write(audio);
  }

  hangUp(): void {
    this.request.end();
  }
}
