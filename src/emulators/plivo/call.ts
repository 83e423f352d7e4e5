import { randomUUID } from 'node:crypto';
import type { Clock, Timeout } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import { NetworkConditions, type NetworkOptions } from '../network.ts';
import { Caller, type CallerStep } from '../phone/caller.ts';
import { PhoneLine } from '../phone/line.ts';
import type { LineRecord, PhoneCallRecord } from '../phone/line-record.ts';
import { type LineSocket, openLineSocket } from '../phone/line-socket.ts';
import type { MediaPlayerOptions } from '../phone/media-player.ts';
import { type PlivoVerb, readPlivoXml, type StreamElement } from './plivo-xml.ts';
import type { FormFields } from './signature.ts';
import type { PlivoWebhooks, UpgradeSigning } from './webhook-client.ts';
import { PlivoWire } from './wire.ts';

/** What a call has of the account that it belongs to. */
export interface PlivoCallContext {
  readonly clock: Clock;
  readonly webhooks: PlivoWebhooks;
  readonly authId: string;
  /** Path or URL of the application's answer URL. */
  readonly answerUrl: string;
  readonly answerMethod: 'POST' | 'GET';
  readonly hangupUrl: string | undefined;
  /** Takes `ws://` stream URLs too: for a gateway without TLS. */
  readonly allowInsecureStream: boolean;
}

export interface PlivoCallOptions {
  /** With `+`; Plivo's webhooks have it without. */
  readonly from?: string;
  readonly to?: string;
  readonly direction?: 'inbound' | 'outbound';
  readonly callUuid?: string;
  /** Of the dial that made an outbound call. */
  readonly requestUuid?: string;
  readonly steps?: readonly CallerStep[];
  readonly background?: 'silence' | 'noise';
  readonly network?: NetworkOptions;
  readonly seed?: number;
  readonly player?: MediaPlayerOptions;
  /** The caller hangs up this long after the answer; 120 s unless set. */
  readonly maxCallMs?: number;
  readonly upgradeSigning?: UpgradeSigning;
}

export interface PlivoCallRecord extends PhoneCallRecord {
  readonly callUuid: string;
  readonly status: 'completed' | 'busy' | 'failed';
  /** Oddities that did not stop the call. */
  readonly notices: readonly string[];
  /** Verbs in the order in which they ran. */
  readonly verbs: readonly PlivoVerb[];
  /** Where a `<Dial>` led. */
  readonly dialledTo: readonly string[];
}

/** What interrupts the running XML: a transfer over REST, or the end of the call. */
type Interruption =
  | { readonly kind: 'end'; readonly source: 'Caller' | 'API' }
  | { readonly kind: 'url'; readonly url: string; readonly method: 'POST' | 'GET' };

const maxDocuments = 20;
const defaultMaxCallMs = 120_000;
/** More is said not to fit into Plivo's queue. */
const maxQueuedMs = 40_000;
const bridgeMs = 100;

/** One call at Plivo, from its answer URL to its hangup URL, with real sockets. Use once. */
export class FakePlivoCall {
  readonly callUuid: string;
  readonly from: string;
  readonly to: string;
  readonly #context: PlivoCallContext;
  readonly #options: PlivoCallOptions;
  readonly #clock: Clock;
  readonly #caller: Caller;
  readonly #notices: string[] = [];
  readonly #verbs: PlivoVerb[] = [];
  readonly #startedAtMs: number;
  readonly #over = Promise.withResolvers<void>();
  #dialledTo: readonly string[] = [];
  #answeredAtMs: number | undefined;
  #endedAtMs: number | undefined;
  #status: PlivoCallRecord['status'] = 'completed';
  #failure: string | undefined;
  #line: PhoneLine | undefined;
  #lineOver: Promise<void> | undefined;
  #interruption: Interruption | undefined;
  #wake: (() => void) | undefined;
  #limit: Timeout | undefined;

  constructor(context: PlivoCallContext, options: PlivoCallOptions = {}) {
    this.#context = context;
    this.#options = options;
    this.#clock = context.clock;
    this.#startedAtMs = this.#clock.now();
    this.callUuid = options.callUuid ?? randomUUID();
    this.from = options.from ?? '+15550001111';
    this.to = options.to ?? '+15550002222';
    this.#caller = new Caller({ steps: options.steps ?? [], background: options.background ?? 'silence' });
  }

  /** The media stream while there is one; also after its end. */
  get stream(): PhoneLine | undefined {
    return this.#line;
  }

  get ended(): boolean {
    return this.#endedAtMs !== undefined;
  }

