import { randomBytes } from 'node:crypto';
import type { Clock, Timeout } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import { NetworkConditions, type NetworkOptions } from '../network.ts';
import { Caller, type CallerStep } from '../phone/caller.ts';
import { PhoneLine } from '../phone/line.ts';
import type { PhoneCallRecord } from '../phone/line-record.ts';
import { type LineSocket, openLineSocket } from '../phone/line-socket.ts';
import type { MediaPlayerOptions } from '../phone/media-player.ts';
import { signUpgrade } from './signature.ts';
import { type CallParty, callFields, StatusCallbacks, type StatusEvent } from './status-callbacks.ts';
import { readTwiml, type TwimlVerb } from './twiml.ts';
import { WebhookClient } from './webhook-client.ts';
import { TwilioWire } from './wire.ts';

export interface FakeTwilioCallOptions {
  readonly clock: Clock;
  /** Where the gateway listens: `http://127.0.0.1:5050`. */
  readonly gatewayUrl: string;
  /** What the gateway is called by, and what is signed: `https://gw.example.com`; `gatewayUrl` unless set. */
  readonly publicUrl?: string;
  /** Path or URL of the voice webhook. */
  readonly webhook?: string;
  readonly webhookMethod?: 'POST' | 'GET';
  /** Runs this TwiML instead of asking the webhook. */
  readonly twiml?: string;
  readonly statusCallback?: string;
  readonly statusEvents?: readonly StatusEvent[];
  readonly statusMethod?: 'POST' | 'GET';
  readonly accountSid: string;
  readonly authToken: string;
  readonly from?: string;
  readonly to?: string;
  readonly direction?: CallParty['direction'];
  readonly callSid?: string;
  readonly steps?: readonly CallerStep[];
  readonly background?: 'silence' | 'noise';
  readonly network?: NetworkOptions;
  readonly seed?: number;
  readonly player?: MediaPlayerOptions;
  /** The caller hangs up this long after the answer; 120 s unless set. */
  readonly maxCallMs?: number;
  /** Takes `ws://` stream URLs too, which Twilio refuses with 31922: for a gateway without TLS. */
  readonly allowInsecureStream?: boolean;
}

/** Something Twilio's debugger would show. `code` is Twilio's, where it has one. */
export interface Notice {
  readonly code: number | undefined;
  readonly message: string;
}

/** `answeredAtMs`: when the TwiML was there, as Twilio answers the phone with its first verb. */
export interface CallRecord extends PhoneCallRecord {
  readonly callSid: string;
  readonly status: 'completed' | 'busy' | 'failed';
  readonly notices: readonly Notice[];
  /** Verbs in the order in which they ran. */
  readonly verbs: readonly TwimlVerb[];
}

/** What interrupts the running TwiML: an update over REST, or the end of the call. */
type Interruption = { readonly kind: 'end' } | { readonly kind: 'twiml' | 'url'; readonly value: string };

const maxDocuments = 20;
const defaultMaxCallMs = 120_000;

/** The whole Twilio side of one call against a gateway, with real sockets. Use once. */
export class FakeTwilioCall {
  readonly party: CallParty;
  readonly #options: FakeTwilioCallOptions;
  readonly #clock: Clock;
  readonly #webhooks: WebhookClient;
  readonly #caller: Caller;
  readonly #notices: Notice[] = [];
  readonly #verbs: TwimlVerb[] = [];
  readonly #startedAtMs: number;
  #answeredAtMs: number | undefined;
  #status: CallRecord['status'] = 'completed';
  #failure: string | undefined;
  #socket: LineSocket | undefined;
  #stream: PhoneLine | undefined;
  #interruption: Interruption | undefined;
  #wake: (() => void) | undefined;
  #limit: Timeout | undefined;

  constructor(options: FakeTwilioCallOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#startedAtMs = options.clock.now();
    const { gatewayUrl, publicUrl = gatewayUrl, authToken, clock } = options;
    this.#webhooks = new WebhookClient({ clock, authToken, publicUrl, via: gatewayUrl });
    this.#caller = new Caller({ steps: options.steps ?? [], background: options.background ?? 'silence' });
    this.party = {
      accountSid: options.accountSid,
      callSid: options.callSid ?? newSid('CA'),
      from: options.from ?? '+15550001111',
      to: options.to ?? '+15550002222',
      direction: options.direction ?? 'inbound',
    };
  }

  get callSid(): string {
    return this.party.callSid;
  }

  /** The media stream while there is one; also after its end. */
  get stream(): PhoneLine | undefined {
    return this.#stream;
  }

