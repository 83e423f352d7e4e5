import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ApiRequest {
  readonly method: string;
  /** Without the query, as it came: not decoded. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface ApiReply {
  readonly status: number;
  /** Sent as JSON; without one the answer is empty. */
  readonly body?: object;
}

export interface ApiAnswers {
  /** May throw: `broken` is answered then. */
  reply(request: ApiRequest): ApiReply;
  readonly tooLarge: ApiReply;
  readonly broken: ApiReply;
}

const maxBodyBytes = 64 * 1024;

/** The HTTP side of a carrier's REST API. */
export class ApiServer {
  readonly #server: Server;

  constructor(answers: ApiAnswers) {
    this.#server = createServer((request, response) => {
      const send = ({ status, body }: ApiReply): void => {
        response.writeHead(status, body === undefined ? {} : { 'content-type': 'application/json' });
        response.end(body === undefined ? undefined : JSON.stringify(body));
      };
      replyTo(request, answers).then(send, () => send(answers.broken));
    });
    this.#server.requestTimeout = 10_000;
  }

  /** Resolves with the origin, `http://HOST:PORT`. */
  listen(port = 0, host = '127.0.0.1'): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        resolve(`http://${host}:${(this.#server.address() as AddressInfo).port}`);
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

async function replyTo(request: IncomingMessage, answers: ApiAnswers): Promise<ApiReply> {
  const body = await readBody(request);
  if (body === undefined) return answers.tooLarge;
  const path = (request.url ?? '').split('?')[0] ?? '';
  return answers.reply({ method: request.method ?? '', path, headers: request.headers, body });
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request) {
    bytes += (part as Buffer).length;
    if (bytes <= maxBodyBytes) parts.push(part as Buffer);
  }
  return bytes > maxBodyBytes ? undefined : Buffer.concat(parts).toString('utf8');
}