  /** Settles when the call has ended and the hangup URL was told. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  get record(): PlivoCallRecord {
    return {
      callUuid: this.callUuid,
      status: this.#status,
      failure: this.#failure,
      notices: this.#notices,
      verbs: this.#verbs,
      dialledTo: this.#dialledTo,
      startedAtMs: this.#startedAtMs,
      answeredAtMs: this.#answeredAtMs,
      endedAtMs: this.#endedAtMs ?? this.#clock.now(),
      stream: this.#line?.record,
    };
  }

  /** Plays the call. Never rejects: what went wrong is on record. */
  async run(): Promise<PlivoCallRecord> {
    try {
      await this.#runXml();
    } catch (error) {
      this.#fail(messageOf(error));
    }
    this.#limit?.cancel();
    this.#line?.stop('carrier');
    await this.#lineOver;
    this.#endedAtMs = this.#clock.now();
    await this.#postHangup();
    this.#over.resolve();
    return this.record;
  }

  /** The caller hangs up. */
  hangUp(): void {
    this.#interrupt({ kind: 'end', source: 'Caller' });
  }

  /** The gateway ends the call over REST. */
  complete(): void {
    this.#interrupt({ kind: 'end', source: 'API' });
  }

  /** New XML for the running call, as after a transfer over REST: ends the stream. */
  redirect(url: string, method: 'POST' | 'GET'): void {
    this.#interrupt({ kind: 'url', url, method });
  }

  #interrupt(interruption: Interruption): void {
    if (this.#interruption?.kind === 'end') return;
    this.#interruption = interruption;
    const byCaller = interruption.kind === 'end' && interruption.source === 'Caller';
    this.#line?.stop(byCaller ? 'caller' : 'gateway');
    this.#wake?.();
  }

