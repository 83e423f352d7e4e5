import type { Clock } from '../../base/clock.ts';
import { type GatewayAnswer, GatewayHttp } from '../phone/gateway-http.ts';
import { type FormFields, signWebhook } from './signature.ts';

export interface WebhookClientOptions {
  readonly clock: Clock;
  readonly authToken: string;
  /** The origin the gateway is known by: URLs below it are signed as they are and sent to `via`. */
  readonly publicUrl: string;
  /** The origin the gateway really listens on. */
  readonly via: string;
}

/**
 * Sends webhooks as Twilio does: form-encoded, signed over the public URL, although the connection may go to
 * another address. Rejects as `GatewayHttp` does; Twilio waits 15 s.
 */
export class WebhookClient {
  readonly #authToken: string;
  readonly #http: GatewayHttp;

  constructor({ authToken, ...http }: WebhookClientOptions) {
    this.#authToken = authToken;
    this.#http = new GatewayHttp(http);
  }

  /** `url` may be relative to the public URL. */
  send(url: string, fields: FormFields, method: 'POST' | 'GET' = 'POST'): Promise<GatewayAnswer> {
    const target = this.#http.resolve(url);
    if (method === 'GET') for (const [name, value] of fields) target.searchParams.append(name, value);
    const form = new URLSearchParams();
    for (const [name, value] of fields) form.append(name, value);
    const signature = signWebhook(this.#authToken, target.href, method === 'POST' ? fields : []);
    const headers: Record<string, string> = {
      'user-agent': 'TwilioProxy/1.1',
      'x-twilio-signature': signature,
    };
    if (method === 'POST') headers['content-type'] = 'application/x-www-form-urlencoded; charset=UTF-8';
    return this.#http.send(target, { method, headers, body: method === 'POST' ? form.toString() : '' });
  }

  /** Where a connection for a public URL goes, and the Host header that belongs to it. */
  route(target: URL): { address: URL; host: string } {
    return this.#http.route(target);
  }
}
