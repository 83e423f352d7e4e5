import { randomUUID } from 'node:crypto';
import { type ApiReply, type ApiRequest, ApiServer } from '../../../src/emulators/phone/api-server.ts';
import {
  type CommandBody,
  checkCommand,
  type StreamRequest,
  streamOf,
  type TelnyxAction,
} from '../../../src/emulators/telnyx/commands.ts';
import { TelnyxKeys } from '../../../src/emulators/telnyx/keys.ts';
import { dataReply, errorReply } from '../../../src/emulators/telnyx/replies.ts';
import type { Prepared } from '../carrier-driver.ts';

/** Written from Telnyx's "Call Control" API reference and "Receiving webhooks". */

const apiKey = 'KEY-of-the-test';

export type TelnyxSettings = Readonly<Record<string, string>>;

/** One call as Telnyx holds it, while the gateway commands it. */
export class HeldCall {
  readonly id = `v3:${randomUUID()}_${randomUUID()}`;
  /** What the gateway did that the API does not have. */
  readonly violations: string[] = [];
  readonly spoken: string[] = [];
  /** Settles with `answer`; rejects with `reject` and `hangup`. */
  readonly answered = Promise.withResolvers<void>();
  /** Settles with the stream that was asked for; rejects when the call ends before. */
  readonly stream = Promise.withResolvers<StreamRequest>();
  /** Told once, at the gateway's `hangup`. */
  onHangup: () => void = () => undefined;
  ended = false;
  readonly #gatewayUrl: string;
  readonly #keys: TelnyxKeys;
  #isAnswered = false;

  constructor(gatewayUrl: string, keys: TelnyxKeys) {
    this.#gatewayUrl = gatewayUrl;
    this.#keys = keys;
    // Whoever is interested waits for it; whoever is not need not hear of a refusal.
    this.answered.promise.catch(() => undefined);
    this.stream.promise.catch(() => undefined);
  }

  /** An event of the call; the HTTP status of its answer. */
  tell(eventType: string, payload: object = {}): Promise<number> {
    return postEvent(this.#gatewayUrl, this.#keys, eventOf(this.id, eventType, payload));
  }

  /** An event whose answer nobody waits for: the gateway may be gone by then. */
  mention(eventType: string, payload: object = {}): void {
    this.tell(eventType, payload).catch(() => undefined);
  }

  end(source: 'caller' | 'callee'): void {
    if (this.ended) return;
    this.ended = true;
    const gone = new Error('the call has ended');
    this.answered.reject(gone);
    this.stream.reject(gone);
    this.mention('call.hangup', { hangup_cause: 'normal_clearing', hangup_source: source });
  }

  command(action: TelnyxAction, body: CommandBody): ApiReply {
    if (this.ended) return errorReply(422, '90018', 'Call has already ended');
    const { errors, ignored } = checkCommand(action, body);
    for (const { detail } of errors) this.violations.push(`${action}: ${detail}`);
    for (const name of ignored) this.violations.push(`${action} has no field ${name}`);
    if (errors.length > 0) return { status: 422, body: { errors } };
    this.#obey(action, body);
    return dataReply({ result: 'ok' });
  }

  #obey(action: TelnyxAction, body: CommandBody): void {
    const early = action === 'answer' || action === 'reject' || action === 'hangup';
    if (!early && !this.#isAnswered) this.violations.push(`${action} before the answer`);
    if (action === 'answer') {
      this.#isAnswered = true;
      this.answered.resolve();
      this.mention('call.answered');
    }
    const stream = streamOf(action, body, 'PCMU');
    if (typeof stream === 'string') this.violations.push(`${action}: ${stream}`);
    else if (stream !== undefined) this.#asked(stream);
    if (action === 'hangup' || action === 'reject') {
      this.onHangup();
      this.end('callee');
    }
    if (action === 'speak') {
      this.spoken.push(String(body.payload));
      this.mention('call.speak.started');
      this.mention('call.speak.ended');
    }
  }

  #asked(stream: StreamRequest): void {
    if (!stream.url.startsWith('wss:')) this.violations.push(`a stream to ${stream.url}`);
    if (stream.outbound === undefined) this.violations.push('a stream on which nobody can speak');
    if (stream.track !== 'inbound_track') this.violations.push(`the gateway hears itself on ${stream.track}`);
    this.stream.resolve(stream);
  }
}

