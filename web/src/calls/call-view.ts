import type { CallEndReason, CallEvent, CallSnapshot } from '../../../src/call/events.ts';
import type { Turn } from '../../../src/call/turn.ts';
import { type TurnLatency, withLatency } from './latency.ts';

type Usage = CallSnapshot['usage'];

/** A call as the console shows it. */
export interface CallView {
  readonly call: CallSnapshot;
  readonly latencies: readonly TurnLatency[];
  readonly callerSpeaks: boolean;
  /** The agent's turn that sounds, and since when by this page's clock, milliseconds since the epoch. */
  readonly sounding?: { readonly turnId: number; readonly sinceMs: number } | undefined;
  readonly ended?: { readonly reason: CallEndReason; readonly atEpochMs: number };
}

export function viewOf(call: CallSnapshot): CallView {
  return { call, latencies: [], callerSpeaks: false };
}

/** The call as a new connection tells of it; what the last one told does not count where it may have changed since. */
export function renewed(before: CallView | undefined, call: CallSnapshot): CallView {
  return before === undefined ? viewOf(call) : { ...before, call, callerSpeaks: false };
}

/**
 * The view after an event of its call. An event of a call that is not known changes nothing, but for its start.
 * @param nowMs when it came, by this page's clock.
 */
export function applyEvent(
  view: CallView | undefined,
  event: CallEvent,
  nowMs = Date.now(),
): CallView | undefined {
  if (event.type === 'call.started') return viewOf(event.call);
  if (view === undefined) return event.type === 'call.ended' ? ended(viewOf(event.call), event) : undefined;
  switch (event.type) {
    case 'call.state':
      return withCall(view, { state: event.to });
    case 'model.state':
      return withCall(view, { modelState: event.to });
    case 'turn.started':
    case 'turn.updated':
    case 'turn.ended':
      return withSounding(withCall(view, { turns: withTurn(view.call.turns, event.turn) }), nowMs);
    case 'speech.started':
      return { ...view, callerSpeaks: true };
    case 'speech.stopped':
      return { ...view, callerSpeaks: false };
    case 'barge-in':
      return withStats(view, { bargeIns: view.call.stats.bargeIns + 1 });
    case 'playout.underrun':
      return withStats(view, { underruns: view.call.stats.underruns + 1 });
    case 'latency.pick-up':
      return withStats(view, { pickUpToFirstAudioMs: event.firstAudioMs });
    case 'latency.turn':
      return { ...view, latencies: withLatency(view.latencies, latencyOf(event)) };
    case 'usage':
      return withCall(view, { usage: sum(view.call.usage, event.usage) });
    case 'call.ended':
      return ended(view, event);
    default:
      return view;
  }
}

function ended(view: CallView, event: CallEvent & { type: 'call.ended' }): CallView {
  const { reason, atEpochMs } = event;
  return {
    ...view,
    call: event.call,
    callerSpeaks: false,
    sounding: undefined,
    ended: { reason, atEpochMs },
  };
}

function withCall(view: CallView, fields: Partial<CallSnapshot>): CallView {
  return { ...view, call: { ...view.call, ...fields } };
}

function withStats(view: CallView, fields: Partial<CallSnapshot['stats']>): CallView {
  return withCall(view, { stats: { ...view.call.stats, ...fields } });
}

/** An event tells the usage of one answer; the call's is that of all of them. */
function sum(before: Usage, more: Usage): Usage {
  return {
    inputTextTokens: before.inputTextTokens + more.inputTextTokens,
    inputAudioTokens: before.inputAudioTokens + more.inputAudioTokens,
    cachedTextTokens: before.cachedTextTokens + more.cachedTextTokens,
    cachedAudioTokens: before.cachedAudioTokens + more.cachedAudioTokens,
    outputTextTokens: before.outputTextTokens + more.outputTextTokens,
    outputAudioTokens: before.outputAudioTokens + more.outputAudioTokens,
  };
}

/** Replaces the turn or puts it in its place; turns stay in the order of speaking. */
function withTurn(turns: readonly Turn[], turn: Turn): readonly Turn[] {
  const at = turns.findIndex(({ turnId }) => turnId >= turn.turnId);
  if (at === -1) return [...turns, turn];
  return turns.toSpliced(at, turns[at]?.turnId === turn.turnId ? 1 : 0, turn);
}

/** Answers sound one after the other, each from when there is audio of it or the one before is over. */
function withSounding(view: CallView, nowMs: number): CallView {
  const turn = view.call.turns.find(
    ({ role, ended, generatedMs }) => role === 'agent' && !ended && generatedMs > 0,
  );
  if (turn?.turnId === view.sounding?.turnId) return view;
  return { ...view, sounding: turn && { turnId: turn.turnId, sinceMs: nowMs } };
}

function latencyOf(event: CallEvent & { type: 'latency.turn' }): TurnLatency {
  const { turnId, firstAudioMs, endpointingMs, heardMs } = event;
  return {
    turnId,
    firstAudioMs,
    ...(endpointingMs === undefined ? {} : { endpointingMs }),
    ...(heardMs === undefined ? {} : { heardMs }),
  };
}
