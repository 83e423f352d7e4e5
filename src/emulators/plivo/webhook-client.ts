import { randomInt } from 'node:crypto';
import type { GatewayAnswer, GatewayHttp } from '../phone/gateway-http.ts';
import { type FormFields, signV3 } from './signature.ts';

/** Which address the upgrade's signature covers: the vendor's two SDKs disagree, and its pages do not say. */
export type UpgradeSigning = 'https' | 'http' | 'wss' | 'http-websocket';

/** Sends what Plivo sends to a gateway, signed with V3 over the public address. */
export class PlivoWebhooks {
  readonly #http: GatewayHttp;
  readonly #authToken: string;

  constructor(http: GatewayHttp, authToken: string) {
    this.#http = http;
    this.#authToken = authToken;
  }

  /** `url` may be relative to the public URL. Rejects as `GatewayHttp` does. */
  send(url: string, fields: FormFields, method: 'POST' | 'GET'): Promise<GatewayAnswer> {
    const target = this.#http.resolve(url);
    if (method === 'GET') {
      for (const [name, value] of Object.entries(fields)) target.searchParams.append(name, value);
    }
    const posted = method === 'POST' ? fields : {};
    const headers: Record<string, string> = {
      'user-agent': 'Plivo',
      ...this.#signatureOf(target.href, posted),
    };
    if (method === 'POST') headers['content-type'] = 'application/x-www-form-urlencoded';
    const body = method === 'POST' ? new URLSearchParams(posted).toString() : '';
    return this.#http.send(target, { method, headers, body });
  }

  /** The full address of what may be relative to the public one. */
  resolve(url: string): URL {
    return this.#http.resolve(url);
  }

  /** Where a media socket goes, and the headers of its upgrade. */
  upgrade(
    url: URL,
    signing: UpgradeSigning,
  ): { address: URL; host: string; headers: Record<string, string> } {
    const rest = `${url.host}${url.pathname}`;
    const suffix = signing === 'http-websocket' ? '/websocket' : '';
    const scheme = signing === 'http-websocket' ? 'http' : signing;
    const headers = this.#signatureOf(`${scheme}://${rest}${suffix}${url.search}`, {});
    return { ...this.#http.route(url), headers: { 'user-agent': 'Plivo', ...headers } };
  }

  #signatureOf(url: string, fields: FormFields): Record<string, string> {
    const nonce = Array.from({ length: 20 }, () => randomInt(10)).join('');
    const signature = signV3(this.#authToken, url, nonce, fields);
    return {
      'x-plivo-signature-v3': signature,
      'x-plivo-signature-ma-v3': signature,
      'x-plivo-signature-v3-nonce': nonce,
    };
  }
}
