import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Counter } from '../../src/carriers/testing/test-host.ts';

interface RequestHead {
  /** `POST /calls/v3%3Aabc/actions/answer` */
  readonly line: string;
  readonly authorization: string | undefined;
}

/** May wait, refuse, or reject to break the connection. */
type Reply<Body> = (
  request: RequestHead & Body,
) => Promise<readonly [status: number, body?: unknown, headers?: Readonly<Record<string, string>>]>;

/** A carrier's REST API that writes down what it is asked. `bodyOf` reads the text of a request. */
export class RestApi<Body extends object> {
  readonly requests: (RequestHead & Body)[] = [];
  reply: Reply<Body>;
  readonly #server: Server;
  readonly #counter = new Counter();

  constructor(bodyOf: (text: string) => Body, reply: Reply<Body>) {
    this.reply = reply;
    this.#server = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        const { authorization } = request.headers;
        const body = bodyOf(Buffer.concat(pieces).toString());
        const seen = { line: `${request.method} ${request.url}`, authorization, ...body };
        this.requests.push(seen);
        this.#counter.count();
        this.reply(seen).then(
          ([status, answer, headers = {}]) =>
            response.writeHead(status, headers).end(answer === undefined ? '' : JSON.stringify(answer)),
          () => response.destroy(),
        );
      });
    });
  }

  get lines(): string[] {
    return this.requests.map(({ line }) => line);
  }

  /** Settles when that many requests have come in all. */
  asked(count: number): Promise<void> {
    return this.#counter.reached(count);
  }

  /** Its origin. */
  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
