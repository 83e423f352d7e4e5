import { WebSocket } from 'ws';

/** A server event as the test reads it. */
export type Received = { readonly type: string } & Readonly<Record<string, unknown>>;

const deadlineMs = 10_000;

/** A bare `ws` client for tests: keeps every event and waits for those that a test names. */
export class TestClient {
  readonly events: Received[] = [];
  readonly socket: WebSocket;
  readonly #waiters = new Set<() => void>();
  #closed: { code: number; reason: string } | undefined;

  constructor(url: string, protocols: string[] = [], headers: Record<string, string> = {}) {
    this.socket = new WebSocket(url, protocols, { headers });
    this.socket.on('message', (data) => {
      this.events.push(JSON.parse(String(data)) as Received);
      this.#wake();
    });
    this.socket.on('close', (code, reason) => {
      this.#closed = { code, reason: String(reason) };
      this.#wake();
    });
    this.socket.on('error', () => this.#wake());
  }

  send(event: Record<string, unknown>): void {
    this.socket.send(JSON.stringify(event));
  }

  types(from = 0): string[] {
    return this.events.slice(from).map((event) => event.type);
  }

  /** All events of a type so far. */
  of(type: string): Received[] {
    return this.events.filter((event) => event.type === type);
  }

  /** The `count`-th event of a type, come or to come. */
  async next(type: string, count = 1): Promise<Received> {
    await this.until(() => this.of(type).length >= count, `${count} x ${type}`);
    return this.of(type)[count - 1] as Received;
  }

  async closed(): Promise<{ code: number; reason: string }> {
    await this.until(() => this.#closed !== undefined, 'close');
    return this.#closed as { code: number; reason: string };
  }

  until(condition: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters.delete(check);
        reject(new Error(`no ${what} within ${deadlineMs} ms; got ${this.types().join(', ')}`));
      }, deadlineMs);
      const check = (): void => {
        if (!condition()) return;
        clearTimeout(timer);
        this.#waiters.delete(check);
        resolve();
      };
      this.#waiters.add(check);
      check();
    });
  }

  #wake(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }
}

/** The status and headers of a refused handshake. */
export function refusedHandshake(
  url: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; retryAfter: string | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { headers });
    socket.on('open', () => reject(new Error('the handshake was accepted')));
    socket.on('error', () => undefined);
    socket.on('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += String(chunk);
      });
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'], body });
        socket.terminate();
      });
    });
  });
}
