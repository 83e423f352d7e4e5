import type { AddressInfo } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import type { Clock } from './base/clock.ts';
import type { Logger } from './base/logger.ts';
import type { SocketRoute } from './carriers/carrier.ts';
import { SocketServer } from './carriers/socket-server.ts';

export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  readonly sockets: readonly SocketRoute[];
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

/** Headers and body of one request must be here within this; webhooks are small. */
const requestTimeoutMs = 15_000;

/** HTTP and WebSocket on one port. Rejects when it can't listen. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const app = fastify({
    logger: false,
    trustProxy: false,
    requestTimeout: requestTimeoutMs,
    forceCloseConnections: true,
    routerOptions: { ignoreTrailingSlash: true },
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
