import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Clock } from '../../base/clock.ts';
import { messageOf, PatchcordError } from '../../base/errors.ts';

export interface GatewayRequest {
  readonly method: 'POST' | 'GET';
  readonly headers: Readonly<Record<string, string>>;
  /** Empty with GET. */
  readonly body: string;
}

export interface GatewayAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export interface GatewayHttpOptions {
  readonly clock: Clock;
  /** The origin the gateway is known by: URLs below it are sent to `via`. */
  readonly publicUrl: string;
  /** The origin the gateway really listens on. */
  readonly via: string;
  readonly timeoutMs?: number;
}

const maxBodyBytes = 256 * 1024;

/**
 * Sends a carrier's webhooks to a gateway that is known by another address than the one it listens on. Rejects with
 * PATCHCORD_NOT_FOUND when nobody answers in time (15 s unless set) or the answer is too large.
 */
export class GatewayHttp {
  readonly #options: GatewayHttpOptions;

  constructor(options: GatewayHttpOptions) {
    this.#options = options;
  }

  /** The full public URL of what may be relative to it. */
  resolve(url: string): URL {
    return new URL(url, this.#options.publicUrl);
  }

  /** Where a connection for a public URL goes, and the Host header that belongs to it. */
  route(target: URL): { address: URL; host: string } {
    return routeVia(target, this.#options.publicUrl, this.#options.via);
  }

  send(target: URL, asked: GatewayRequest): Promise<GatewayAnswer> {
    const { address, host } = this.route(target);
    const { clock, timeoutMs = 15_000 } = this.#options;
    const { method, body } = asked;
    const send = address.protocol === 'https:' ? httpsRequest : httpRequest;
    const headers: Record<string, string> = { host, accept: '*/*', ...asked.headers };
    if (method === 'POST') headers['content-length'] = String(Buffer.byteLength(body));
    return new Promise((resolve, reject) => {
      const request = send(address, { method, headers, agent: false });
      const deadline = clock.setTimeout(() => request.destroy(new Error('no answer in time')), timeoutMs);
      const fail = (cause: Error) => {
        deadline.cancel();
        reject(
          new PatchcordError('PATCHCORD_NOT_FOUND', `${target.pathname}: ${messageOf(cause)}`, {}, cause),
        );
      };
      request.on('error', fail);
      request.on('response', (response) => {
        const parts: Buffer[] = [];
        let bytes = 0;
        response.on('data', (part: Buffer) => {
          bytes += part.length;
          if (bytes > maxBodyBytes) request.destroy(new Error('the answer is too large'));
          else parts.push(part);
        });
        response.on('error', fail);
        response.on('end', () => {
          deadline.cancel();
          resolve({
            status: response.statusCode ?? 0,
            contentType: response.headers['content-type'] ?? '',
            body: Buffer.concat(parts).toString('utf8'),
          });
        });
      });
      request.end(body);
    });
  }
}

/** Keeps scheme security, path and query; swaps the address when the target is the public host. */
function routeVia(target: URL, publicUrl: string, via: string): { address: URL; host: string } {
  if (target.host !== new URL(publicUrl).host) return { address: target, host: target.host };
  const address = new URL(via);
  const socket = target.protocol === 'ws:' || target.protocol === 'wss:';
  const secure = address.protocol === 'https:' || address.protocol === 'wss:';
  if (socket) address.protocol = secure ? 'wss:' : 'ws:';
  address.pathname = target.pathname;
  address.search = target.search;
  return { address, host: target.host };
}
