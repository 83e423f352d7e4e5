import { randomBytes, randomUUID } from 'node:crypto';
import type { Clock, Timeout } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { ApiReply } from '../phone/api-server.ts';
import { Caller } from '../phone/caller.ts';
import type { GatewayHttp } from '../phone/gateway-http.ts';
import type { PhoneLine } from '../phone/line.ts';
import type { LineRecord } from '../phone/line-record.ts';
import type { TakenCommand, TelnyxCallOptions, TelnyxCallRecord } from './call-record.ts';
import {
  type CommandBody,
  checkCommand,
  type StreamRequest,
  streamOf,
  type TelnyxAction,
} from './commands.ts';
import type { TelnyxKeys } from './keys.ts';
import { openMedia } from './media.ts';
import { refusalOf } from './refusals.ts';
import { dataReply, errorReply } from './replies.ts';
import { TelnyxWebhooks } from './webhooks.ts';

/** What a call has of the account that it belongs to. */
export interface TelnyxCallContext {
  readonly clock: Clock;
  readonly http: GatewayHttp;
  readonly keys: TelnyxKeys;
  /** Path or URL of the application's webhook. */
  readonly webhook: string;
  readonly connectionId: string;
  /** Takes `ws://` stream URLs too: for a gateway without TLS. */
  readonly allowInsecureStream: boolean;
}

const defaultMaxCallMs = 120_000;
const defaultMaxRingMs = 30_000;
/** Whoever closes the media and does not hang up leaves the caller in silence: so long does the caller listen to it. */
const silenceMs = 3_000;
const bridgeMs = 100;

/** One call at Telnyx: its events, the commands that the gateway gives for it, its media stream. Use once. */
export class FakeTelnyxCall {
  readonly callControlId = `v3:${randomBytes(33).toString('base64url')}`;
  readonly callLegId = randomUUID();
  readonly callSessionId = randomUUID();
  readonly from: string;
  readonly to: string;
  readonly direction: 'incoming' | 'outgoing';
  readonly #context: TelnyxCallContext;
  readonly #options: TelnyxCallOptions;
  readonly #clock: Clock;
  readonly #webhooks: TelnyxWebhooks;
  readonly #caller: Caller;
  readonly #startedAtMs: number;
  readonly #over = Promise.withResolvers<void>();
  readonly #timers = new Set<Timeout>();
  readonly #commands: TakenCommand[] = [];
  readonly #replies = new Map<string, ApiReply>();
  readonly #notices: string[] = [];
  readonly #spoken: string[] = [];
  #digits = '';
  #transferredTo: string | undefined;
  #clientState: string | undefined;
  #answeredAtMs: number | undefined;
  #endedAtMs: number | undefined;
  #failure: string | undefined;
  #hangup: { readonly cause: string; readonly source: 'caller' | 'callee' } | undefined;
  #line: PhoneLine | undefined;
  /** From the command to the end of the media. */
  #streaming = false;
  #hangupTold = false;
  #silence: Timeout | undefined;
  #begun = false;

