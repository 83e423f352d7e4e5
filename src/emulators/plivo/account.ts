import { randomUUID, timingSafeEqual } from 'node:crypto';
import type { Clock, Timeout } from '../../base/clock.ts';
import { type ApiReply, type ApiRequest, ApiServer } from '../phone/api-server.ts';
import { GatewayHttp } from '../phone/gateway-http.ts';
import { FakePlivoCall, type PlivoCallContext, type PlivoCallOptions } from './call.ts';
import { PlivoWebhooks } from './webhook-client.ts';

/** What the called party does. */
export type AnswerKind = 'answer' | 'busy' | 'no-answer';

export interface FakePlivoOptions {
  readonly clock: Clock;
  /** Where the gateway listens. May be a getter: the gateway has to know the API before it listens itself. */
  readonly gatewayUrl: string;
  /** What the gateway is called by, and what is signed; `gatewayUrl` unless set. */
  readonly publicUrl?: string;
  readonly authId: string;
  readonly authToken: string;
  /** Path or URL of the application's answer URL. */
  readonly answerUrl?: string;
  readonly answerMethod?: 'POST' | 'GET';
  /** Told of the end of each call that comes in. */
  readonly hangupUrl?: string;
  readonly allowInsecureStream?: boolean;
  /** What the called party does; answers unless set. */
  readonly answer?: (to: string) => AnswerKind;
  /** How long it rings before that; 300 ms unless set. */
  readonly ringMs?: number;
  /** How the called party behaves once it has answered. */
  readonly callee?: PlivoCallOptions;
}

type Body = Readonly<Record<string, unknown>>;

/** A request that came, refused or not. */
export interface SeenRequest {
  readonly method: string;
  /** Below `/v1/Account/{auth_id}/`. */
  readonly path: string;
  readonly body: Body;
  readonly status: number;
}

/** A dialled call that was not answered yet. */
interface Ringing {
  readonly timer: Timeout;
  readonly hangupUrl: string | undefined;
  readonly fields: Readonly<Record<string, string>>;
}

const maxSeen = 10_000;
const maxCalls = 2_000;

/**
 * A Plivo account: calls that come in, and the REST API on an own port. Plivo, "Voice API": `Call/` and `Request/`
 * below `/v1/Account/{auth_id}/`, basic authentication, JSON, slashes at the ends of paths.
 */
export class FakePlivo {
  readonly #options: FakePlivoOptions;
  readonly #context: PlivoCallContext;
  readonly #webhooks: PlivoWebhooks;
  readonly #server: ApiServer;
  readonly #calls = new Map<string, FakePlivoCall>();
  readonly #ringing = new Map<string, Ringing>();
  readonly #running = new Set<Promise<unknown>>();
  /** The newest 10,000. */
  readonly requests: SeenRequest[] = [];
  /** Keys that the gateway pressed over REST, by call. */
  readonly digits = new Map<string, string>();

