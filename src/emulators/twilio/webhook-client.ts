import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Clock } from '../../base/clock.ts';
import { PatchcordError } from '../../base/errors.ts';
import { type FormFields, signWebhook } from './signature.ts';

export interface WebhookAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export interface WebhookClientOptions {
  readonly clock: Clock;
  readonly authToken: string;
  /** The origin the gateway is known by: URLs below it are signed as they are and sent to `via`. */
  readonly publicUrl: string;
  /** The origin the gateway really listens on. */
  readonly via: string;
  /** Twilio waits 15 s for a webhook. */
  readonly timeoutMs?: number;
}

const maxBodyBytes = 256 * 1024;

/**
 * Sends webhooks as Twilio does: form-encoded, signed over the public URL, although the connection may go to
 * another address. Rejects with PATCHCORD_NOT_FOUND when nobody answers in time or the answer is too large.
 */
export class WebhookClient {
  readonly #options: WebhookClientOptions;

  constructor(options: WebhookClientOptions) {
    this.#options = options;
  }

  /** `url` may be relative to the public URL. */
  send(url: string, fields: FormFields, method: 'POST' | 'GET' = 'POST'): Promise<WebhookAnswer> {
    const target = new URL(url, this.#options.publicUrl);
    if (method === 'GET') for (const [name, value] of fields) target.searchParams.append(name, value);
    const form = new URLSearchParams();
    for (const [name, value] of fields) form.append(name, value);
    const body = method === 'POST' ? form.toString() : '';
    const signature = signWebhook(this.#options.authToken, target.href, method === 'POST' ? fields : []);
    return this.#exchange(target, method, body, signature);
  }

  /** Where a connection for a public URL goes, and the Host header that belongs to it. */
  route(target: URL): { address: URL; host: string } {
    return routeVia(target, this.#options.publicUrl, this.#options.via);
  }

  #exchange(target: URL, method: string, body: string, signature: string): Promise<WebhookAnswer> {
    const { address, host } = this.route(target);
    const { clock, timeoutMs = 15_000 } = this.#options;
    const send = address.protocol === 'https:' ? httpsRequest : httpRequest;
    const headers: Record<string, string> = { host, 'user-agent': 'TwilioProxy/1.1', accept: '*/*' };
    headers['x-twilio-signature'] = signature;
    if (method === 'POST') {
      headers['content-type'] = 'application/x-www-form-urlencoded; charset=UTF-8';
      headers['content-length'] = String(Buffer.byteLength(body));
    }
    return new Promise((resolve, reject) => {
      const request = send(address, { method, headers, agent: false });
      const deadline = clock.setTimeout(() => request.destroy(new Error('no answer in time')), timeoutMs);
      const fail = (cause: Error) => {
        deadline.cancel();
        reject(new PatchcordError('PATCHCORD_NOT_FOUND', `${target.pathname}: ${cause.message}`, {}, cause));
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
export function routeVia(target: URL, publicUrl: string, via: string): { address: URL; host: string } {
  if (target.host !== new URL(publicUrl).host) return { address: target, host: target.host };
  const address = new URL(via);
  const socket = target.protocol === 'ws:' || target.protocol === 'wss:';
  const secure = address.protocol === 'https:' || address.protocol === 'wss:';
  if (socket) address.protocol = secure ? 'wss:' : 'ws:';
  address.pathname = target.pathname;
  address.search = target.search;
  return { address, host: target.host };
}
