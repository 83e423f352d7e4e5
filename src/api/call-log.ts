import type { Logger } from '../base/logger.ts';
import type { CallEvent, CallSnapshot } from '../call/events.ts';
import type { Turn } from '../call/turn.ts';

export interface CallLogOptions {
  readonly log: Logger;
  /** True: what people say and which keys they press may be logged. */
  readonly content: boolean;
}

/** An observer that writes the life of each call into the log, under its `callId`; never a line per frame or word. */
export function callLog(options: CallLogOptions): (event: CallEvent) => void {
  const log = new CallLog(options);
  return (event) => log.told(event);
}

class CallLog {
  readonly #log: Logger;
  readonly #content: boolean;
  readonly #carriers = new Map<string, string>();
  /** Fatal errors of this turn of the event loop, by call. */
  readonly #failures = new Map<string, ErrorEvent>();
  /** Calls whose audio is being lost for want of a model, and how much of it since when that was logged. */
  readonly #losing = new Map<string, number>();

  constructor({ log, content }: CallLogOptions) {
    this.#log = log;
    this.#content = content;
  }

  told(event: CallEvent): void {
    if (!isLogged(event)) return;
    const { callId } = event;
    if (event.type === 'call.started') this.#carriers.set(callId, event.call.carrier);
    if (event.type === 'error' && event.fatal) {
      this.#failed(event);
      return;
    }
    if (event.type === 'caller-audio.lost' && this.#loses(event)) return;
    if (event.type === 'model.state' && event.to === 'ready') this.#losesNoMore(callId);
    if (event.type !== 'call.ended') {
      this.#write(event);
      return;
    }
    this.#write(event, this.#failures.get(callId));
    this.#failures.delete(callId);
    this.#carriers.delete(callId);
    this.#losing.delete(callId);
  }

  /** It is told for every frame. The first has a line; true: this one needs none. */
  #loses({ callId, lostMs }: LostEvent): boolean {
    const soFarMs = this.#losing.get(callId);
    this.#losing.set(callId, (soFarMs ?? 0) + lostMs);
    return soFarMs !== undefined;
  }

  /** The model listens again. Where the call ends first, the line of its end has the total. */
  #losesNoMore(callId: string): void {
    const lostMs = this.#losing.get(callId);
    if (!this.#losing.delete(callId)) return;
    this.#log.warn({ ...this.#ids(callId), lostMs: rounded(lostMs) }, 'caller audio is heard again');
  }

  /**
   * What ends a call at once, such as a peer that was refused, stands on the line of its end; the peer's line was written
   * by who refused it. Else the error has a line of its own, for the call may last until its goodbye was heard.
   */
  #failed(event: ErrorEvent): void {
    const { callId } = event;
    const before = this.#failures.get(callId);
    if (before !== undefined) this.#write(before);
    this.#failures.set(callId, event);
    queueMicrotask(() => {
      if (this.#failures.get(callId) !== event) return;
      this.#failures.delete(callId);
      this.#write(event);
    });
  }

  #write(event: LoggedEvent, failure?: ErrorEvent): void {
    const ids = this.#ids(event.callId);
    if (event.type === 'call.ended') writeEnd(this.#log, ids, event, failure);
    else write(this.#log, ids, event, this.#content);
  }

  #ids(callId: string): object {
    const carrier = this.#carriers.get(callId);
    return { callId, ...(carrier === undefined ? {} : { carrier }) };
  }
}

/** The rest is told too often, or told by another line. */
function isLogged(event: CallEvent): event is LoggedEvent {
  switch (event.type) {
    case 'turn.started':
    case 'turn.updated':
    case 'speech.started':
    case 'speech.stopped':
    case 'usage':
      return false;
    default:
      return true;
  }
}

type UnloggedType = 'turn.started' | 'turn.updated' | 'speech.started' | 'speech.stopped' | 'usage';
type ErrorEvent = Extract<CallEvent, { readonly type: 'error' }>;
type LostEvent = Extract<CallEvent, { readonly type: 'caller-audio.lost' }>;
type EndedEvent = Extract<CallEvent, { readonly type: 'call.ended' }>;
type LoggedEvent = Exclude<CallEvent, { readonly type: UnloggedType }>;

