import { describe, expect, it } from 'vitest';
import type { CallEvent, CallEventBody, CallSnapshot } from '../../../src/call/events.ts';
import type { Turn } from '../../../src/call/turn.ts';
import { applyEvent, type CallView, renewed, viewOf } from './call-view.ts';

const call: CallSnapshot = {
  callId: 'c1',
  carrier: 'twilio',
  carrierCallId: 'CA1',
  direction: 'inbound',
  agent: 'default',
  model: 'demo',
  state: 'live',
  modelState: 'ready',
  startedAtEpochMs: 0,
  liveMs: 0,
  turns: [],
  usage: {
    inputTextTokens: 0,
    inputAudioTokens: 0,
    cachedTextTokens: 0,
    cachedAudioTokens: 0,
    outputTextTokens: 0,
    outputAudioTokens: 0,
  },
  stats: { bargeIns: 0, underruns: 0, lostCallerAudioMs: 0, paddedCallerAudioMs: 0, modelErrors: 0 },
};
const event = (body: CallEventBody): CallEvent => ({ callId: 'c1', atEpochMs: 5, ...body });
const turn = (turnId: number, text: string): Turn => ({
  turnId,
  role: 'agent',
  startedAtMs: 0,
  text,
  heardText: '',
  heardMs: 0,
  generatedMs: 0,
  ended: false,
});
const seen = (...bodies: CallEventBody[]): CallView | undefined =>
  bodies.reduce<CallView | undefined>((view, body) => applyEvent(view, event(body)), viewOf(call));

describe('a call in the console', () => {
  it('keeps its turns in the order of speaking, each as it was told last', () => {
    const view = seen(
      { type: 'turn.started', turn: turn(1, 'a') },
      { type: 'turn.started', turn: turn(3, 'c') },
      { type: 'turn.started', turn: turn(2, 'b') },
      { type: 'turn.updated', turn: turn(1, 'A') },
    );
    expect(view?.call.turns.map(({ text }) => text)).toEqual(['A', 'b', 'c']);
  });

  it('shows who speaks, what was interrupted and how quick the answers were', () => {
    const view = seen(
      { type: 'speech.started' },
      { type: 'barge-in', cause: 'caller-spoke', clearMs: 0.1, items: [] },
      { type: 'latency.turn', turnId: 2, firstAudioMs: 300 },
    );
    expect(view?.callerSpeaks).toBe(true);
    // After a lost connection nobody knows whether he still does.
    expect(renewed(view, call)).toMatchObject({ callerSpeaks: false, latencies: [{ turnId: 2 }] });
    expect(renewed(undefined, call)).toEqual(viewOf(call));
    expect(view?.call.stats.bargeIns).toBe(1);
    expect(view?.latencies).toEqual([{ turnId: 2, firstAudioMs: 300 }]);
  });

  it('knows which answer sounds, and since when: one after the other', () => {
    const told: [number, CallEventBody][] = [
      [100, { type: 'turn.started', turn: turn(1, '') }],
      [200, { type: 'turn.updated', turn: { ...turn(1, 'a'), generatedMs: 40 } }],
      [300, { type: 'turn.updated', turn: { ...turn(2, 'b'), generatedMs: 70 } }],
      [400, { type: 'turn.updated', turn: { ...turn(1, 'ab'), generatedMs: 90 } }],
      [500, { type: 'turn.ended', turn: { ...turn(1, 'ab'), generatedMs: 90, ended: true } }],
      [600, { type: 'turn.ended', turn: { ...turn(2, 'b'), generatedMs: 70, ended: true } }],
    ];
    let view: CallView | undefined = viewOf(call);
    const sounding = told.map(([atMs, body]) => {
      view = applyEvent(view, event(body), atMs);
      return view?.sounding && [view.sounding.turnId, view.sounding.sinceMs];
    });
    expect(sounding).toEqual([undefined, [1, 200], [1, 200], [1, 200], [2, 500], undefined]);
  });

  it('adds up what the answers used', () => {
    const usage = { ...call.usage, inputAudioTokens: 40, cachedTextTokens: 3, outputAudioTokens: 7 };
    const view = seen({ type: 'usage', usage }, { type: 'usage', usage: { ...usage, outputTextTokens: 5 } });
    expect(view?.call.usage).toEqual({
      inputTextTokens: 0,
      inputAudioTokens: 80,
      cachedTextTokens: 6,
      cachedAudioTokens: 0,
      outputTextTokens: 5,
      outputAudioTokens: 14,
    });
  });

  it('keeps the reason and the last state when it has ended', () => {
    const view = seen({ type: 'call.ended', reason: 'operator', call: { ...call, state: 'ended' } });
    expect(view).toMatchObject({ call: { state: 'ended' }, ended: { reason: 'operator', atEpochMs: 5 } });
  });

  it('appears with its start or its end, not with what comes between', () => {
    expect(applyEvent(undefined, event({ type: 'speech.started' }))).toBeUndefined();
    expect(applyEvent(undefined, event({ type: 'call.started', call }))?.call).toBe(call);
    expect(applyEvent(undefined, event({ type: 'call.ended', reason: 'drain', call }))?.ended?.reason).toBe(
      'drain',
    );
  });
});
