import type { Clock } from '../../base/clock.ts';
import { PatchcordError } from '../../base/errors.ts';
import { basicAuthorization, HttpApi, type HttpApiReply } from '../http-api.ts';

export interface TwilioRestSettings {
  readonly accountSid: string;
  /** User and password of Basic authentication: account SID and auth token, or an API key and its secret. */
  readonly user: string;
  readonly password: string;
  /** `https://api.twilio.com`, without a trailing slash. */
  readonly apiBaseUrl: string;
}

export interface CreateCall {
  readonly to: string;
  readonly from: string;
  /** Where Twilio asks for TwiML when the call is answered. */
  readonly url: string;
  readonly statusCallback: string;
  /** How long it may ring, seconds; Twilio allows up to 600. */
  readonly timeoutS?: number;
  /** Longest call, seconds. */
  readonly timeLimitS?: number;
}

/** Every step of the call that Twilio reports; without them it reports only the end. */
const statusEvents = ['initiated', 'ringing', 'answered', 'completed'];

/** Twilio's error 20404: there is no such call. */
const notFound = 404;

/** Twilio's REST API, version 2010-04-01, resource Call. All methods throw PATCHCORD_CARRIER_API. */
export class TwilioRest {
  readonly #api: HttpApi;

  constructor(settings: TwilioRestSettings, clock: Clock, deadlineMs = 5000) {
    this.#api = new HttpApi({
      carrier: 'twilio',
      baseUrl: `${settings.apiBaseUrl}/2010-04-01/Accounts/${encodeURIComponent(settings.accountSid)}`,
      authorization: basicAuthorization(settings.user, settings.password),
      clock,
      deadlineMs,
      readError,
    });
  }

  /** Documentation: "Create a Call resource". Gives the new call's SID. */
  async createCall(call: CreateCall): Promise<string> {
    const form: [string, string][] = [
      ['To', call.to],
      ['From', call.from],
      ['Url', call.url],
      ['Method', 'POST'],
      ['StatusCallback', call.statusCallback],
      ['StatusCallbackMethod', 'POST'],
      ...statusEvents.map((event): [string, string] => ['StatusCallbackEvent', event]),
    ];
    if (call.timeoutS !== undefined) form.push(['Timeout', String(call.timeoutS)]);
    if (call.timeLimitS !== undefined) form.push(['TimeLimit', String(call.timeLimitS)]);
    const reply = await this.#api.request('POST', '/Calls.json', { form });
    return textField(reply, 'sid');
  }

  /** `canceled` ends a call only while it is queued or rings, `completed` at any time. False: it was already gone. */
  async endCall(callSid: string, status: 'completed' | 'canceled'): Promise<boolean> {
    return this.#update(callSid, [['Status', status]]);
  }

  /** Gives the call new TwiML, which ends its media stream. False: the call is already gone. */
  async redirect(callSid: string, target: { twiml: string } | { url: string }): Promise<boolean> {
    return this.#update(callSid, ['twiml' in target ? ['Twiml', target.twiml] : ['Url', target.url]]);
  }

  /** One of Twilio's call statuses, e.g. `in-progress`. */
  async fetchStatus(callSid: string): Promise<string> {
    return textField(await this.#api.request('GET', callPath(callSid)), 'status');
  }

  /** Documentation: "Update a Call resource". */
  async #update(callSid: string, form: [string, string][]): Promise<boolean> {
    try {
      await this.#api.request('POST', callPath(callSid), { form });
      return true;
    } catch (thrown) {
      if (thrown instanceof PatchcordError && thrown.details.status === notFound) return false;
      throw thrown;
    }
  }
}

function callPath(callSid: string): string {
  return `/Calls/${encodeURIComponent(callSid)}.json`;
}

function textField(reply: HttpApiReply, name: string): string {
  const value = isRecord(reply.body) ? reply.body[name] : undefined;
  if (typeof value === 'string' && value !== '') return value;
  throw new PatchcordError('PATCHCORD_CARRIER_API', `twilio: the answer has no ${name}`, {
    status: reply.status,
  });
}

/** Twilio's error body: `{"code": 21211, "message": "...", "status": 400}`. */
function readError(body: unknown): { code?: string; message?: string } {
  if (!isRecord(body)) return {};
  const { code, message } = body;
  return {
    ...(typeof code === 'number' || typeof code === 'string' ? { code: String(code) } : {}),
    ...(typeof message === 'string' ? { message: message.slice(0, 300) } : {}),
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
