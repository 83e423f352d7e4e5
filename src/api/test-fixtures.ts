import type { CallEndReason, CallEvent, CallEventBody, CallSnapshot } from '../call/events.ts';
import type { Turn } from '../call/turn.ts';

/** Calls and events as the tests of this folder need them. */

export const atEpochMs = Date.UTC(2026, 0, 1);

export function snapshotOf(callId: string, fields: Partial<CallSnapshot> = {}): CallSnapshot {
  return {
    callId,
    carrier: 'twilio',
    carrierCallId: `CA-${callId}`,
    direction: 'inbound',
    from: '+15551230100',
    to: '+15551230101',
    agent: 'default',
    model: 'gpt-realtime-2.1',
    state: 'live',
    modelState: 'ready',
    startedAtEpochMs: atEpochMs,
    liveMs: 4200,
    turns: [],
    usage: {
      inputTextTokens: 10,
      inputAudioTokens: 20,
      cachedTextTokens: 3,
      cachedAudioTokens: 4,
      outputTextTokens: 30,
      outputAudioTokens: 40,
    },
    stats: {
      pickUpToFirstAudioMs: 180,
      bargeIns: 1,
      underruns: 0,
      lostCallerAudioMs: 0,
      paddedCallerAudioMs: 60,
      modelErrors: 0,
    },
    ...fields,
  };
}

export function turnOf(turnId: number, fields: Partial<Turn> = {}): Turn {
  return {
    turnId,
    role: 'agent',
    startedAtMs: 100,
    text: 'Good morning to you',
    heardText: '',
    heardMs: 0,
    generatedMs: 900,
    ended: false,
    ...fields,
  };
}

export function eventOf(callId: string, body: CallEventBody): CallEvent {
  return { callId, atEpochMs, ...body };
}

export function startedEvent(callId: string, fields: Partial<CallSnapshot> = {}): CallEvent {
  return eventOf(callId, { type: 'call.started', call: snapshotOf(callId, { state: 'ringing', ...fields }) });
}

export function endedEvent(
  callId: string,
  reason: CallEndReason = 'caller-hung-up',
  fields: Partial<CallSnapshot> = {},
): CallEvent {
  return eventOf(callId, {
    type: 'call.ended',
    reason,
    call: snapshotOf(callId, { state: 'ended', modelState: 'gone', ...fields }),
  });
}
