import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { type ApiReply, type ApiRequest, ApiServer } from '../phone/api-server.ts';
import { GatewayHttp } from '../phone/gateway-http.ts';
import { FakeTelnyxCall, type TelnyxCallContext } from './call.ts';
import type { TelnyxCallOptions } from './call-record.ts';
import { type CommandBody, checkCommand, streamOf, type TelnyxAction } from './commands.ts';
import type { TelnyxKeys } from './keys.ts';
import { dataReply, errorReply } from './replies.ts';

/** What the called party does. */
export type AnswerKind = 'answer' | 'busy' | 'no-answer' | 'reject';

export interface FakeTelnyxOptions {
  readonly clock: Clock;
  /** Where the gateway listens. May be a getter: the gateway has to know the API before it listens itself. */
  readonly gatewayUrl: string;
  /** What the gateway is called by; `gatewayUrl` unless set. */
  readonly publicUrl?: string;
  readonly keys: TelnyxKeys;
  readonly apiKey: string;
  /** Path or URL of the application's webhook. */
  readonly webhook?: string;
  readonly connectionId?: string;
  readonly allowInsecureStream?: boolean;
  /** What the called party does; answers unless set. */
  readonly answer?: (to: string) => AnswerKind;
  /** How long it rings before that; 300 ms unless set. */
  readonly ringMs?: number;
  /** How the called party behaves once it has answered. */
  readonly callee?: TelnyxCallOptions;
}

/** A request that came, refused or not. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly body: CommandBody;
  readonly status: number;
}

const maxSeen = 10_000;
const maxCalls = 2_000;
const actions: readonly string[] = [
  'answer',
  'reject',
  'hangup',
  'streaming_start',
  'streaming_stop',
  'speak',
  'transfer',
  'send_dtmf',
];

/**
 * A Telnyx account: its REST API on an own port, and the calls that come in or are dialled through it. Telnyx, "Call
 * Control" API reference: `POST /v2/calls` and `POST /v2/calls/{call_control_id}/actions/{action}`, with a bearer key.
 */
export class FakeTelnyx {
  readonly #options: FakeTelnyxOptions;
  readonly #context: TelnyxCallContext;
  readonly #server: ApiServer;
  readonly #calls = new Map<string, FakeTelnyxCall>();
  /** The newest 10,000. */
  readonly requests: SeenRequest[] = [];

  constructor(options: FakeTelnyxOptions) {
    this.#options = options;
    const { clock, keys, webhook = '/api/webhooks/telnyx' } = options;
    const http = new GatewayHttp({
      clock,
      get publicUrl() {
        return options.publicUrl ?? options.gatewayUrl;
      },
      get via() {
        return options.gatewayUrl;
      },
    });
    this.#context = {
      clock,
      http,
      keys,
      webhook,
      connectionId: options.connectionId ?? '1494404757140276705',
      allowInsecureStream: options.allowInsecureStream ?? false,
    };
    this.#server = new ApiServer({
      reply: (request) => this.#serve(request),
      tooLarge: errorReply(413, '10020', 'Request entity too large'),
      broken: errorReply(500, '10007', 'Unexpected error'),
    });
  }

  /** Resolves with the base URL, to be given as `TELNYX_API_BASE_URL`. */
  async listen(port = 0, host = '127.0.0.1'): Promise<string> {
    return `${await this.#server.listen(port, host)}/v2`;
  }

  get calls(): readonly FakeTelnyxCall[] {
    return [...this.#calls.values()];
  }

  /** A call that comes in; `run()` begins it. */
  newCall(options: TelnyxCallOptions = {}): FakeTelnyxCall {
    const call = new FakeTelnyxCall(this.#context, options);
    this.#makeRoom();
    this.#calls.set(call.callControlId, call);
    return call;
  }

  /** Ends all calls and stops listening. */
  async close(): Promise<void> {
    const ending = this.calls.filter((call) => call.begun);
    for (const call of ending) call.hangUp();
    await Promise.all(ending.map(({ over }) => over));
    await this.#server.close();
  }

  /** Of many calls, those that ended long ago are forgotten. */
  #makeRoom(): void {
    if (this.#calls.size < maxCalls) return;
    const oldest = this.calls.find(({ ended }) => ended);
    if (oldest !== undefined) this.#calls.delete(oldest.callControlId);
  }

  #serve(request: ApiRequest): ApiReply {
    const body = readBody(request.body);
    const reply =
      body === undefined ? errorReply(400, '10011', 'Malformed JSON') : this.#route(request, body);
    if (this.requests.length >= maxSeen) this.requests.shift();
    const { method, path } = request;
    this.requests.push({ method, path, body: body ?? {}, status: reply.status });
    return reply;
  }

  #route({ method, path, headers }: ApiRequest, body: CommandBody): ApiReply {
    if (!this.#isAuthorized(headers.authorization)) return errorReply(401, '10009', 'Authentication failed');
    if (method !== 'POST') return errorReply(405, '10010', 'Method not allowed');
    if (path === '/v2/calls') return this.#dial(body);
    const [, id = '', action = ''] = /^\/v2\/calls\/([^/]+)\/actions\/([^/]+)$/.exec(path) ?? [];
    const call = this.#calls.get(decoded(id));
    if (call === undefined || !isAction(action)) return errorReply(404, '10005', 'Resource not found');
    return call.command(action, body);
  }

  #dial(body: CommandBody): ApiReply {
    const { errors } = checkCommand('dial', body);
    if (errors.length > 0) return { status: 422, body: { errors } };
    const stream = streamOf('dial', body, 'PCMU');
    if (typeof stream === 'string') return errorReply(422, '90046', stream);
    const call = this.newCall({
      ...this.#options.callee,
      from: String(body.from),
      to: String(body.to),
      direction: 'outgoing',
      dial: body,
    });
    void call.run();
    this.#ring(call, body);
    return dataReply({
      call_control_id: call.callControlId,
      call_leg_id: call.callLegId,
      call_session_id: call.callSessionId,
      is_alive: false,
      record_type: 'call',
    });
  }

  #ring(call: FakeTelnyxCall, { timeout_secs: timeoutSecs }: CommandBody): void {
    const { answer, ringMs = 300 } = this.#options;
    const what = answer?.(call.to) ?? 'answer';
    const patienceMs = (typeof timeoutSecs === 'number' ? timeoutSecs : 30) * 1000;
    const then = what === 'answer' ? what : { cause: causes[what] };
    call.ring(what === 'no-answer' ? patienceMs : ringMs, then);
  }

  #isAuthorized(header: string | undefined): boolean {
    const expected = Buffer.from(`Bearer ${this.#options.apiKey}`);
    const given = Buffer.from(header ?? '');
    return given.length === expected.length && timingSafeEqual(given, expected);
  }
}

const causes: Readonly<Record<Exclude<AnswerKind, 'answer'>, string>> = {
  busy: 'user_busy',
  'no-answer': 'no_answer',
  reject: 'call_rejected',
};

/** An empty body is an empty object; undefined for what is no JSON object. */
function readBody(text: string): CommandBody | undefined {
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

function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    // Not percent-encoded as it should be: no call has such an id.
    return '';
  }
}

function isAction(text: string): text is Exclude<TelnyxAction, 'dial'> {
  return actions.includes(text);
}