  constructor(options: FakePlivoOptions) {
    this.#options = options;
    const { clock, authId, authToken, answerUrl = '/incoming-call', answerMethod = 'POST' } = options;
    const http = new GatewayHttp({
      clock,
      get publicUrl() {
        return options.publicUrl ?? options.gatewayUrl;
      },
      get via() {
        return options.gatewayUrl;
      },
    });
    this.#webhooks = new PlivoWebhooks(http, authToken);
    const { hangupUrl, allowInsecureStream = false } = options;
    const webhooks = this.#webhooks;
    this.#context = { clock, webhooks, authId, answerUrl, answerMethod, hangupUrl, allowInsecureStream };
    this.#server = new ApiServer({
      reply: (request) => this.#serve(request),
      tooLarge: failure(413, 'request too large'),
      broken: failure(500, 'internal error'),
    });
  }

  /** Resolves with the base URL, to be given as `PLIVO_API_BASE_URL`. */
  async listen(port = 0, host = '127.0.0.1'): Promise<string> {
    return `${await this.#server.listen(port, host)}/v1`;
  }

  get calls(): readonly FakePlivoCall[] {
    return [...this.#calls.values()];
  }

  /** A call that comes in; `run()` begins it. */
  newCall(options: PlivoCallOptions = {}): FakePlivoCall {
    return this.#add(new FakePlivoCall(this.#context, options));
  }

  /** Ends all calls and stops listening. */
  async close(): Promise<void> {
    for (const { timer } of this.#ringing.values()) timer.cancel();
    this.#ringing.clear();
    for (const call of this.#calls.values()) call.hangUp();
    await Promise.all(this.#running);
    await this.#server.close();
  }

  #add(call: FakePlivoCall): FakePlivoCall {
    if (this.#calls.size >= maxCalls) {
      const oldest = this.calls.find(({ ended }) => ended);
      if (oldest !== undefined) this.#calls.delete(oldest.callUuid);
    }
    this.#calls.set(call.callUuid, call);
    return call;
  }

  #serve(request: ApiRequest): ApiReply {
    const { method, headers } = request;
    const prefix = `/v1/Account/${this.#options.authId}/`;
    const body = readBody(request.body);
    const path = request.path.startsWith(prefix) ? request.path.slice(prefix.length) : request.path;
    const reply = !this.#isAuthorized(headers.authorization)
      ? failure(401, 'could not verify your access level')
      : body === undefined
        ? failure(400, 'malformed JSON')
        : this.#route(method, path, body);
    if (this.requests.length >= maxSeen) this.requests.shift();
    this.requests.push({ method, path, body: body ?? {}, status: reply.status });
    return reply;
  }

  #route(method: string, path: string, body: Body): ApiReply {
    if (path === 'Call/' && method === 'POST') return this.#dial(body);
    const [, kind, id = '', action] = /^(Call|Request)\/([^/]+)\/(?:(DTMF)\/)?$/.exec(path) ?? [];
    if (kind === 'Request' && method === 'DELETE') return this.#cancel(id);
    const call = this.#calls.get(id);
    if (kind !== 'Call' || call === undefined || call.ended) return failure(404, 'call not found');
    if (action === 'DTMF' && method === 'POST') return this.#press(call, body);
    if (action !== undefined) return failure(405, 'method not allowed');
    if (method === 'DELETE') {
      call.complete();
      return { status: 204 };
    }
    return method === 'POST' ? this.#transfer(call, body) : failure(405, 'method not allowed');
  }

  #dial(body: Body): ApiReply {
    const { from, to, answer_url: answerUrl } = body;
    for (const name of ['from', 'to', 'answer_url']) {
      if (typeof body[name] !== 'string' || body[name] === '')
        return failure(400, `${name} parameter not present`);
    }
    const numbers = String(to).split('<');
    if (!numbers.every((number) => /^\+?[1-9]\d{6,14}$/.test(number))) return failure(400, 'to is no number');
    if (!isWebUrl(answerUrl)) return failure(400, 'answer_url is not a valid URL');
    if (body.hangup_url !== undefined && !isWebUrl(body.hangup_url))
      return failure(400, 'hangup_url is not a valid URL');
    const requests = numbers.map((number) => this.#ring(String(from), number, body));
    return {
      status: 201,
      body: {
        api_id: randomUUID(),
        message: 'call fired',
        request_uuid: requests.length === 1 ? requests[0] : requests,
      },
    };
  }

  #ring(from: string, to: string, body: Body): string {
    const { clock, answer, ringMs = 300 } = this.#options;
    const requestUuid = randomUUID();
    const callUuid = randomUUID();
    const what = answer?.(to) ?? 'answer';
    const patienceMs = 1000 * (typeof body.ring_timeout === 'number' ? body.ring_timeout : 120);
    const hangupUrl = typeof body.hangup_url === 'string' ? body.hangup_url : undefined;
    const fields = {
      CallUUID: callUuid,
      RequestUUID: requestUuid,
      From: from.replace(/^\+/, ''),
      To: to.replace(/^\+/, ''),
      Direction: 'outbound',
    };
    const timer = clock.setTimeout(
      () => {
        this.#ringing.delete(requestUuid);
        if (what === 'answer') this.#pickUp(from, to, requestUuid, callUuid, body);
        else this.#gaveUp(hangupUrl, { ...fields, ...notAnswered[what] });
      },
      what === 'no-answer' ? patienceMs : ringMs,
    );
    this.#ringing.set(requestUuid, { timer, hangupUrl, fields });
    const ringUrl = body.ring_url;
    if (typeof ringUrl === 'string') this.#post(ringUrl, { ...fields, Event: 'Ring', CallStatus: 'ringing' });
    return requestUuid;
  }

  #pickUp(from: string, to: string, requestUuid: string, callUuid: string, body: Body): void {
    const context: PlivoCallContext = {
      ...this.#context,
      answerUrl: String(body.answer_url),
      answerMethod: body.answer_method === 'GET' ? 'GET' : 'POST',
      hangupUrl: typeof body.hangup_url === 'string' ? body.hangup_url : undefined,
    };
    const options = {
      ...this.#options.callee,
      from,
      to,
      direction: 'outbound' as const,
      requestUuid,
      callUuid,
    };
    const call = this.#add(new FakePlivoCall(context, options));
    this.#track(call.run());
  }

  #cancel(requestUuid: string): ApiReply {
    const ringing = this.#ringing.get(requestUuid);
    if (ringing === undefined) return failure(404, 'request not found');
    ringing.timer.cancel();
    this.#ringing.delete(requestUuid);
    this.#gaveUp(ringing.hangupUrl, {
      ...ringing.fields,
      CallStatus: 'cancel',
      HangupCause: 'ORIGINATOR_CANCEL',
    });
    return { status: 204 };
  }

  #press(call: FakePlivoCall, { digits }: Body): ApiReply {
    if (typeof digits !== 'string' || !/^[0-9A-D*#wW]+$/.test(digits))
      return failure(400, 'digits parameter not valid');
    this.digits.set(call.callUuid, (this.digits.get(call.callUuid) ?? '') + digits);
    return { status: 202, body: { api_id: randomUUID(), message: 'digits sent' } };
  }

  #transfer(call: FakePlivoCall, body: Body): ApiReply {
    const { legs = 'aleg', aleg_url: url, aleg_method: method = 'POST' } = body;
    if (legs !== 'aleg') return failure(400, 'only the aleg is known to this fake');
    if (!isWebUrl(url)) return failure(400, 'aleg_url is not a valid URL');
    call.redirect(String(url), method === 'GET' ? 'GET' : 'POST');
    const answer = { api_id: randomUUID(), message: 'call transferred', call_uuids: [call.callUuid] };
    return { status: 202, body: answer };
  }

  #gaveUp(hangupUrl: string | undefined, fields: Readonly<Record<string, string>>): void {
    if (hangupUrl !== undefined) this.#post(hangupUrl, { ...fields, Event: 'Hangup', Duration: '0' });
  }

  /** Nobody waits for the answer, and a refusal changes nothing. */
  #post(url: string, fields: Readonly<Record<string, string>>): void {
    this.#track(this.#webhooks.send(url, fields, 'POST').catch(() => undefined));
  }

  #track(work: Promise<unknown>): void {
    const done: Promise<void> = work.then(() => {
      this.#running.delete(done);
    });
    this.#running.add(done);
  }

  #isAuthorized(header: string | undefined): boolean {
    const { authId, authToken } = this.#options;
    const expected = Buffer.from(`Basic ${Buffer.from(`${authId}:${authToken}`).toString('base64')}`);
    const given = Buffer.from(header ?? '');
    return given.length === expected.length && timingSafeEqual(given, expected);
  }
}

const notAnswered = {
  busy: { CallStatus: 'busy', HangupCause: 'USER_BUSY' },
  'no-answer': { CallStatus: 'no-answer', HangupCause: 'NO_ANSWER' },
} as const;

function failure(status: number, error: string): ApiReply {
  return { status, body: { api_id: randomUUID(), error } };
}

function isWebUrl(value: unknown): boolean {
  return typeof value === 'string' && URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
}

/** An empty body is an empty object; undefined for what is no JSON object. */
function readBody(text: string): Body | undefined {
  if (text === '') return {};
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
      ? { ...parsed }
      : undefined;
  } catch {
    // Not JSON: answered with 400.
    return undefined;
  }
}
