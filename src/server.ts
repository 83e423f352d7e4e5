import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type RequestListener,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import type { Clock, Timeout } from './base/clock.ts';
import type { Logger } from './base/logger.ts';
import type { SocketRoute, StreamRoute } from './carriers/carrier.ts';
import { SocketServer } from './carriers/socket-server.ts';

export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  readonly sockets: readonly SocketRoute[];
  readonly streams?: readonly StreamRoute[];
  readonly clock: Clock;
  readonly log: Logger;
  /** Adds the HTTP routes. */
  routes(app: FastifyInstance): Promise<void>;
}

export interface Server {
  /** Where it listens: `http://HOST:PORT`. */
  readonly url: string;
  readonly port: number;
  /** Stops listening and ends what is still open, within a bound. */
  close(): Promise<void>;
}

/** Headers, and then the body, of one request must be here within this; webhooks are small. */
const requestTimeoutMs = 15_000;

/** HTTP and WebSocket on one port. Rejects when it can't listen. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const app = fastify({
    logger: false,
    trustProxy: false,
    forceCloseConnections: true,
    routerOptions: { ignoreTrailingSlash: true },
    serverFactory: (handler) => streamingServer(options.streams ?? [], handler),
  });
  boundBodies(app, options.clock);
  await options.routes(app);
  const sockets = new SocketServer(options.sockets, options.clock, options.log);
  app.server.on('upgrade', sockets.upgrade);
  await app.listen({ host: options.host, port: options.port });
  const { port } = app.server.address() as AddressInfo;
  return {
    url: `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    port,
    async close() {
      sockets.close();
      await app.close();
    },
  };
}

/** An HTTP server on which the streams' exchanges may last as long as a call; all others go to `handler`. */
export function streamingServer(streams: readonly StreamRoute[], handler: RequestListener): HttpServer {
  const limits = { requestTimeout: 0, headersTimeout: requestTimeoutMs };
  return createServer(limits, (request, response) => {
    const stream = streams.find((route) => isFor(route, request));
    if (stream) stream.handle(request, response);
    else handler(request, response);
  });
}

function isFor({ method, path }: StreamRoute, request: IncomingMessage): boolean {
  return request.method === method && (request.url ?? '').split('?', 1)[0] === path;
}

/** A body that does not come must not keep its connection: Node's own bound would also end the streams. */
function boundBodies(app: FastifyInstance, clock: Clock): void {
  const waiting = new WeakMap<object, Timeout>();
  const done = (request: { readonly raw: object }): void => {
    waiting.get(request.raw)?.cancel();
    waiting.delete(request.raw);
  };
  app.addHook('onRequest', (request, _reply, next) => {
    const { socket } = request.raw;
    waiting.set(
      request.raw,
      clock.setTimeout(() => socket.destroy(), requestTimeoutMs),
    );
    next();
  });
  app.addHook('preValidation', (request, _reply, next) => {
    done(request);
    next();
  });
  app.addHook('onRequestAbort', (request, next) => {
    done(request);
    next();
  });
  app.addHook('onResponse', (request, _reply, next) => {
    done(request);
    next();
  });
}
