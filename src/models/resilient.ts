import type { AudioChunk } from '../audio/chunk.ts';
import type { AudioFormat } from '../audio/format.ts';
import { sameFormat } from '../audio/format.ts';
import type { Clock, Timeout } from '../base/clock.ts';
import { PatchcordError } from '../base/errors.ts';
import type {
  AudioItem,
  AudioSink,
  Interruption,
  ModelCapabilities,
  ModelEvents,
  ModelSession,
  ResponseDone,
  ResponseRequest,
  SessionOptions,
  SpeechModel,
  ToolCall,
} from '../call/model-session.ts';
import { type Backoff, fullJitterMs } from './backoff.ts';

export interface ResilientOptions {
  readonly clock: Clock;
  /** [0, 1); tests bring their own. */
  readonly random?: () => number;
  /** A call's first session must be ready within this. Default 10,000. */
  readonly connectBoundMs?: number;
  /** A session lost in the call must be replaced within this. Default 5000. */
  readonly resumeBoundMs?: number;
  /** Outages that a call survives. Default 1. */
  readonly outages?: number;
  /** A session that lived this long gives the call all its outages back. Default 60,000. */
  readonly healthyAfterMs?: number;
  /** Default 250 up to 2000. */
  readonly backoff?: Backoff;
}

/** The least that an attempt gets, unless the bound ends before. */
const minAttemptMs = 1500;

type Bounds = Required<ResilientOptions>;

/**
 * A model whose sessions survive what can be survived: opening is tried again while the phone waits, and a session
 * that is lost in the call is replaced by one that knows what was said and heard.
 */
export function resilientModel(model: SpeechModel, options: ResilientOptions): SpeechModel {
  const bounds: Bounds = {
    clock: options.clock,
    random: options.random ?? Math.random,
    connectBoundMs: options.connectBoundMs ?? 10_000,
    resumeBoundMs: options.resumeBoundMs ?? 5000,
    outages: options.outages ?? 1,
    healthyAfterMs: options.healthyAfterMs ?? 60_000,
    backoff: options.backoff ?? { baseMs: 250, capMs: 2000 },
  };
  return {
    name: model.name,
    open: (sessionOptions, events) => new ResilientSession(model, bounds, sessionOptions, events),
  };
}

/** One session at a time, and the time in which the next one has to be ready. */
class ResilientSession implements ModelSession {
  readonly #model: SpeechModel;
  readonly #bounds: Bounds;
  readonly #options: SessionOptions;
  readonly #events: ModelEvents;
  #inner: ModelSession;
  /** Events of any session but this one are late and reach nobody. */
  #generation = 0;
  #phase: 'opening' | 'ready' | 'closed' = 'opening';
  #attempt = 0;
  #outagesLeft: number;
  #boundAt = 0;
  #bound: Timeout | undefined;
  #retry: Timeout | undefined;
  /** Ends an attempt that hangs, so that another fits into the bound. */
  #attemptWatch: Timeout | undefined;
  #readySince = 0;
  #protected: boolean;
  #lastError: PatchcordError | undefined;

  constructor(model: SpeechModel, bounds: Bounds, options: SessionOptions, events: ModelEvents) {
    this.#model = model;
    this.#bounds = bounds;
    this.#options = options;
    this.#events = events;
    this.#outagesLeft = bounds.outages;
    this.#protected = options.protectOpening;
    this.#startBound(bounds.connectBoundMs);
    this.#inner = this.#open();
  }

  get capabilities(): ModelCapabilities {
    return this.#inner.capabilities;
  }

  get receives(): AudioFormat {
    return this.#inner.receives;
  }

  get sends(): AudioFormat {
    return this.#inner.sends;
  }

  get truncateMarginMs(): number {
    return this.#inner.truncateMarginMs;
  }

