import type { Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { FormFields } from './signature.ts';
import type { WebhookClient } from './webhook-client.ts';

export type CallStatus =
  | 'queued'
  | 'initiated'
  | 'ringing'
  | 'in-progress'
  | 'completed'
  | 'busy'
  | 'failed'
  | 'no-answer'
  | 'canceled';

export type StatusEvent = 'initiated' | 'ringing' | 'answered' | 'completed';

/** Who calls whom, as every webhook of the call repeats it. */
export interface CallParty {
  readonly accountSid: string;
  readonly callSid: string;
  readonly from: string;
  readonly to: string;
  readonly direction: 'inbound' | 'outbound-api';
}

/** The fields of Twilio's voice request ("TwiML Voice: Request parameters"). */
export function callFields(party: CallParty, status: CallStatus): [name: string, value: string][] {
  return [
    ['AccountSid', party.accountSid],
    ['ApiVersion', '2010-04-01'],
    ['CallSid', party.callSid],
    ['CallStatus', status],
    ['Called', party.to],
    ['Caller', party.from],
    ['Direction', party.direction],
    ['From', party.from],
    ['To', party.to],
  ];
}

export interface StatusCallbackOptions {
  readonly clock: Clock;
  readonly client: WebhookClient;
  readonly url: string;
  /** Only `completed` unless asked for more. */
  readonly events?: readonly StatusEvent[];
  readonly method?: 'POST' | 'GET';
  /** Told of each callback that was not taken. */
  failed?(reason: string): void;
}

/** Posts the progress of one call, in order, and waits for nobody's approval. */
export class StatusCallbacks {
  readonly #options: StatusCallbackOptions;
  #sequence = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(options: StatusCallbackOptions) {
    this.#options = options;
  }

  /** Resolves when this callback and all before it were answered or given up; never rejects. */
  post(event: StatusEvent, party: CallParty, status: CallStatus, durationMs?: number): Promise<void> {
    const { clock, events = ['completed'] } = this.#options;
    if (!events.includes(event)) return this.#last;
    const fields: [string, string][] = [
      ...callFields(party, status),
      ['CallbackSource', 'call-progress-events'],
      ['SequenceNumber', String(this.#sequence++)],
      ['Timestamp', new Date(clock.epochMs()).toUTCString()],
    ];
    if (event === 'completed') fields.push(['CallDuration', String(Math.ceil((durationMs ?? 0) / 1000))]);
    this.#last = this.#last.then(() => this.#send(event, fields));
    return this.#last;
  }

  async #send(event: StatusEvent, fields: FormFields): Promise<void> {
    const { client, url, method, failed } = this.#options;
    try {
      const answer = await client.send(url, fields, method);
      if (answer.status >= 400) failed?.(`status callback ${event}: HTTP ${answer.status}`);
    } catch (error) {
      failed?.(`status callback ${event}: ${messageOf(error)}`);
    }
  }
}
