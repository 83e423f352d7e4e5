import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Counter } from '../../src/carriers/testing/test-host.ts';

/** The AMI helper as a real HTTP server that writes down what it is asked and answers as it is told. */
export class FakeAmi {
  readonly requests: { readonly path: string; readonly body: unknown }[] = [];
  /** What the next requests get; `undefined`: no answer at all. */
  reply: { readonly status: number; readonly body: unknown } | undefined = {
    status: 200,
    body: { message: 'done' },
  };
  readonly #server: Server;
  readonly #counter = new Counter();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<FakeAmi> {
    const server = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        ami.requests.push({ path: request.url ?? '', body: JSON.parse(Buffer.concat(pieces).toString()) });
        ami.#counter.count();
        const { reply } = ami;
        if (reply === undefined) return;
        response.writeHead(reply.status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(reply.body));
      });
    }).listen(0, '127.0.0.1');
    const ami = new FakeAmi(server);
    await once(server, 'listening');
    return ami;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Settles when so many requests have come in all. */
  asked(count: number): Promise<void> {
    return this.#counter.reached(count);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
