import { isObject } from '../phone/json-frame.ts';
import { type JsonReply, type JsonRequest, JsonServer } from './json-server.ts';

/** What the helper can do with a channel that it knows. */
export interface AmiChannel {
  /** The channel is hung up. */
  hangUp(): void;
  /** The channel goes on elsewhere in the dialplan, so its AudioSocket ends. */
  transfer?(target: AmiTarget): void;
  /** What `POST /variables` tells. */
  readonly variables?: Readonly<Record<string, string>>;
}

export interface AmiTarget {
  readonly exten: string;
  readonly context: string;
  readonly priority: number;
}

export interface AmiRequest {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly status: number;
}

/**
 * avr-ami: the HTTP service through which connectors hang up and transfer. AVR, "avr-ami": `POST /hangup {uuid}`,
 * `POST /transfer {uuid, exten, context, priority}`, `POST /variables {uuid}`, JSON, no password; 404 for a uuid that
 * it has not seen, 500 when Asterisk refuses.
 */
export class FakeAmiHelper {
  readonly requests: AmiRequest[] = [];
  readonly #server = new JsonServer((request) => this.#answer(request));
  readonly #channels = new Map<string, AmiChannel>();
  readonly #changed: () => void;
  /** As if Asterisk were away: everything is answered with 500. */
  broken = false;

  constructor(changed: () => void = () => undefined) {
    this.#changed = changed;
  }

  /** Resolves with the base URL, to be given as `AMI_URL`. */
  listen(port = 0): Promise<string> {
    return this.#server.listen(port);
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  /** A channel is there from now on; gives back what takes it away. */
  add(uuid: string, channel: AmiChannel): () => void {
    this.#channels.set(uuid, channel);
    return () => this.#channels.delete(uuid);
  }

  requestsTo(path: string): AmiRequest[] {
    return this.requests.filter((request) => request.path === path);
  }

  #answer(request: JsonRequest): JsonReply {
    const body = isObject(request.body) ? request.body : {};
    const reply = this.#obey(request, body);
    this.requests.push({ path: request.path, body, status: reply.status });
    this.#changed();
    return reply;
  }

  #obey({ method, path }: JsonRequest, body: Readonly<Record<string, unknown>>): JsonReply {
    const known = ['/hangup', '/transfer', '/variables'].includes(path);
    if (method !== 'POST' || !known) return { status: 404, body: { message: 'Not found' } };
    if (this.broken) return { status: 500, body: { message: 'Asterisk is not connected' } };
    const channel = this.#channels.get(String(body.uuid));
    if (channel === undefined) return { status: 404, body: { message: 'Channel not found' } };
    if (path === '/variables') return { status: 200, body: channel.variables ?? {} };
    if (path === '/hangup') {
      channel.hangUp();
      return { status: 200, body: { message: 'Channel hung up' } };
    }
    const { exten, context, priority } = body;
    if (typeof exten !== 'string' || typeof context !== 'string' || !isPriority(priority)) {
      return { status: 500, body: { message: 'Redirect failed' } };
    }
    channel.transfer?.({ exten, context, priority: Number(priority) });
    return { status: 200, body: { message: 'Channel transferred' } };
  }
}

function isPriority(value: unknown): boolean {
  return /^[1-9]\d*$/.test(String(value));
}