  constructor(context: TelnyxCallContext, options: TelnyxCallOptions = {}) {
    this.#context = context;
    this.#options = options;
    this.#clock = context.clock;
    this.#startedAtMs = this.#clock.now();
    this.from = options.from ?? '+15550001111';
    this.to = options.to ?? '+15550002222';
    this.direction = options.direction ?? 'incoming';
    this.#caller = new Caller({ steps: options.steps ?? [], background: options.background ?? 'silence' });
    const own = options.dial?.webhook_url;
    this.#webhooks = new TelnyxWebhooks({
      clock: this.#clock,
      http: context.http,
      keys: context.keys,
      url: typeof own === 'string' ? own : context.webhook,
      common: () => this.#common(),
      failed: (eventType, reason) => this.#webhookFailed(eventType, reason),
    });
    this.#noteState(options.dial ?? {});
  }

  /** The media stream while there is one; also after its end. */
  get stream(): PhoneLine | undefined {
    return this.#line;
  }

  get begun(): boolean {
    return this.#begun;
  }

  get ended(): boolean {
    return this.#hangup !== undefined;
  }

  /** Settles when the call has ended and everybody was told. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  get answered(): boolean {
    return this.#answeredAtMs !== undefined;
  }

  /** Plays an incoming call from its first event to `call.hangup`. Never rejects: what went wrong is on record. */
  async run(): Promise<TelnyxCallRecord> {
    this.#begun = true;
    void this.#webhooks.send('call.initiated', {
      direction: this.direction,
      state: this.direction === 'incoming' ? 'parked' : 'bridging',
      start_time: new Date(this.#clock.epochMs()).toISOString(),
      caller_id_name: this.from,
      tags: [],
    });
    if (this.direction === 'incoming') {
      this.#after(this.#options.maxRingMs ?? defaultMaxRingMs, () => this.#unanswered());
    }
    await this.#over.promise;
    return this.record;
  }

  get record(): TelnyxCallRecord {
    return {
      callControlId: this.callControlId,
      failure: this.#failure,
      hangupCause: this.#hangup?.cause ?? 'unspecified',
      hangupSource: this.#hangup?.source ?? 'caller',
      startedAtMs: this.#startedAtMs,
      answeredAtMs: this.#answeredAtMs,
      endedAtMs: this.#endedAtMs ?? this.#clock.now(),
      stream: this.#line?.record,
      commands: this.#commands,
      notices: this.#notices,
      spoken: this.#spoken,
      digits: this.#digits,
      transferredTo: this.#transferredTo,
    };
  }

  /** The caller hangs up. */
  hangUp(): void {
    if (this.#streaming) this.#line?.stop('caller');
    this.end(this.answered ? 'normal_clearing' : 'originator_cancel', 'caller');
  }

  /** The telephone network ends the call, for example with `user_busy`. */
  end(cause: string, source: 'caller' | 'callee'): void {
    if (this.#hangup !== undefined) return;
    this.#hangup = { cause, source };
    this.#endedAtMs = this.#clock.now();
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    if (this.#streaming) this.#line?.stop('carrier');
    const told = this.#webhooks.send('call.hangup', {
      hangup_cause: cause,
      hangup_source: source,
      sip_hangup_cause: cause === 'normal_clearing' ? '200' : '486',
      start_time: new Date(this.#clock.epochMs()).toISOString(),
    });
    void told.then(() => {
      this.#hangupTold = true;
      this.#settle();
    });
  }

  /** A dialled call rings for so long; then it is picked up, or ends with a cause. */
  ring(forMs: number, then: 'answer' | { readonly cause: string }): void {
    this.#after(forMs, () => {
      if (then === 'answer') this.#answer('dial', this.#options.dial ?? {});
      else this.end(then.cause, 'callee');
    });
  }

  /** One command of the gateway's, over REST. A `command_id` that came before is answered as it was then. */
  command(action: TelnyxAction, body: CommandBody): ApiReply {
    const id = typeof body.command_id === 'string' ? body.command_id : undefined;
    const known = id === undefined ? undefined : this.#replies.get(id);
    if (known !== undefined) return known;
    const reply = this.#take(action, body);
    if (id !== undefined && reply.status === 200) this.#replies.set(id, reply);
    return reply;
  }

  #take(action: TelnyxAction, body: CommandBody): ApiReply {
    if (this.ended) return errorReply(422, '90018', 'Call has already ended');
    const { errors, ignored } = checkCommand(action, body);
    if (errors.length > 0) return { status: 422, body: { errors } };
    const refusal = refusalOf(action, body, {
      answered: this.answered,
      streaming: this.#streaming,
      direction: this.direction,
      codec: this.#options.codec ?? 'PCMU',
      allowInsecureStream: this.#context.allowInsecureStream,
    });
    if (refusal !== undefined) return refusal;
    for (const name of ignored) this.#notices.push(`${action} has no field ${name}`);
    this.#commands.push({ action, body });
    this.#noteState(body);
    this.#run(action, body);
    return dataReply({ result: 'ok' });
  }

  #run(action: TelnyxAction, body: CommandBody): void {
    switch (action) {
      case 'answer':
        this.#answer(action, body);
        break;
      case 'streaming_start':
        this.#startStream(action, body);
        break;
      case 'streaming_stop':
        this.#line?.stop('gateway');
        break;
      case 'reject':
        this.#failure ??= 'rejected by the gateway';
        this.end(body.cause === 'USER_BUSY' ? 'user_busy' : 'call_rejected', 'callee');
        break;
      case 'hangup':
        if (this.#streaming) this.#line?.stop('gateway');
        this.end('normal_clearing', this.direction === 'incoming' ? 'callee' : 'caller');
        break;
      case 'speak':
        this.#spoken.push(String(body.payload));
        void this.#webhooks.send('call.speak.started');
        this.#silence?.cancel();
        this.#after(this.#options.speakMs ?? 300, () => this.#spoke());
        break;
      case 'transfer':
        this.#transferredTo = String(body.to);
        this.#after(bridgeMs, () => this.#bridge());
        break;
      case 'send_dtmf':
        this.#digits += String(body.digits);
        break;
      case 'dial':
        break;
    }
  }

  #spoke(): void {
    void this.#webhooks.send('call.speak.ended');
    if (this.#line?.ended === true) this.#listenToSilence();
  }

  #answer(action: TelnyxAction, body: CommandBody): void {
    this.#answeredAtMs = this.#clock.now();
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    this.#after(this.#options.maxCallMs ?? defaultMaxCallMs, () => this.hangUp());
    void this.#webhooks.send('call.answered');
    this.#startStream(action, body);
  }

  /** The other party is there: what was streamed goes on without the gateway. */
  #bridge(): void {
    void this.#webhooks.send('call.bridged');
    if (this.#streaming) this.#line?.stop('carrier');
    this.#after(bridgeMs, () => this.end('normal_clearing', 'caller'));
  }

  #startStream(action: TelnyxAction, body: CommandBody): void {
    const stream = streamOf(action, body, this.#options.codec ?? 'PCMU');
    if (stream === undefined || typeof stream === 'string') return;
    this.#streaming = true;
    // Never rejects.
    void this.#stream(stream);
  }

  async #stream(asked: StreamRequest): Promise<void> {
    const { network, seed = 1, player, maxCallMs = defaultMaxCallMs, byteOrder } = this.#options;
    const { clock, http } = this.#context;
    const { callControlId, callSessionId, from, to } = this;
    const streamId = randomUUID();
    try {
      this.#line = await openMedia({
        clock,
        http,
        caller: this.#caller,
        asked,
        streamId,
        call: { callControlId, callSessionId, from, to, clientState: this.#clientState },
        byteOrder,
        network,
        seed,
        player,
        expectedMs: maxCallMs,
        ended: (record) => this.#lineEnded(record, asked.url),
      });
    } catch (error) {
      this.#failure ??= `stream: ${messageOf(error)}`;
      const params = { stream_url: asked.url, stream_track: asked.track };
      const failed = { failure_reason: 'connection_failed', stream_id: streamId, stream_params: params };
      void this.#webhooks.send('streaming.failed', { ...failed, stream_type: 'websocket' });
      this.#streamOver();
      return;
    }
    if (!this.ended) void this.#webhooks.send('streaming.started', { stream_url: asked.url });
    this.#line.start();
    if (this.ended) this.#line.stop('carrier');
  }

  #lineEnded(record: LineRecord, streamUrl: string): void {
    if (record.endedBy === 'network') this.#failure ??= 'the media socket was lost';
    if (record.endedBy === 'carrier' && !this.ended && this.#transferredTo === undefined) {
      this.#failure ??= 'the gateway flooded the media socket';
    }
    void this.#webhooks.send('streaming.stopped', { stream_url: streamUrl });
    this.#streamOver();
    if (record.endedBy === 'caller') this.end('normal_clearing', 'caller');
    else this.#listenToSilence();
  }

  /** The call goes on without its media: the gateway has to say something, and to hang up. */
  #listenToSilence(): void {
    if (this.ended || this.#transferredTo !== undefined) return;
    this.#silence?.cancel();
    this.#silence = this.#after(silenceMs, () => {
      this.#failure ??= 'the gateway ended the media and did not hang up';
      this.end('normal_clearing', 'caller');
    });
  }

  #streamOver(): void {
    this.#streaming = false;
    this.#settle();
  }

  /** The call is over when everybody was told and no media flows any more. */
  #settle(): void {
    if (this.#hangupTold && !this.#streaming) this.#over.resolve();
  }

  #unanswered(): void {
    this.#failure ??= 'the gateway did not answer the call';
    this.hangUp();
  }

  #webhookFailed(eventType: string, reason: string): void {
    this.#notices.push(`${eventType}: ${reason}`);
    if (eventType !== 'call.initiated') return;
    this.#failure ??= `webhook: ${reason}`;
    this.end('originator_cancel', 'caller');
  }

  #noteState({ client_state: state }: CommandBody): void {
    if (typeof state === 'string') this.#clientState = state;
  }

  #common(): Readonly<Record<string, unknown>> {
    return {
      call_control_id: this.callControlId,
      call_leg_id: this.callLegId,
      call_session_id: this.callSessionId,
      connection_id: this.#context.connectionId,
      client_state: this.#clientState ?? null,
      from: this.from,
      to: this.to,
    };
  }

  #after(delayMs: number, callback: () => void): Timeout {
    const timer = this.#clock.setTimeout(() => {
      this.#timers.delete(timer);
      callback();
    }, delayMs);
    this.#timers.add(timer);
    return timer;
  }
}
