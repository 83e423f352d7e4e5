import { randomUUID } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { GatewayHttp } from '../phone/gateway-http.ts';
import type { TelnyxKeys } from './keys.ts';

export interface TelnyxWebhooksOptions {
  readonly clock: Clock;
  readonly http: GatewayHttp;
  readonly keys: TelnyxKeys;
  /** Path or URL. */
  readonly url: string;
  /** What every event of the call repeats. */
  readonly common: () => Readonly<Record<string, unknown>>;
  /** Told of each event that was not taken with 200. */
  failed(eventType: string, reason: string): void;
}

/**
 * The events of one call, in order, signed. Telnyx, "Receiving webhooks": a JSON envelope; whatever is not answered
 * with 200 would be sent again to the failover address, which this fake does not have.
 */
export class TelnyxWebhooks {
  readonly #options: TelnyxWebhooksOptions;
  #last: Promise<void> = Promise.resolve();

  constructor(options: TelnyxWebhooksOptions) {
    this.#options = options;
  }

  /** Resolves when this event and all before it were answered or given up; never rejects. */
  send(eventType: string, payload: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const { clock, common } = this.#options;
    const data = {
      id: randomUUID(),
      event_type: eventType,
      occurred_at: new Date(clock.epochMs()).toISOString(),
      record_type: 'event',
      payload: { ...common(), ...payload },
    };
    const body = JSON.stringify({ data, meta: { attempt: 1, delivered_to: this.#options.url } });
    this.#last = this.#last.then(() => this.#post(eventType, body));
    return this.#last;
  }

  async #post(eventType: string, body: string): Promise<void> {
    const { clock, http, keys, url, failed } = this.#options;
    try {
      const answer = await http.send(http.resolve(url), {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'telnyx-webhooks',
          ...keys.headers(body, clock.epochMs()),
        },
        body,
      });
      if (answer.status !== 200) failed(eventType, `HTTP ${answer.status}`);
    } catch (error) {
      failed(eventType, messageOf(error));
    }
  }
}