  async #runXml(): Promise<void> {
    const { answerUrl, answerMethod } = this.#context;
    let verbs = await this.#fetch(answerUrl, answerMethod);
    for (let documents = 0; verbs !== undefined; documents++) {
      if (documents >= maxDocuments) return this.#fail('the XML redirects without end');
      const next = await this.#runVerbs(verbs);
      const interruption = this.#interruption;
      if (interruption?.kind === 'end') return;
      this.#interruption = undefined;
      const to = interruption ?? next;
      verbs = to === undefined ? undefined : await this.#fetch(to.url, to.method);
    }
  }

  /** The caller's patience counts from here; before, the webhook's own deadline holds. */
  #answer(): void {
    if (this.#answeredAtMs !== undefined) return;
    this.#answeredAtMs = this.#clock.now();
    this.#limit = this.#clock.setTimeout(() => this.hangUp(), this.#options.maxCallMs ?? defaultMaxCallMs);
  }

  async #fetch(url: string, method: 'POST' | 'GET'): Promise<PlivoVerb[] | undefined> {
    const isRinging = this.#options.direction !== 'outbound' && this.#answeredAtMs === undefined;
    const fields = { ...this.#fields(isRinging ? 'ringing' : 'in-progress'), Event: 'StartApp' };
    try {
      const answer = await this.#context.webhooks.send(url, fields, method);
      if (answer.status >= 400) return this.#fail(`webhook: HTTP ${answer.status}`);
      if (!/^(text|application)\/xml\b/i.test(answer.contentType)) {
        return this.#fail(`webhook: content type ${answer.contentType || 'missing'}, not XML`);
      }
      return readPlivoXml(answer.body);
    } catch (error) {
      return this.#fail(`webhook: ${messageOf(error)}`);
    }
  }

  /** Runs verb after verb; where the call goes on with another document. */
  async #runVerbs(
    verbs: readonly PlivoVerb[],
  ): Promise<{ readonly url: string; readonly method: 'POST' | 'GET' } | undefined> {
    for (const verb of verbs) {
      if (this.#interruption !== undefined) return undefined;
      this.#verbs.push(verb);
      if (verb.verb !== 'hangup' || verb.reason === undefined) this.#answer();
      switch (verb.verb) {
        case 'stream':
          await this.#stream(verb);
          break;
        case 'wait':
          await this.#pause(verb.lengthMs);
          break;
        case 'redirect':
          return verb;
        case 'hangup':
          if (verb.reason !== undefined) {
            this.#status = 'busy';
            this.#failure ??= `rejected by the gateway (${verb.reason})`;
          }
          this.#interruption = { kind: 'end', source: 'API' };
          return undefined;
        case 'dial':
          this.#dialledTo = verb.numbers;
          await this.#pause(bridgeMs);
          break;
        case 'unknown':
          this.#notices.push(`<${verb.name}> is no verb of Plivo's`);
          break;
        case 'speak':
        case 'noted':
          break;
      }
    }
    return undefined;
  }

  /** With `keepCallAlive` the stream runs alone, and what follows it runs when it is over. */
  async #stream(element: StreamElement): Promise<void> {
    const streamId = randomUUID();
    const url = this.#streamUrl(element.url);
    if (url === undefined) return;
    if (!element.bidirectional) return this.#fail('stream: not bidirectional, so that nothing can be said');
    const { clock, webhooks } = this.#context;
    const signing = this.#options.upgradeSigning ?? (url.protocol === 'ws:' ? 'http' : 'https');
    let socket: LineSocket;
    try {
      socket = await openLineSocket({ clock, path: url.pathname, ...webhooks.upgrade(url, signing) });
    } catch (error) {
      this.#fail(`stream: ${messageOf(error)}`);
      this.#report(element, streamId, 'DroppedStream');
      return;
    }
    this.#report(element, streamId, 'StartStream');
    this.#lineOver = this.#runLine(socket, streamId, element);
    if (element.keepCallAlive) await this.#lineOver;
    else this.#notices.push('<Stream> without keepCallAlive: the call goes on without it');
  }

  #runLine(socket: LineSocket, streamId: string, element: StreamElement): Promise<void> {
    const { network, seed = 1, player, maxCallMs = defaultMaxCallMs } = this.#options;
    const { authId, clock } = this.#context;
    return new Promise((resolve) => {
      const timeout = clock.setTimeout(() => line.stop('carrier'), Math.min(element.timeoutMs, 2 ** 31 - 1));
      const line = new PhoneLine({
        clock,
        transport: socket,
        wire: new PlivoWire({
          callId: this.callUuid,
          streamId,
          accountId: authId,
          format: element.format,
          extraHeaders: element.extraHeaders,
          epochMs: () => clock.epochMs(),
        }),
        caller: this.#caller,
        network: new NetworkConditions(clock, network, seed),
        player: { maxQueuedMs, ...player },
        expectedMs: maxCallMs,
        ended: (record) => {
          timeout.cancel();
          this.#lineEnded(record);
          this.#report(element, streamId, record.endedBy === 'network' ? 'DroppedStream' : 'StopStream');
          resolve();
        },
      });
      this.#line = line;
      socket.join(line);
      line.start();
      if (this.#interruption !== undefined) line.stop('carrier');
    });
  }

  #lineEnded({ endedBy }: LineRecord): void {
    if (endedBy === 'caller') this.#interruption = { kind: 'end', source: 'Caller' };
    if (endedBy === 'network') this.#failure ??= 'the media socket was lost';
  }

  #streamUrl(text: string): URL | undefined {
    if (!URL.canParse(text)) return this.#fail('stream: the address is no URL');
    const url = new URL(text);
    const isAllowed =
      url.protocol === 'wss:' || (this.#context.allowInsecureStream && url.protocol === 'ws:');
    return isAllowed ? url : this.#fail(`stream: the scheme ${url.protocol} is not wss`);
  }

  /** Plivo does not say so when the call itself is hung up. */
  #report(element: StreamElement, streamId: string, event: string): void {
    const url = element.statusCallbackUrl;
    if (url === undefined || this.#interruption?.kind === 'end') return;
    const fields = {
      CallUUID: this.callUuid,
      Event: event,
      From: plain(this.from),
      To: plain(this.to),
      StreamID: streamId,
      ServiceURL: element.url,
      Timestamp: new Date(this.#clock.epochMs()).toISOString(),
    };
    void this.#post('stream callback', url, fields, element.statusCallbackMethod);
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

  #fail(failure: string): undefined {
    this.#failure ??= failure;
    this.#notices.push(failure);
    if (this.#answeredAtMs === undefined) this.#status = 'failed';
    return undefined;
  }

  async #postHangup(): Promise<void> {
    const { hangupUrl } = this.#context;
    if (hangupUrl === undefined) return;
    const ms = (this.#endedAtMs ?? 0) - (this.#answeredAtMs ?? this.#endedAtMs ?? 0);
    const source = this.#interruption?.kind === 'end' ? this.#interruption.source : 'Plivo';
    await this.#post('hangup', hangupUrl, {
      ...this.#fields(this.#status),
      Event: 'Hangup',
      Duration: String(Math.ceil(ms / 1000)),
      BillDuration: String(Math.ceil(ms / 60_000) * 60),
      HangupCause: this.#status === 'completed' ? 'NORMAL_CLEARING' : 'USER_BUSY',
      HangupSource: source,
    });
  }

  /** Never rejects. */
  async #post(what: string, url: string, fields: FormFields, method: 'POST' | 'GET' = 'POST'): Promise<void> {
    try {
      const answer = await this.#context.webhooks.send(url, fields, method);
      if (answer.status >= 400) this.#notices.push(`${what}: HTTP ${answer.status}`);
    } catch (error) {
      this.#notices.push(`${what}: ${messageOf(error)}`);
    }
  }

  /** Plivo, "Request to the answer URL". */
  #fields(status: string): FormFields {
    const { direction = 'inbound', requestUuid } = this.#options;
    return {
      CallUUID: this.callUuid,
      From: plain(this.from),
      To: plain(this.to),
      Direction: direction,
      CallStatus: status,
      ParentAuthID: this.#context.authId,
      ...(requestUuid === undefined ? {} : { RequestUUID: requestUuid }),
    };
  }
}

/** Plivo's numbers come without `+`. */
function plain(number: string): string {
  return number.replace(/^\+/, '');
}
