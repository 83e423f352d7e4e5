import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Clock } from '../base/clock.ts';
import { messageOf, PatchcordError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { readWholeFrames } from '../base/whole-frames.ts';
import type { SocketRoute } from './carrier.ts';

/** Takes WebSocket upgrades and hands each to the route that recognises it. */
export class SocketServer {
  readonly #routes: readonly { readonly route: SocketRoute; readonly server: WebSocketServer }[];
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #open = new Set<WebSocket>();

  constructor(routes: readonly SocketRoute[], clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
    this.#routes = routes.map((route) => ({
      route,
      server: new WebSocketServer({
        noServer: true,
        maxPayload: route.maxPayloadBytes,
        perMessageDeflate: false,
        clientTracking: false,
      }),
    }));
  }

  /** Open sockets of all routes. */
  get size(): number {
    return this.#open.size;
  }

  /** For the `upgrade` event of an HTTP server. */
  readonly upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    // Until the handshake is done nobody else listens; a peer that goes away then is no news.
    const onError = (error: Error): void => {
      this.#log.debug({ error: error.message }, 'a socket failed during its upgrade');
      socket.destroy();
    };
    socket.on('error', onError);
    try {
      this.#take(request, socket, head, onError);
    } catch (thrown) {
      this.#log.error({ code: 'PATCHCORD_INTERNAL', error: messageOf(thrown) }, 'an upgrade failed');
      refuse(socket, 500, new PatchcordError('PATCHCORD_INTERNAL'), this.#clock);
    }
  };

  /** Ends every socket that is still open. */
  close(): void {
    for (const socket of this.#open) socket.terminate();
    for (const { server } of this.#routes) server.close();
  }

  #take(request: IncomingMessage, socket: Duplex, head: Buffer, onError: (error: Error) => void): void {
    const path = pathOf(request);
    const sharing = this.#routes.filter(({ route }) => covers(route, path));
    const found = sharing.find(({ route }) => route.recognises(request));
    if (!found) {
      refuse(
        socket,
        404,
        new PatchcordError('PATCHCORD_NOT_FOUND', 'There is no WebSocket at this address.'),
        this.#clock,
      );
      return;
    }
    const decision = found.route.authorize(request);
    if (!decision.accept) {
      const { status, error, challenge, delayMs = 0 } = decision;
      const answer = () => refuse(socket, status, error, this.#clock, challenge);
      if (delayMs === 0) answer();
      else refuseLater(socket, delayMs, answer, this.#clock);
      return;
    }
    found.server.handleUpgrade(request, socket, head, (webSocket) => {
      socket.off('error', onError);
      this.#open.add(webSocket);
      webSocket.once('close', () => this.#open.delete(webSocket));
      // A frame that breaks the protocol closes the socket with its code by itself; routes add their own listeners.
      webSocket.on('error', (error) => this.#log.debug({ path, error: error.message }, 'a socket failed'));
      readWholeFrames(webSocket, socket, { role: 'server', maxBytes: found.route.maxPayloadBytes });
      try {
        found.route.connect(webSocket, request);
      } catch (thrown) {
        this.#log.error(
          { code: 'PATCHCORD_INTERNAL', path, error: messageOf(thrown) },
          'a socket route failed',
        );
        webSocket.close(1011);
      }
    });
  }
}

function covers(route: SocketRoute, path: string): boolean {
  if (route.path === path) return true;
  return route.below === true && (route.path === '/' || path.startsWith(`${route.path}/`));
}

function pathOf(request: IncomingMessage): string {
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

function refuseLater(socket: Duplex, delayMs: number, answer: () => void, clock: Clock): void {
  const timeout = clock.setTimeout(answer, delayMs);
  socket.once('close', () => timeout.cancel());
}

/** A peer that is refused has this long to take its answer. */
const refusalMs = 2000;

function refuse(
  socket: Duplex,
  status: number,
  error: PatchcordError,
  clock: Clock,
  challenge?: string,
): void {
  const body = JSON.stringify({ error: error.message, code: error.code });
  // The server's sockets may be half open: without this a peer that never says goodbye would keep its own for ever.
  const deadline = clock.setTimeout(() => socket.destroy(), refusalMs);
  socket.once('close', () => deadline.cancel());
  socket.once('finish', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}\r\n` +
      (challenge === undefined ? '' : `WWW-Authenticate: ${challenge}\r\n`) +
      'Content-Type: application/json\r\n' +
      `Content-Length: ${Buffer.byteLength(body)}\r\n` +
      'Connection: close\r\n\r\n' +
      body,
  );
}