  appendAudio(audio: AudioChunk): void {
    if (this.#phase === 'ready') this.#inner.appendAudio(audio);
  }

  get audioSink(): AudioSink {
    return this.#inner.audioSink ?? this.#inner;
  }

  interrupt(interruption: Interruption): void {
    if (this.#phase === 'ready') this.#inner.interrupt(interruption);
  }

  addText(role: 'caller' | 'system', text: string): void {
    if (this.#phase === 'ready') this.#inner.addText(role, text);
  }

  toolResult(toolCallId: string, output: string): void {
    if (this.#phase === 'ready') this.#inner.toolResult(toolCallId, output);
  }

  requestResponse(request: ResponseRequest): void {
    if (this.#phase === 'ready') this.#inner.requestResponse(request);
  }

  /** Kept for the next session too, also while none is ready. */
  protect(on: boolean): void {
    this.#protected = on;
    if (this.#phase === 'ready') this.#inner.protect(on);
  }

  restart(): void {
    if (this.#phase === 'closed') return;
    if (this.#phase === 'ready') {
      this.#reopening();
      this.#events.resuming(undefined);
    }
    // One that is being opened may have been told the history already.
    if (this.#isOpening()) this.#retryAfter(0);
  }

  renew(error: PatchcordError): void {
    if (this.#phase === 'ready') this.#lost(error);
  }

  close(): void {
    if (this.#phase === 'closed') return;
    this.#end();
  }

  #open(): ModelSession {
    this.#generation += 1;
    const generation = this.#generation;
    const { clock } = this.#bounds;
    const attemptMs = Math.max(minAttemptMs, (this.#boundAt - clock.now()) / 2);
    this.#attemptWatch = clock.setTimeout(() => {
      this.#lost(
        new PatchcordError('PATCHCORD_MODEL_TIMEOUT', undefined, { attemptMs: Math.round(attemptMs) }),
      );
    }, attemptMs);
    const { callId, agent, party, tools, prefers, log } = this.#options;
    return this.#model.open(
      {
        callId,
        agent,
        party,
        tools,
        prefers,
        log,
        protectOpening: this.#protected,
        history: () => this.#options.history(),
      },
      new SessionListener(this.#events, {
        isCurrent: () => generation === this.#generation && this.#phase !== 'closed',
        ready: () => this.#ready(),
        lost: (error) => this.#lost(error),
      }),
    );
  }

  #ready(): void {
    this.#phase = 'ready';
    this.#bound?.cancel();
    this.#bound = undefined;
    this.#attemptWatch?.cancel();
    this.#attemptWatch = undefined;
    this.#readySince = this.#bounds.clock.now();
    this.#events.ready();
  }

  #lost(error: PatchcordError): void {
    this.#lastError = error;
    if (this.#phase === 'opening') {
      this.#tryAgain(error);
      return;
    }
    const livedMs = this.#bounds.clock.now() - this.#readySince;
    if (livedMs >= this.#bounds.healthyAfterMs) this.#outagesLeft = this.#bounds.outages;
    if (!canHeal(error) || this.#outagesLeft <= 0) {
      this.#giveUp(error);
      return;
    }
    this.#outagesLeft -= 1;
    this.#reopening();
    this.#events.resuming(withDetails(error, { livedMs: Math.round(livedMs) }));
    // The call may have been closed by what it was just told.
    if (this.#isOpening()) this.#retryAfter(0);
  }

  #reopening(): void {
    this.#phase = 'opening';
    this.#attempt = 0;
    this.#startBound(this.#bounds.resumeBoundMs);
  }

  #tryAgain(error: PatchcordError): void {
    if (!canHeal(error)) {
      this.#giveUp(error);
      return;
    }
    const { clock, backoff, random } = this.#bounds;
    const askedMs = error.details.retryAfterMs;
    const delayMs = Math.max(
      fullJitterMs(this.#attempt, backoff, random),
      typeof askedMs === 'number' ? askedMs : 0,
    );
    this.#attempt += 1;
    // No attempt could start within the bound any more.
    if (clock.now() + delayMs >= this.#boundAt) {
      this.#giveUp(error);
      return;
    }
    this.#events.failed(withDetails(error, { retryInMs: Math.round(delayMs) }), false);
    // The call may have been closed by what it was just told.
    if (this.#isOpening()) this.#retryAfter(delayMs);
  }

  #retryAfter(delayMs: number): void {
    this.#generation += 1;
    this.#attemptWatch?.cancel();
    this.#retry?.cancel();
    this.#inner.close();
    this.#retry = this.#bounds.clock.setTimeout(() => {
      this.#retry = undefined;
      const before = this.#inner;
      this.#inner = this.#open();
      if (sameFormat(before.receives, this.#inner.receives) && sameFormat(before.sends, this.#inner.sends))
        return;
      this.#giveUp(new PatchcordError('PATCHCORD_AUDIO_FORMAT'));
    }, delayMs);
  }

  #startBound(boundMs: number): void {
    const { clock } = this.#bounds;
    this.#boundAt = clock.now() + boundMs;
    this.#bound = clock.setTimeout(() => {
      this.#giveUp(
        new PatchcordError('PATCHCORD_MODEL_UNREACHABLE', undefined, { boundMs }, this.#lastError),
      );
    }, boundMs);
  }

  #giveUp(error: PatchcordError): void {
    this.#end();
    this.#events.failed(error, true);
  }

  #end(): void {
    this.#phase = 'closed';
    this.#bound?.cancel();
    this.#retry?.cancel();
    this.#attemptWatch?.cancel();
    this.#inner.close();
  }

