import { createPublicKey, verify } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

export interface EventSeen {
  readonly type: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** As the documentation of the signature has it. */
  readonly signed: boolean;
}

export interface TinyTelnyxOptions {
  readonly publicKey: string;
  readonly apiKey: string;
  readonly apiUrl: string;
  readonly status?: number;
  readonly refuseUpgrade?: number;
  /** What to command at an event: action and body. */
  readonly onEvent?: (event: EventSeen, gateway: TinyTelnyx) => void;
  readonly onStream?: (socket: WebSocket, frame: Readonly<Record<string, unknown>>) => void;
}

export interface CommandReply {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A throw-away gateway of the plainest kind, so that the fake is judged by something that knows nothing of it. */
export class TinyTelnyx {
  readonly events: EventSeen[] = [];
  readonly frames: Record<string, unknown>[] = [];
  readonly upgrades: Readonly<Record<string, unknown>>[] = [];
  readonly replies: CommandReply[] = [];
  readonly #options: TinyTelnyxOptions;
  readonly #waiting: { enough: () => boolean; resolve: () => void }[] = [];
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #server = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => {
      body += String(part);
    });
    request.on('end', () => {
      response.writeHead(this.#options.status ?? 200, { 'content-type': 'application/json' });
      response.end('{"received":true}');
      const { data } = JSON.parse(body) as { data: { event_type: string; payload: EventSeen['payload'] } };
      const event = {
        type: data.event_type,
        payload: data.payload,
        signed: this.#verify(body, request.headers),
      };
      this.events.push(event);
      if (this.#options.status === undefined) this.#options.onEvent?.(event, this);
      this.#noted();
    });
  });
  url = '';

  constructor(options: TinyTelnyxOptions) {
    this.#options = options;
    this.#server.on('upgrade', (request, socket, head) => {
      this.upgrades.push({ path: request.url, ...request.headers });
      const { refuseUpgrade } = this.#options;
      if (refuseUpgrade !== undefined) {
        socket.end(`HTTP/1.1 ${refuseUpgrade} No\r\nContent-Length: 0\r\n\r\n`);
        return;
      }
      this.#sockets.handleUpgrade(request, socket, head, (opened) => {
        opened.on('error', () => opened.terminate());
        opened.on('message', (data) => {
          const frame = JSON.parse(String(data)) as Record<string, unknown>;
          this.frames.push(frame);
          this.#options.onStream?.(opened, frame);
          this.#noted();
        });
      });
    });
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', () => resolve()));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get streamUrl(): string {
    return `${this.url.replace('http', 'ws')}/media-bridge`;
  }

  async command(path: string, body: object, key = this.#options.apiKey): Promise<CommandReply> {
    const response = await fetch(`${this.#options.apiUrl}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const reply = { status: response.status, body: (await response.json()) as CommandReply['body'] };
    this.replies.push(reply);
    this.#noted();
    return reply;
  }

  act(callControlId: unknown, action: string, body: object = {}): Promise<CommandReply> {
    return this.command(`/calls/${encodeURIComponent(String(callControlId))}/actions/${action}`, body);
  }

  /** Resolves as soon as what was received is enough. */
  until(enough: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ enough, resolve });
      this.#noted();
    });
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #verify(body: string, headers: Readonly<Record<string, unknown>>): boolean {
    const der = Buffer.concat([
      Buffer.from('302a300506032b6570032100', 'hex'),
      Buffer.from(this.#options.publicKey, 'base64'),
    ]);
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    const timestamp = String(headers['telnyx-timestamp']);
    const signature = Buffer.from(String(headers['telnyx-signature-ed25519']), 'base64');
    const isFresh = Math.abs(Date.now() / 1000 - Number(timestamp)) < 300;
    return isFresh && verify(null, Buffer.from(`${timestamp}|${body}`), key, signature);
  }

  #noted(): void {
    for (const one of this.#waiting.splice(0)) {
      if (one.enough()) one.resolve();
      else this.#waiting.push(one);
    }
  }
}

/** Sends an answer of `ms` of µ-law with a mark at its end. */
export function answer(socket: WebSocket, ms: number, mark = 'end'): void {
  const payload = Buffer.alloc(ms * 8, 1).toString('base64');
  socket.send(JSON.stringify({ event: 'media', media: { payload } }));
  socket.send(JSON.stringify({ event: 'mark', mark: { name: mark } }));
}
