import type { Logger } from '../base/logger.ts';
import type { CallEvent, CallSnapshot } from '../call/events.ts';
import type { Turn } from '../call/turn.ts';

export interface CallLogOptions {
  readonly log: Logger;
  /** True: what people say and which keys they press may be logged. */
  readonly content: boolean;
}

/** An observer that writes the life of each call into the log, under its `callId`; never a line per frame or word. */
export function callLog({ log, content }: CallLogOptions): (event: CallEvent) => void {
  const carriers = new Map<string, string>();
  return (event) => {
    if (!isLogged(event)) return;
    if (event.type === 'call.started') carriers.set(event.callId, event.call.carrier);
    const carrier = carriers.get(event.callId);
    write(log, { callId: event.callId, ...(carrier === undefined ? {} : { carrier }) }, event, content);
    if (event.type === 'call.ended') carriers.delete(event.callId);
  };
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
type LoggedEvent = Exclude<CallEvent, { readonly type: UnloggedType }>;

function write(log: Logger, ids: object, event: LoggedEvent, content: boolean): void {
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
      const clearMs = rounded(event.clearMs);
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
    case 'error': {
      const fields = { ...ids, code: event.code, error: event.message };
      if (event.fatal) log.error(fields, 'call error');
      else log.warn(fields, 'call error');
      return;
    }
    case 'call.ended':
      log.info({ ...ids, reason: event.reason, ...endFields(event.call, event.atEpochMs) }, 'call ended');
      return;
  }
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
  return ms === undefined ? ms : Math.round(ms * 1000) / 1000;
}
