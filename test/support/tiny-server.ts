import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

export type Frame = Readonly<Record<string, unknown>>;

export interface TinyServerOptions {
  /** Refuses the upgrade with this status. */
  readonly refuseUpgrade?: number;
  readonly onStream?: (socket: WebSocket, frame: Frame) => void;
  readonly onOpen?: (socket: WebSocket) => void;
}

interface Handlers {
  /** A webhook, with its body. */
  request(request: IncomingMessage, body: string): TinyAnswer;
  /** An upgrade, before it is granted or refused. */
  upgrade(request: IncomingMessage): void;
}

export interface TinyAnswer {
  readonly status: number | undefined;
  readonly contentType: string;
  readonly body: string;
  /** Done once that is sent. */
  after?(): void;
}

/** What every throw-away gateway has: a server for webhooks and media sockets, on which a test can wait. */
export class TinyServer {
  readonly frames: Frame[] = [];
  readonly #waiting: { enough: () => boolean; resolve: () => void }[] = [];
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #server = createServer();
  url = '';

  constructor({ refuseUpgrade, onStream, onOpen }: TinyServerOptions, handlers: Handlers) {
    this.#server.on('request', (request, response) => {
      let text = '';
      request.on('data', (part) => {
        text += String(part);
      });
      request.on('end', () => {
        const { status = 200, contentType, body, after } = handlers.request(request, text);
        response.writeHead(status, { 'content-type': contentType }).end(body);
        after?.();
        this.noted();
      });
    });
    this.#server.on('upgrade', (request, socket, head) => {
      handlers.upgrade(request);
      if (refuseUpgrade !== undefined) {
        socket.end(`HTTP/1.1 ${refuseUpgrade} No\r\nContent-Length: 0\r\n\r\n`);
        return;
      }
      this.#sockets.handleUpgrade(request, socket, head, (opened) => {
        opened.on('error', () => opened.terminate());
        opened.on('close', () => this.noted());
        opened.on('message', (data) => {
          const frame = JSON.parse(String(data)) as Frame;
          this.frames.push(frame);
          onStream?.(opened, frame);
          this.noted();
        });
        onOpen?.(opened);
      });
    });
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', () => resolve()));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resolves as soon as what was received is enough. */
  readonly until = (enough: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      this.#waiting.push({ enough, resolve });
      this.noted();
    });

  /** Something was received. */
  noted(): void {
    for (const one of this.#waiting.splice(0)) {
      if (one.enough()) one.resolve();
      else this.#waiting.push(one);
    }
  }

  readonly close = async (): Promise<void> => {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  };
}
