import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import type { Clock } from './base/clock.ts';
import { messageOf, PatchcordError } from './base/errors.ts';
import type { Logger } from './base/logger.ts';
import type { Listener } from './carriers/carrier.ts';
import { SocketServer } from './carriers/socket-server.ts';
import { streamingServer } from './server.ts';

export interface OpenListener {
  /** The setting that names its port. */
  readonly name: string;
  /** `http://HOST:PORT` or `tcp://HOST:PORT`. */
  readonly url: string;
  readonly port: number;
  /** Stops listening and ends what is still open. */
  close(): Promise<void>;
}

export interface ListenersOptions {
  readonly host: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Opens the carriers' own ports. Rejects when one of them cannot be had; those opened before are then closed. */
export async function openListeners(
  listeners: readonly Listener[],
  options: ListenersOptions,
): Promise<OpenListener[]> {
  const open: OpenListener[] = [];
  try {
    for (const listener of listeners) open.push(await openOne(listener, options));
  } catch (thrown) {
    await Promise.all(open.map((listener) => listener.close()));
    throw thrown;
  }
  return open;
}

async function openOne(listener: Listener, options: ListenersOptions): Promise<OpenListener> {
  const { host } = options;
  const opened = listener.kind === 'tcp' ? tcpServer(listener, options) : httpServer(listener, options);
  const port = await listen(opened.server, listener, host);
  const shown = host.includes(':') ? `[${host}]` : host;
  return {
    name: listener.name,
    url: `${listener.kind}://${shown}:${port}`,
    port,
    close: opened.close,
  };
}

interface Opened {
  readonly server: Server;
  close(): Promise<void>;
}

function tcpServer({ connect, name }: Extract<Listener, { kind: 'tcp' }>, { log }: ListenersOptions): Opened {
  const sockets = new Set<Socket>();
  const server = createTcpServer({ noDelay: true, keepAlive: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // The carrier listens itself; a connection that fails before it does must not end the process.
    socket.on('error', (error) => log.debug({ listener: name, error: error.message }, 'a connection failed'));
    try {
      connect(socket);
    } catch (thrown) {
      log.error(
        { code: 'PATCHCORD_INTERNAL', listener: name, error: messageOf(thrown) },
        'a listener failed',
      );
      socket.destroy();
    }
  });
  return {
    server,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return closed(server);
    },
  };
}

function httpServer(listener: Extract<Listener, { kind: 'http' }>, { clock, log }: ListenersOptions): Opened {
  const server = streamingServer(listener.streams, { clock, log }, (_request, response) => {
    const error = new PatchcordError('PATCHCORD_NOT_FOUND');
    response.writeHead(404, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: error.message, code: error.code }));
  });
  const sockets = new SocketServer(listener.sockets, clock, log);
  server.on('upgrade', sockets.upgrade);
  return {
    server,
    close: () => {
      sockets.close();
      server.closeAllConnections();
      return closed(server);
    },
  };
}

function listen(server: Server, { name, port }: Listener, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => {
      const message = `${name}: cannot listen on ${host}:${port}: ${error.message}`;
      reject(new PatchcordError('PATCHCORD_CONFIG_INVALID', message, { setting: name }, error));
    };
    server.once('error', failed);
    server.listen({ host, port }, () => {
      server.off('error', failed);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
