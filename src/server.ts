import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type RequestListener,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import type { Clock } from './base/clock.ts';
import { messageOf } from './base/errors.ts';
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
/** Silence on a connection after which its peer's kernel is asked whether it is still there. */
const keepAliveMs = 10_000;

/** HTTP and WebSocket on one port. Rejects when it can't listen. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const app = fastify({
    logger: false,
    trustProxy: false,
    forceCloseConnections: true,
    routerOptions: { ignoreTrailingSlash: true },
    serverFactory: (handler) => streamingServer(options.streams ?? [], options, handler),
  });
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
export function streamingServer(
  streams: readonly StreamRoute[],
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
  handler: RequestListener,
): HttpServer {
  const settings = {
    requestTimeout: 0,
    headersTimeout: requestTimeoutMs,
    // A machine that died without a word would else keep its streams and sockets until something is written to it.
    keepAlive: true,
    keepAliveInitialDelay: keepAliveMs,
    // RFC 9110, section 7.8: an upgrade to anything else, such as the `h2c` that some clients offer, may be ignored.
    shouldUpgradeCallback: ({ headers }: IncomingMessage) => /\bwebsocket\b/i.test(headers.upgrade ?? ''),
  };
  return createServer(settings, (request, response) => {
    const stream = streams.find((route) => isFor(route, request));
    if (stream) {
      try {
        stream.handle(request, response);
      } catch (thrown) {
        log.error(
          { code: 'PATCHCORD_INTERNAL', path: stream.path, error: messageOf(thrown) },
          'a stream failed',
        );
        response.destroy();
      }
      return;
    }
    boundBody(request, clock);
    handler(request, response);
  });
}

function isFor({ method, path }: StreamRoute, request: IncomingMessage): boolean {
  return request.method === method && (request.url ?? '').split('?', 1)[0] === path;
}

/**
 * A body that does not come must not keep its connection, be it answered or not: Node's own bound would also end the
 * streams.
 */
function boundBody(request: IncomingMessage, clock: Clock): void {
  const { headers } = request;
  if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) return;
  const deadline = clock.setTimeout(() => {
    if (!request.complete) request.socket.destroy();
  }, requestTimeoutMs);
  request.once('close', () => deadline.cancel());
}
