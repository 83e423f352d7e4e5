import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import { messageOf } from '../../base/errors.ts';
import { ClientFrames } from '../../base/websocket-frame.ts';
import { readWholeFrames } from '../../base/whole-frames.ts';

export interface SocketRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly handshakeTimeoutMs: number;
}

/** How a socket came to its end. */
export type SocketEnd =
  /** The server answered the handshake with an HTTP status. */
  | {
      readonly type: 'refused';
      readonly status: number;
      /** As the server sent it. */
      readonly retryAfter: string | undefined;
      /** `error.code` of a JSON body. */
      readonly code: string | undefined;
    }
  | { readonly type: 'closed'; readonly code: number; readonly reason: string }
  | { readonly type: 'failed'; readonly code: string | undefined; readonly message: string };

/** Never called before `connect` has returned; `ended` exactly once and last. */
export interface SocketEvents {
  opened(): void;
  message(frame: Buffer, binary: boolean): void;
  pong(): void;
  ended(end: SocketEnd): void;
}

/** A WebSocket as a model session needs it. No method throws; on a socket that is not open they do nothing. */
export interface ModelSocket {
  /** Bytes that were sent and are not yet with the kernel. */
  readonly bufferedAmount: number;
  /** One text message of UTF-8, of the pieces put together. They are not touched. */
  send(head: Buffer, body?: Buffer, tail?: Buffer): void;
  ping(): void;
  close(code: number, reason: string): void;
  /** Drops the connection without a closing handshake. */
  terminate(): void;
}

export type ConnectSocket = (request: SocketRequest, events: SocketEvents) => ModelSocket;

/** Largest event: the API names no limit for its own; 15 MiB is the limit of what it takes. */
const maxPayloadBytes = 16 * 1024 * 1024;
const maxRefusalBytes = 8 * 1024;

/** `connect` over the `ws` package. */
export function socketConnector(): ConnectSocket {
  const frames = new ClientFrames();
  return (request, events) => {
    try {
      const socket = new WebSocket(request.url, {
        headers: { ...request.headers },
        handshakeTimeout: request.handshakeTimeoutMs,
        perMessageDeflate: false,
        skipUTF8Validation: false,
        followRedirects: false,
        maxPayload: maxPayloadBytes,
      });
      return new WsSocket(socket, frames, events);
    } catch (thrown) {
      queueMicrotask(() => events.ended({ type: 'failed', code: undefined, message: messageOf(thrown) }));
      return deadSocket;
    }
  };
}

class WsSocket implements ModelSocket {
  readonly #socket: WebSocket;
  readonly #frames: ClientFrames;
  readonly #events: SocketEvents;
  /** The connection below, once there is one. */
  #transport: Duplex | undefined;
  #ended = false;

  constructor(socket: WebSocket, frames: ClientFrames, events: SocketEvents) {
    this.#socket = socket;
    this.#frames = frames;
    this.#events = events;
    socket.on('upgrade', (response) => {
      this.#transport = response.socket;
    });
    socket.on('open', () => {
      if (this.#transport !== undefined)
        readWholeFrames(socket, this.#transport, { role: 'client', maxBytes: maxPayloadBytes });
      if (!this.#ended) events.opened();
    });
    socket.on('message', (data, binary) => {
      if (!this.#ended && Buffer.isBuffer(data)) events.message(data, binary);
    });
    socket.on('pong', () => {
      if (!this.#ended) events.pong();
    });
    socket.on('close', (code, reason) =>
      this.#end({ type: 'closed', code, reason: reason.toString('utf8') }),
    );
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#end({ type: 'failed', code: error.code, message: error.message });
      socket.terminate();
    });
    socket.on('unexpected-response', (_request, response) => {
      readRefusal(response, (refusal) => {
        this.#end(refusal);
        socket.terminate();
      });
    });
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  send(head: Buffer, body?: Buffer, tail?: Buffer): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    // Straight to the connection: one buffer and one write, fifty times a second and call.
    this.#transport?.write(this.#frames.text(head, body, tail));
  }

  ping(): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.ping();
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  #end(how: SocketEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#events.ended(how);
  }
}

const deadSocket: ModelSocket = {
  bufferedAmount: 0,
  send() {
    return;
  },
  ping() {
    return;
  },
  close() {
    return;
  },
  terminate() {
    return;
  },
};

/** Reads the status and, from a bounded body, the API's error code. The owner's connect deadline covers a body that hangs. */
function readRefusal(response: IncomingMessage, done: (end: SocketEnd) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  const finish = (): void => {
    done({
      type: 'refused',
      status: response.statusCode ?? 0,
      retryAfter: response.headers['retry-after'],
      code: errorCodeOf(Buffer.concat(chunks)),
    });
  };
  response.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > maxRefusalBytes) {
      chunks.length = 0;
      finish();
      response.destroy();
    } else chunks.push(chunk);
  });
  response.on('end', finish);
  response.on('error', finish);
}

function errorCodeOf(body: Buffer): string | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    const error = typeof value === 'object' && value !== null && 'error' in value ? value.error : undefined;
    const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
    return typeof code === 'string' ? code.slice(0, 80) : undefined;
  } catch {
    return undefined;
  }
}
