import type { Clock, Timeout } from '../../base/clock.ts';
import { type CallRecord, FakeTwilioCall, type FakeTwilioCallOptions } from './call.ts';
import { type CallParty, type CallStatus, StatusCallbacks, type StatusEvent } from './status-callbacks.ts';
import { WebhookClient } from './webhook-client.ts';

/** What the called party does. */
export type AnswerKind = 'answer' | 'busy' | 'no-answer' | 'failed';

/** A `POST /Calls.json`, read. */
export interface OutboundRequest {
  readonly callSid: string;
  readonly to: string;
  readonly from: string;
  readonly url: string | undefined;
  readonly twiml: string | undefined;
  readonly method: 'POST' | 'GET';
  readonly statusCallback: string | undefined;
  readonly statusMethod: 'POST' | 'GET';
  /** Empty: only `completed`. */
  readonly statusEvents: readonly StatusEvent[];
  readonly timeoutMs: number;
  /** Every field as it came (the last one where it came twice). */
  readonly fields: Readonly<Record<string, string>>;
}

export interface RestCallOptions {
  readonly clock: Clock;
  readonly accountSid: string;
  readonly authToken: string;
  readonly gatewayUrl: string;
  readonly publicUrl: string;
  readonly request: OutboundRequest;
  readonly answer: AnswerKind;
  readonly ringMs: number;
  readonly callOptions: Partial<FakeTwilioCallOptions>;
}

/** One outbound call from the request to its last status callback. */
export class RestCall {
  readonly request: OutboundRequest;
  readonly createdEpochMs: number;
  /** Resolves when the call is over and reported; undefined when it was never answered. Never rejects. */
  readonly ended: Promise<CallRecord | undefined>;
  readonly #options: RestCallOptions;
  readonly #party: CallParty;
  readonly #callbacks: StatusCallbacks | undefined;
  readonly #callbackFailures: string[] = [];
  readonly #resolveEnded: (record: CallRecord | undefined) => void;
  #status: CallStatus = 'queued';
  #timer: Timeout | undefined;
  #call: FakeTwilioCall | undefined;
  #durationMs: number | undefined;

  constructor(options: RestCallOptions) {
    this.#options = options;
    this.request = options.request;
    this.createdEpochMs = options.clock.epochMs();
    const { promise, resolve } = Promise.withResolvers<CallRecord | undefined>();
    this.ended = promise;
    this.#resolveEnded = resolve;
    const { callSid, from, to } = options.request;
    this.#party = { accountSid: options.accountSid, callSid, from, to, direction: 'outbound-api' };
    this.#callbacks = this.#newCallbacks();
  }

  get callSid(): string {
    return this.request.callSid;
  }

  get status(): CallStatus {
    return this.#status;
  }

  get answered(): boolean {
    return this.#call !== undefined;
  }

  get over(): boolean {
    return !['queued', 'initiated', 'ringing', 'in-progress'].includes(this.#status);
  }

  get durationS(): number | undefined {
    return this.#durationMs === undefined ? undefined : Math.ceil(this.#durationMs / 1000);
  }

  /** The answered call, for looking into it while it runs. */
  get call(): FakeTwilioCall | undefined {
    return this.#call;
  }

  /** Status callbacks that the gateway did not take. */
  get callbackFailures(): readonly string[] {
    return this.#callbackFailures;
  }

  ring(): void {
    const { answer, ringMs, request } = this.#options;
    this.#progress('initiated', 'initiated');
    this.#progress('ringing', 'ringing');
    const delayMs = answer === 'no-answer' ? request.timeoutMs : ringMs;
    this.#timer = this.#options.clock.setTimeout(() => {
      if (answer === 'answer') this.#answer();
      else this.#finish(answer, undefined);
    }, delayMs);
  }

  complete(): void {
    if (this.#call !== undefined) this.#call.complete();
    else this.cancel();
  }

  cancel(): void {
    if (this.over || this.#call !== undefined) return;
    this.#timer?.cancel();
    this.#finish('canceled', undefined);
  }

  redirect(to: { readonly twiml: string } | { readonly url: string }): void {
    this.#call?.redirect(to);
  }

  #answer(): void {
    const { clock, accountSid, authToken, gatewayUrl, publicUrl, request, callOptions } = this.#options;
    this.#progress('answered', 'in-progress');
    const call = new FakeTwilioCall({
      clock,
      accountSid,
      authToken,
      gatewayUrl,
      publicUrl,
      callSid: request.callSid,
      from: request.from,
      to: request.to,
      direction: 'outbound-api',
      ...(request.url === undefined ? {} : { webhook: request.url }),
      ...(request.twiml === undefined ? {} : { twiml: request.twiml }),
      webhookMethod: request.method,
      ...callOptions,
    });
    this.#call = call;
    // run() never rejects.
    void call.run().then((record) => this.#finish(record.status, record));
  }

  #progress(event: StatusEvent, status: CallStatus): void {
    this.#status = status;
    void this.#callbacks?.post(event, this.#party, status);
  }

  #finish(status: CallStatus, record: CallRecord | undefined): void {
    this.#status = status;
    if (record !== undefined) this.#durationMs = record.endedAtMs - (record.answeredAtMs ?? record.endedAtMs);
    const reported = this.#callbacks?.post('completed', this.#party, status, this.#durationMs);
    void (reported ?? Promise.resolve()).then(() => this.#resolveEnded(record));
  }

  #newCallbacks(): StatusCallbacks | undefined {
    const { clock, authToken, publicUrl, gatewayUrl, request } = this.#options;
    if (request.statusCallback === undefined) return undefined;
    return new StatusCallbacks({
      clock,
      client: new WebhookClient({ clock, authToken, publicUrl, via: gatewayUrl }),
      url: request.statusCallback,
      ...(request.statusEvents.length === 0 ? {} : { events: request.statusEvents }),
      method: request.statusMethod,
      failed: (reason) => this.#callbackFailures.push(reason),
    });
  }
}