  /** Plays the call from the webhook to the status callback. Never rejects: what went wrong is on record. */
  async run(): Promise<CallRecord> {
    try {
      await this.#runTwiml();
    } catch (error) {
      this.#fail(messageOf(error));
    }
    this.#limit?.cancel();
    this.#socket?.destroy();
    const endedAtMs = this.#clock.now();
    await this.#postCompleted(endedAtMs);
    return {
      callSid: this.callSid,
      status: this.#status,
      failure: this.#failure,
      notices: this.#notices,
      verbs: this.#verbs,
      startedAtMs: this.#startedAtMs,
      answeredAtMs: this.#answeredAtMs,
      endedAtMs,
      stream: this.#stream?.record,
    };
  }

  /** The caller hangs up. */
  hangUp(): void {
    this.#interrupt({ kind: 'end' }, 'caller');
  }

  /** Twilio ends the call, as after `Status=completed` over REST. */
  complete(): void {
    this.#interrupt({ kind: 'end' }, 'carrier');
  }

  /** New TwiML for the running call, as after an update over REST: ends the stream. */
  redirect(to: { readonly twiml: string } | { readonly url: string }): void {
    const next: Interruption =
      'twiml' in to ? { kind: 'twiml', value: to.twiml } : { kind: 'url', value: to.url };
    this.#interrupt(next, 'carrier');
  }

  #interrupt(interruption: Interruption, by: 'caller' | 'carrier'): void {
    if (this.#interruption?.kind === 'end') return;
    this.#interruption = interruption;
    this.#stream?.stop(by);
    this.#wake?.();
  }