function write(log: Logger, ids: object, event: Exclude<LoggedEvent, EndedEvent>, content: boolean): void {
  switch (event.type) {
    case 'call.started': {
      const { carrierCallId, direction, agent, model } = event.call;
      log.info({ ...ids, carrierCallId, direction, agent, model }, 'call started');
      return;
    }
    case 'call.state':
      log.info({ ...ids, from: event.from, to: event.to, cause: event.cause }, 'call state');
      return;
    case 'model.state':
      log.info({ ...ids, from: event.from, to: event.to, cause: event.cause }, 'model state');
      return;
    case 'turn.ended':
      // Who asks for the words wants to see them; else the answer's and the barge-in's lines say enough.
      log[content ? 'info' : 'debug']({ ...ids, ...turnFields(event.turn, content) }, 'turn ended');
      return;
    case 'barge-in': {
      const heardMs = event.items.reduce((sum, item) => sum + item.heardMs, 0);
      const generatedMs = event.items.reduce((sum, item) => sum + item.generatedMs, 0);
      // Mostly a small part of a millisecond.
      const clearMs = Math.round(event.clearMs * 1000) / 1000;
      log.info({ ...ids, cause: event.cause, clearMs, heardMs, generatedMs }, 'barge-in');
      return;
    }
    case 'latency.pick-up':
      log.info({ ...ids, firstAudioMs: rounded(event.firstAudioMs) }, 'first audio');
      return;
    case 'latency.turn': {
      const { turnId, endpointingMs, firstAudioMs, heardMs } = event;
      const figures = { endpointingMs, firstAudioMs: rounded(firstAudioMs), heardMs: rounded(heardMs) };
      if (heardMs === undefined) log.info({ ...ids, turnId, ...figures }, 'answer');
      else log.debug({ ...ids, turnId, ...figures }, 'answer heard');
      return;
    }
    case 'digit':
      // A key may be part of a PIN.
      log.info({ ...ids, ...(content ? { digit: event.digit } : {}) }, 'digit');
      return;
    case 'tool.started':
      log.info({ ...ids, toolCallId: event.toolCallId, name: event.name }, 'tool started');
      return;
    case 'tool.finished': {
      const { toolCallId, name, ok, durationMs } = event;
      log.info({ ...ids, toolCallId, name, ok, durationMs: rounded(durationMs) }, 'tool finished');
      return;
    }
    case 'playout.underrun':
      log.debug(ids, 'underrun');
      return;
    case 'caller-audio.lost':
      log.warn({ ...ids, lostMs: rounded(event.lostMs) }, 'caller audio lost');
      return;
    case 'agent-audio.lost':
      log.warn({ ...ids, lostMs: rounded(event.lostMs) }, 'agent audio lost');
      return;
    case 'error': {
      // The line's `code` is always ours; the model's own goes beside it.
      const { code: modelCode, ...details } = event.details ?? {};
      const told = modelCode === undefined ? details : { modelCode, ...details };
      const fields = { ...told, ...ids, code: event.code, error: event.message };
      if (event.fatal) log.error(fields, 'call error');
      else log.warn(fields, 'call error');
      return;
    }
  }
}

function writeEnd(log: Logger, ids: object, event: EndedEvent, failure: ErrorEvent | undefined): void {
  const { call, reason, atEpochMs } = event;
  const fields = { ...ids, reason, ...endFields(call, atEpochMs) };
  if (failure === undefined) {
    log.info(fields, 'call ended');
    return;
  }
  const { code, message: error } = failure;
  log.error({ ...fields, carrierCallId: call.carrierCallId, code, error }, 'call ended');
}

function turnFields(turn: Turn, content: boolean): object {
  const { turnId, role, heardMs, generatedMs, cut } = turn;
  return {
    turnId,
    role,
    ...(role === 'agent' ? { heardMs: rounded(heardMs), generatedMs: rounded(generatedMs) } : {}),
    ...(cut === undefined ? {} : { cut }),
    ...(content ? { text: turn.text, heardText: turn.heardText } : {}),
  };
}

function endFields(call: CallSnapshot, endedAtEpochMs: number): object {
  const { liveMs, startedAtEpochMs, turns, stats, usage } = call;
  return {
    durationMs: Math.max(0, endedAtEpochMs - startedAtEpochMs),
    liveMs,
    turns: turns.length,
    ...stats,
    usage,
  };
}

function rounded<T extends number | undefined>(ms: T): T | number {
  return ms === undefined ? ms : Math.round(ms * 10) / 10;
}
