import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Counter } from '../../src/carriers/testing/test-host.ts';

export interface ApiRequest {
  /** `POST /calls/v3%3Aabc/actions/answer` */
  readonly line: string;
  readonly authorization: string | undefined;
  readonly json: Readonly<Record<string, unknown>>;
}

/** What Telnyx says of a call that is over. */
export const callEnded: [number, unknown] = [
  422,
  { errors: [{ code: '90018', title: 'Call has already ended', detail: 'This call is no longer active.' }] },
];

/** As much of Telnyx's REST API as the tests need; `reply` may wait, refuse, or reject to break the connection. */
export class TelnyxApi {
  readonly requests: ApiRequest[] = [];
  reply: (request: ApiRequest) => Promise<readonly [status: number, body: unknown]> = async ({ line }) =>
    line.endsWith('/calls')
      ? [200, { data: { call_control_id: 'v3:out', call_leg_id: 'leg', call_session_id: 'session' } }]
      : [200, { data: { result: 'ok' } }];
  readonly #server: Server;
  readonly #counter = new Counter();

  constructor() {
    this.#server = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        const seen: ApiRequest = {
          line: `${request.method} ${request.url}`,
          authorization: request.headers.authorization,
          json: JSON.parse(Buffer.concat(pieces).toString() || '{}'),
        };
        this.requests.push(seen);
        this.#counter.count();
        this.reply(seen).then(
          ([status, body]) => response.writeHead(status).end(JSON.stringify(body)),
          () => response.destroy(),
        );
      });
    });
  }

  /** The commands so far, each as its last part: `answer`, `streaming_start`; a dial is `calls`. */
  get commands(): string[] {
    return this.requests.map(({ line }) => line.slice(line.lastIndexOf('/') + 1));
  }

  /** Settles when that many requests have come in all. */
  asked(count: number): Promise<void> {
    return this.#counter.reached(count);
  }

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