  #isOpening(): boolean {
    return this.#phase === 'opening';
  }
}

function withDetails(error: PatchcordError, more: Record<string, unknown>): PatchcordError {
  return new PatchcordError(error.code, error.message, { ...error.details, ...more }, error);
}

interface ListenerPort {
  /** False: another session has taken this one's place. */
  isCurrent(): boolean;
  ready(): void;
  lost(error: PatchcordError): void;
}

/** What one session tells goes on to the call while that session is the call's. */
class SessionListener implements ModelEvents {
  readonly #events: ModelEvents;
  readonly #port: ListenerPort;

  constructor(events: ModelEvents, port: ListenerPort) {
    this.#events = events;
    this.#port = port;
  }

  ready(): void {
    if (this.#port.isCurrent()) this.#port.ready();
  }

  resuming(error: PatchcordError | undefined): void {
    if (this.#port.isCurrent()) this.#events.resuming(error);
  }

  speechStarted(itemId: string | undefined): void {
    if (this.#port.isCurrent()) this.#events.speechStarted(itemId);
  }

  speechStopped(itemId: string | undefined, silentForMs?: number): void {
    if (this.#port.isCurrent()) this.#events.speechStopped(itemId, silentForMs);
  }

  callerText(itemId: string, text: string, final: boolean): void {
    if (this.#port.isCurrent()) this.#events.callerText(itemId, text, final);
  }

  responseStarted(responseId: string, requestId: string | undefined): void {
    if (this.#port.isCurrent()) this.#events.responseStarted(responseId, requestId);
  }

  audio(item: AudioItem, chunk: AudioChunk): void {
    if (this.#port.isCurrent()) this.#events.audio(item, chunk);
  }

  audioDone(item: AudioItem): void {
    if (this.#port.isCurrent()) this.#events.audioDone(item);
  }

  agentText(item: AudioItem, delta: string): void {
    if (this.#port.isCurrent()) this.#events.agentText(item, delta);
  }

  toolCall(call: ToolCall): void {
    if (this.#port.isCurrent()) this.#events.toolCall(call);
  }

  responseDone(done: ResponseDone): void {
    if (this.#port.isCurrent()) this.#events.responseDone(done);
  }

  requestRefused(error: PatchcordError, activeResponse: boolean): void {
    if (this.#port.isCurrent()) this.#events.requestRefused(error, activeResponse);
  }

  goingAway(timeLeftMs: number): void {
    if (this.#port.isCurrent()) this.#events.goingAway(timeLeftMs);
  }

  failed(error: PatchcordError, fatal: boolean): void {
    if (!this.#port.isCurrent()) return;
    if (fatal) this.#port.lost(error);
    else this.#events.failed(error, false);
  }
}

/** Whether another session may fare better: not with a wrong key or settings, nor with a request that is plainly wrong. */
function canHeal(error: PatchcordError): boolean {
  switch (error.code) {
    case 'PATCHCORD_MODEL_AUTH':
    case 'PATCHCORD_MODEL_REJECTED':
    case 'PATCHCORD_AUDIO_FORMAT':
    case 'PATCHCORD_CONFIG_INVALID':
      return false;
    default: {
      const status = error.details.status;
      const wrong = typeof status === 'number' && status >= 400 && status < 500;
      return !wrong || status === 408 || status === 425 || status === 429;
    }
  }
}
