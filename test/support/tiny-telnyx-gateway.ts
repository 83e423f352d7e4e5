import { createPublicKey, verify } from 'node:crypto';
import type { WebSocket } from 'ws';
import { TinyServer, type TinyServerOptions } from './tiny-server.ts';

export interface EventSeen {
  readonly type: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** As the documentation of the signature has it. */
  readonly signed: boolean;
}

export interface TinyTelnyxOptions extends TinyServerOptions {
  readonly publicKey: string;
  readonly apiKey: string;
  readonly apiUrl: string;
  readonly status?: number;
  /** What to command at an event: action and body. */
  readonly onEvent?: (event: EventSeen, gateway: TinyTelnyx) => void;
}

export interface CommandReply {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A throw-away gateway of the plainest kind, so that the fake is judged by something that knows nothing of it. */
export class TinyTelnyx extends TinyServer {
  readonly events: EventSeen[] = [];
  readonly upgrades: Readonly<Record<string, unknown>>[] = [];
  readonly replies: CommandReply[] = [];
  readonly #options: TinyTelnyxOptions;

  constructor(options: TinyTelnyxOptions) {
    super(options, {
      request: ({ headers }, text) => {
        const { data } = JSON.parse(text) as { data: { event_type: string; payload: EventSeen['payload'] } };
        const event = { type: data.event_type, payload: data.payload, signed: this.#verify(text, headers) };
        this.events.push(event);
        return {
          status: options.status,
          contentType: 'application/json',
          body: '{"received":true}',
          after: () => {
            if (options.status === undefined) options.onEvent?.(event, this);
          },
        };
      },
      upgrade: (request) => this.upgrades.push({ path: request.url, ...request.headers }),
    });
    this.#options = options;
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
    this.noted();
    return reply;
  }

  act(callControlId: unknown, action: string, body: object = {}): Promise<CommandReply> {
    return this.command(`/calls/${encodeURIComponent(String(callControlId))}/actions/${action}`, body);
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
}

/** Sends an answer of `ms` of µ-law with a mark at its end. */
export function answer(socket: WebSocket, ms: number, mark = 'end'): void {
  const payload = Buffer.alloc(ms * 8, 1).toString('base64');
  socket.send(JSON.stringify({ event: 'media', media: { payload } }));
  socket.send(JSON.stringify({ event: 'mark', mark: { name: mark } }));
}
