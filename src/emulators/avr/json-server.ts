import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface JsonRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The parsed JSON body; undefined without one, or when it is none. */
  readonly body: unknown;
}

export interface JsonReply {
  readonly status: number;
  /** A string is sent as text. */
  readonly body: unknown;
}

const maxBodyBytes = 1024 * 1024;

/** A small HTTP server on loopback that takes and gives JSON: the services beside avr-core. */
export class JsonServer {
  readonly #server: Server;

  constructor(answer: (request: JsonRequest) => JsonReply | Promise<JsonReply>) {
    this.#server = createServer((request, response) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      request.on('data', (part: Buffer) => {
        bytes += part.length;
        if (bytes <= maxBodyBytes) parts.push(part);
        else request.destroy();
      });
      // Whoever goes away before the end has asked nothing.
      request.on('error', () => response.destroy());
      request.on('end', () => {
        const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
        const body = jsonOf(Buffer.concat(parts).toString('utf8'));
        void Promise.resolve()
          .then(() => answer({ method: request.method ?? 'GET', path, headers: request.headers, body }))
          .then(
            (reply) => write(response, reply),
            () => write(response, { status: 500, body: { message: 'Internal Server Error' } }),
          );
      });
    });
  }

  /** Resolves with `http://127.0.0.1:PORT`. */
  listen(port = 0): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', () => {
        this.#server.off('error', reject);
        resolve(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
      });
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}

function write(response: ServerResponse, { status, body }: JsonReply): void {
  const isText = typeof body === 'string';
  response.writeHead(status, { 'content-type': isText ? 'text/plain' : 'application/json' });
  response.end(isText ? body : JSON.stringify(body));
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