  async #runTwiml(): Promise<void> {
    let verbs = await this.#firstDocument();
    for (let documents = 0; verbs !== undefined; documents++) {
      if (documents >= maxDocuments) return this.#fail('the TwiML redirects without end');
      this.#answer();
      const url = await this.#runVerbs(verbs);
      const interruption = this.#interruption;
      if (interruption?.kind === 'end') return;
      this.#interruption = undefined;
      if (interruption?.kind === 'twiml') verbs = this.#parse(interruption.value);
      else if (interruption !== undefined) verbs = await this.#fetch(interruption.value);
      else verbs = url === undefined ? undefined : await this.#fetch(url);
    }
  }

  /** The caller's patience counts from here; before, the webhook's own deadline holds. */
  #answer(): void {
    if (this.#answeredAtMs !== undefined) return;
    this.#answeredAtMs = this.#clock.now();
    this.#limit = this.#clock.setTimeout(() => this.hangUp(), this.#options.maxCallMs ?? defaultMaxCallMs);
  }

  #firstDocument(): Promise<TwimlVerb[] | undefined> | TwimlVerb[] | undefined {
    const { twiml, webhook = '/incoming-call', webhookMethod } = this.#options;
    return twiml === undefined ? this.#fetch(webhook, webhookMethod) : this.#parse(twiml);
  }

  async #fetch(url: string, method: 'POST' | 'GET' = 'POST'): Promise<TwimlVerb[] | undefined> {
    const ringing = this.party.direction === 'inbound' && this.#answeredAtMs === undefined;
    const fields = callFields(this.party, ringing ? 'ringing' : 'in-progress');
    let answer: Awaited<ReturnType<WebhookClient['send']>>;
    try {
      answer = await this.#webhooks.send(url, fields, method);
    } catch (error) {
      return this.#fail(`webhook: ${messageOf(error)}`, 11_200);
    }
    if (answer.status >= 400) return this.#fail(`webhook: HTTP ${answer.status}`, 11_200);
    if (!/^(text|application)\/xml\b/i.test(answer.contentType)) {
      return this.#fail(`webhook: content type ${answer.contentType || 'missing'}, not XML`, 12_300);
    }
    return this.#parse(answer.body);
  }

  #parse(text: string): TwimlVerb[] | undefined {
    try {
      return readTwiml(text);
    } catch (error) {
      return this.#fail(messageOf(error), 12_100);
    }
  }

  /** Runs verb after verb; a URL when the call goes on with another document. */
  async #runVerbs(verbs: readonly TwimlVerb[]): Promise<string | undefined> {
    for (const verb of verbs) {
      if (this.#interruption !== undefined) return undefined;
      this.#verbs.push(verb);
      switch (verb.verb) {
        case 'connect':
          await this.#connect(verb);
          if (verb.action !== undefined && this.#interruption === undefined) return verb.action;
          break;
        case 'pause':
          await this.#pause(verb.lengthMs);
          break;
        case 'redirect':
          return verb.url;
        case 'reject':
          this.#status = 'busy';
          this.#interruption = { kind: 'end' };
          this.#failure ??= `rejected by the gateway (${verb.reason})`;
          return undefined;
        case 'hangup':
          this.#interruption = { kind: 'end' };
          return undefined;
        case 'unknown':
          this.#notices.push({ code: 12_200, message: `<${verb.name}> is no TwiML verb` });
          break;
        case 'say':
        case 'noted':
          break;
      }
    }
    return undefined;
  }

  async #connect(verb: Extract<TwimlVerb, { verb: 'connect' }>): Promise<void> {
    const url = this.#streamUrl(verb.url);
    if (url === undefined) return;
    const { clock, authToken, network, seed = 1, player, maxCallMs = defaultMaxCallMs } = this.#options;
    const { address, host } = this.#webhooks.route(url);
    const headers = {
      'x-twilio-signature': signUpgrade(authToken, url.href),
      'user-agent': 'TwilioMediaGateway',
    };
    let socket: LineSocket;
    try {
      socket = await openLineSocket({ clock, path: url.pathname, address, host, headers });
    } catch (error) {
      // Twilio falls through to the next verb.
      this.#fail(`stream: ${messageOf(error)}`, 31_920);
      return;
    }
    this.#socket = socket;
    const { accountSid } = this.party;
    const { parameters } = verb;
    const wire = new TwilioWire({ accountSid, callSid: this.callSid, streamSid: newSid('MZ'), parameters });
    await new Promise<void>((resolve) => {
      const stream = new PhoneLine({
        clock,
        transport: socket,
        wire,
        caller: this.#caller,
        network: new NetworkConditions(clock, network, seed),
        ...(player === undefined ? {} : { player }),
        expectedMs: maxCallMs,
        ended: (record) => {
          if (record.endedBy === 'caller') this.#interruption = { kind: 'end' };
          if (record.endedBy === 'network') this.#failure ??= 'the media socket was lost';
          if (record.endedBy === 'carrier' && this.#interruption === undefined) {
            this.#failure ??= 'the gateway flooded the media socket';
          }
          resolve();
        },
      });
      this.#stream = stream;
      socket.join(stream);
      stream.start();
      if (this.#interruption !== undefined) stream.stop('carrier');
    });
  }

  #streamUrl(text: string): URL | undefined {
    const { gatewayUrl, publicUrl = gatewayUrl, allowInsecureStream = false } = this.#options;
    const base = new URL(publicUrl);
    base.protocol = base.protocol === 'http:' ? 'ws:' : 'wss:';
    if (!URL.canParse(text, base.href)) return this.#fail(`stream: malformed URL ${text}`, 31_923);
    const url = new URL(text, base.href);
    const allowed = url.protocol === 'wss:' || (allowInsecureStream && url.protocol === 'ws:');
    if (!allowed) return this.#fail(`stream: the scheme of ${text} is not wss`, 31_922);
    if (url.search !== '') {
      this.#notices.push({ code: undefined, message: 'the query of the stream URL was dropped' });
      url.search = '';
    }
    return url;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        timer.cancel();
        this.#wake = undefined;
        resolve();
      };
      const timer = this.#clock.setTimeout(done, ms);
      this.#wake = done;
    });
  }

  #fail(failure: string, code?: number): undefined {
    this.#failure ??= failure;
    this.#notices.push({ code, message: failure });
    if (this.#answeredAtMs === undefined) this.#status = 'failed';
    return undefined;
  }

  async #postCompleted(endedAtMs: number): Promise<void> {
    const { statusCallback, statusEvents, statusMethod } = this.#options;
    if (statusCallback === undefined) return;
    const callbacks = new StatusCallbacks({
      clock: this.#clock,
      client: this.#webhooks,
      url: statusCallback,
      ...(statusEvents === undefined ? {} : { events: statusEvents }),
      ...(statusMethod === undefined ? {} : { method: statusMethod }),
      failed: (reason) => this.#notices.push({ code: 11_200, message: reason }),
    });
    const durationMs = endedAtMs - (this.#answeredAtMs ?? endedAtMs);
    await callbacks.post('completed', this.party, this.#status, durationMs);
  }
}

/** A new identifier as Twilio makes them: two letters and 32 hex digits. */
export function newSid(prefix: 'AC' | 'CA' | 'MZ'): string {
  return prefix + randomBytes(16).toString('hex');
}
