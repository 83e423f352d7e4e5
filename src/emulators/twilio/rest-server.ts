import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { type ApiReply, type ApiRequest, ApiServer } from '../phone/api-server.ts';
import type { CallRecord, FakeTwilioCallOptions } from './call.ts';
import { newSid } from './call.ts';
import { type AnswerKind, type OutboundRequest, RestCall } from './rest-call.ts';
import type { StatusEvent } from './status-callbacks.ts';

export interface FakeTwilioRestOptions {
  readonly clock: Clock;
  readonly accountSid: string;
  readonly authToken: string;
  readonly gatewayUrl: string;
  readonly publicUrl?: string;
  /** What the called party does; answers unless set. */
  readonly answer?: (to: string) => AnswerKind;
  /** How long it rings before the answer; 500 ms unless set. `no-answer` rings for the request's `Timeout`. */
  readonly ringMs?: number;
  /** How the called party behaves once it has answered. */
  readonly callOptions?: (request: OutboundRequest) => Partial<FakeTwilioCallOptions>;
  /** Calls kept; creating one more answers 429 (code 20429) while all are live, else the oldest ended is forgotten. */
  readonly maxCalls?: number;
}

const statusEvents: readonly string[] = ['initiated', 'ringing', 'answered', 'completed'];

/**
 * Twilio's REST API as far as a gateway needs it, and the telephone network behind it: create, read, end and
 * redirect calls under `/2010-04-01/Accounts/{sid}/Calls` (Twilio, "Call resource"). Calls that are created really
 * ring, fetch their TwiML with signed webhooks, open their media stream and report their progress.
 */
export class FakeTwilioRest {
  readonly #options: FakeTwilioRestOptions;
  readonly #server: ApiServer;
  readonly #calls = new Map<string, RestCall>();
  /** Requests that were refused, by Twilio's code. */
  readonly refusals = new Map<number, number>();