/** Telnyx's API on a port of its own, and the key with which its events are signed. */
export class TelnyxApi implements Prepared {
  readonly env: Readonly<Record<string, string>>;
  readonly keys: TelnyxKeys;
  readonly #server: ApiServer;
  readonly #calls: Map<string, HeldCall>;

  private constructor(
    server: ApiServer,
    calls: Map<string, HeldCall>,
    keys: TelnyxKeys,
    env: TelnyxSettings,
  ) {
    this.#server = server;
    this.#calls = calls;
    this.keys = keys;
    this.env = env;
  }

  static async start(settings: TelnyxSettings): Promise<TelnyxApi> {
    const keys = new TelnyxKeys(Buffer.alloc(32, 5));
    const calls = new Map<string, HeldCall>();
    const server = new ApiServer({
      reply: (request) => replyTo(request, calls),
      tooLarge: errorReply(413, '10020', 'Request entity too large'),
      broken: errorReply(500, '10007', 'Unexpected error'),
    });
    const origin = await server.listen();
    const env = {
      TELNYX_API_KEY: apiKey,
      TELNYX_PUBLIC_KEY: keys.publicKey,
      TELNYX_API_BASE_URL: `${origin}/v2`,
      // A call whose stream was turned away is given up after this.
      PATCHCORD_MEDIA_TIMEOUT_MS: '3000',
      ...settings,
    };
    return new TelnyxApi(server, calls, keys, env);
  }

  newCall(gatewayUrl: string): HeldCall {
    const call = new HeldCall(gatewayUrl, this.keys);
    this.#calls.set(call.id, call);
    return call;
  }

  close(): Promise<void> {
    return this.#server.close();
  }
}

function replyTo({ method, path, headers, body }: ApiRequest, calls: Map<string, HeldCall>): ApiReply {
  const [, id = '', action = ''] = /^\/v2\/calls\/([^/]+)\/actions\/([^/]+)$/.exec(path) ?? [];
  const call = calls.get(decodeURIComponent(id));
  if (method !== 'POST' || call === undefined) return errorReply(404, '10005', 'Resource not found');
  if (headers.authorization !== `Bearer ${apiKey}`) {
    call.violations.push('a command without the key');
    return errorReply(401, '10009', 'Authentication failed');
  }
  return call.command(action as TelnyxAction, JSON.parse(body === '' ? '{}' : body) as CommandBody);
}

export function eventOf(callControlId: string, eventType: string, payload: object = {}): string {
  const data = {
    id: randomUUID(),
    event_type: eventType,
    occurred_at: new Date().toISOString(),
    record_type: 'event',
    payload: {
      call_control_id: callControlId,
      call_leg_id: randomUUID(),
      call_session_id: randomUUID(),
      connection_id: '1494404757140276705',
      client_state: null,
      from: '+15550001111',
      to: '+15550002222',
      ...payload,
    },
  };
  return JSON.stringify({ data, meta: { attempt: 1, delivered_to: 'https://gw.example.com' } });
}

export const initiated = { direction: 'incoming', state: 'parked' };

export function postEvent(gatewayUrl: string, keys: TelnyxKeys, body: string): Promise<number> {
  return post(gatewayUrl, body, keys.headers(body, Date.now()));
}

/** The HTTP status. */
export async function post(
  gatewayUrl: string,
  body: string,
  headers: Readonly<Record<string, string>>,
): Promise<number> {
  const response = await fetch(`${gatewayUrl}/api/webhooks/telnyx`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
  await response.text();
  return response.status;
}