  constructor(options: FakeTwilioRestOptions) {
    this.#options = options;
    this.#server = new ApiServer({
      reply: (request) => this.#serve(request),
      tooLarge: failure(413, 20_413, 'Request Entity Too Large'),
      broken: failure(500, 20_500, 'Internal Server Error'),
    });
  }

  /** Resolves with the base URL, to be given as `TWILIO_API_BASE_URL`. */
  listen(port = 0, host = '127.0.0.1'): Promise<string> {
    return this.#server.listen(port, host);
  }

  get calls(): readonly RestCall[] {
    return [...this.#calls.values()];
  }

  call(callSid: string): RestCall | undefined {
    return this.#calls.get(callSid);
  }

  /** Ends all calls and stops listening; resolves with the records of the calls that were answered. */
  async close(): Promise<CallRecord[]> {
    const ending = this.calls.map((call) => {
      call.complete();
      return call.ended;
    });
    const records = await Promise.all(ending);
    await this.#server.close();
    return records.filter((record) => record !== undefined);
  }

  #serve({ method, path, headers, body }: ApiRequest): ApiReply {
    if (!this.#authorized(headers.authorization)) return this.#refuse(401, 20_003, 'Authenticate');
    const prefix = `/2010-04-01/Accounts/${this.#options.accountSid}/Calls`;
    if (path === `${prefix}.json` && method === 'POST') return this.#create(new URLSearchParams(body));
    const named =
      path.startsWith(`${prefix}/`) && path.endsWith('.json') ? path.slice(prefix.length + 1, -5) : '';
    const call = this.#calls.get(named);
    if (call === undefined) return this.#refuse(404, 20_404, `The requested resource ${path} was not found`);
    if (method === 'GET') return { status: 200, body: this.#resource(call) };
    if (method === 'POST') return this.#update(call, new URLSearchParams(body), path);
    return this.#refuse(405, 20_004, 'Method not allowed');
  }

  #create(form: URLSearchParams): ApiReply {
    const to = form.get('To') ?? '';
    const from = form.get('From') ?? '';
    const url = form.get('Url') ?? undefined;
    const twiml = form.get('Twiml') ?? undefined;
    if (to === '') return this.#refuse(400, 21_201, "No 'To' number is specified");
    if (from === '') return this.#refuse(400, 21_213, "No 'From' number is specified");
    if (!/^(\+[1-9]\d{6,14}|sip:.+|client:.+)$/.test(to))
      return this.#refuse(400, 21_211, "Invalid 'To' Phone Number");
    if (url === undefined && twiml === undefined)
      return this.#refuse(400, 21_205, 'Url parameter is required.');
    if (url !== undefined && !/^https?:/.test(url))
      return this.#refuse(400, 21_205, `Url is not a valid URL: ${url}`);
    if (!this.#makeRoom()) return this.#refuse(429, 20_429, 'Too many calls');
    const call = new RestCall(this.#callOptions({ callSid: newSid('CA'), to, from, url, twiml, form }));
    this.#calls.set(call.callSid, call);
    const queued = this.#resource(call);
    call.ring();
    return { status: 201, body: queued };
  }

  #callOptions(asked: {
    callSid: string;
    to: string;
    from: string;
    url: string | undefined;
    twiml: string | undefined;
    form: URLSearchParams;
  }) {
    const { clock, accountSid, authToken, gatewayUrl, publicUrl, answer, ringMs, callOptions } =
      this.#options;
    const { form, ...rest } = asked;
    const timeoutS = Number(form.get('Timeout') ?? 60);
    const request: OutboundRequest = {
      ...rest,
      method: form.get('Method') === 'GET' ? 'GET' : 'POST',
      statusCallback: form.get('StatusCallback') ?? undefined,
      statusMethod: form.get('StatusCallbackMethod') === 'GET' ? 'GET' : 'POST',
      statusEvents: form.getAll('StatusCallbackEvent').filter(isStatusEvent),
      timeoutMs: (Number.isFinite(timeoutS) ? Math.min(600, Math.max(1, timeoutS)) : 60) * 1000,
      fields: Object.fromEntries(form),
    };
    return {
      clock,
      accountSid,
      authToken,
      gatewayUrl,
      publicUrl: publicUrl ?? gatewayUrl,
      request,
      answer: answer?.(request.to) ?? 'answer',
      ringMs: ringMs ?? 500,
      callOptions: callOptions?.(request) ?? {},
    };
  }

  #update(call: RestCall, form: URLSearchParams, path: string): ApiReply {
    if (call.over) return this.#refuse(404, 20_404, `The requested resource ${path} was not found`);
    const status = form.get('Status');
    const twiml = form.get('Twiml');
    const url = form.get('Url');
    if (status === 'completed') call.complete();
    else if (status === 'canceled' && call.answered) {
      return this.#refuse(400, 21_220, 'Call is in progress and cannot be canceled');
    } else if (status === 'canceled') call.cancel();
    else if (status !== null) return this.#refuse(400, 20_001, `Invalid Status: ${status}`);
    else if (twiml === null && url === null) return this.#refuse(400, 20_001, 'Nothing to update');
    else if (!call.answered) return this.#refuse(400, 21_220, 'Call is not in-progress. Cannot redirect.');
    else if (twiml !== null) call.redirect({ twiml });
    else if (url !== null) call.redirect({ url });
    return { status: 200, body: this.#resource(call) };
  }

  #makeRoom(): boolean {
    const { maxCalls = 1_000 } = this.#options;
    if (this.#calls.size < maxCalls) return true;
    const oldest = this.calls.find((call) => call.over);
    return oldest !== undefined && this.#calls.delete(oldest.callSid);
  }

  #resource(call: RestCall): object {
    const { accountSid } = this.#options;
    return {
      sid: call.callSid,
      account_sid: accountSid,
      api_version: '2010-04-01',
      to: call.request.to,
      from: call.request.from,
      status: call.status,
      direction: 'outbound-api',
      duration: call.durationS === undefined ? null : String(call.durationS),
      date_created: new Date(call.createdEpochMs).toUTCString(),
      uri: `/2010-04-01/Accounts/${accountSid}/Calls/${call.callSid}.json`,
    };
  }

  #authorized(header: string | undefined): boolean {
    const { accountSid, authToken } = this.#options;
    const expected = Buffer.from(`Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`);
    const given = Buffer.from(header ?? '');
    return given.length === expected.length && timingSafeEqual(given, expected);
  }

  #refuse(status: number, code: number, message: string): ApiReply {
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
    return failure(status, code, message);
  }
}

function failure(status: number, code: number, message: string): ApiReply {
  return {
    status,
    body: { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status },
  };
}

function isStatusEvent(text: string): text is StatusEvent {
  return statusEvents.includes(text);
}
