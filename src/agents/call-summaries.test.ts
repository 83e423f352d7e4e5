import { beforeEach, describe, expect, it } from 'vitest';
import { PatchcordError } from '../base/errors.ts';
import { type Logger, silentLogger } from '../base/logger.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { noUsage } from '../call/call-report.ts';
import type { CallEvent, CallSnapshot } from '../call/events.ts';
import type { Party } from '../call/party.ts';
import type { CallSummary } from './agent-api.ts';
import { CallSummaries } from './call-summaries.ts';

const startedAtEpochMs = Date.UTC(2026, 0, 15, 10, 30);
const party: Party = {
  direction: 'inbound',
  from: '+15550001111',
  to: '100',
  variables: { callerName: 'Ada', channel: 'SIP/trunk-1', context: 'from-external' },
};
const turn = { turnId: 1, heardMs: 0, generatedMs: 0, ended: true };
const call: CallSnapshot = {
  callId: 'c1',
  carrier: 'avr',
  carrierCallId: 'u1',
  direction: 'inbound',
  from: '+15550001111',
  to: '100',
  agent: 'default',
  model: 'm',
  state: 'ended',
  modelState: 'gone',
  startedAtEpochMs,
  liveMs: 149_000,
  turns: [
    { ...turn, role: 'agent', startedAtMs: 5000, text: 'Hello there, and more.', heardText: 'Hello there' },
    { ...turn, role: 'caller', startedAtMs: 10_000, text: 'An appointment.', heardText: '' },
    { ...turn, role: 'agent', startedAtMs: 15_000, text: 'Not heard.', heardText: '' },
  ],
  usage: noUsage,
  stats: { bargeIns: 0, underruns: 0, lostCallerAudioMs: 0, paddedCallerAudioMs: 0, modelErrors: 0 },
};
const started: CallEvent = { type: 'call.started', callId: 'c1', atEpochMs: startedAtEpochMs, call };
const ended: CallEvent = {
  type: 'call.ended',
  callId: 'c1',
  atEpochMs: startedAtEpochMs + 150_400,
  reason: 'caller-hung-up',
  call,
};

let clock: VirtualClock;
let posted: CallSummary[];
let outcomes: (() => Promise<void>)[];
let warnings: object[];
let summaries: CallSummaries;

beforeEach(() => {
  clock = new VirtualClock();
  posted = [];
  outcomes = [];
  warnings = [];
  const log: Logger = { ...silentLogger, warn: (fields) => warnings.push(fields) };
  summaries = new CallSummaries({
    api: {
      postSummary(summary) {
        posted.push(summary);
        return outcomes.shift()?.() ?? Promise.resolve();
      },
    },
    carrier: 'avr',
    partyOf: (callId) => (callId === 'c1' ? party : undefined),
    clock,
    log,
  });
});

const fails =
  (details: Record<string, unknown> = {}) =>
  () =>
    Promise.reject(new PatchcordError('PATCHCORD_AGENT_API', 'no', details));

describe('000 call-summary', () => {
  it('is posted when the call has ended: who, when, and what was said and heard', async () => {
    summaries.observe(started);
    summaries.observe(ended);
    expect(posted).toEqual([
      {
        sessionUuid: 'u1',
        callerInfo: {
          phoneNumber: '+15550001111',
          callerName: 'Ada',
          channel: 'SIP/trunk-1',
          context: 'from-external',
          extension: '100',
        },
        callMetadata: {
          startTime: '2026-01-15T10:30:00.000Z',
          endTime: '2026-01-15T10:32:30.400Z',
          durationSeconds: 150,
        },
        transcripts: [
          { role: 'agent', text: 'Hello there', timestamp: '2026-01-15T10:30:05.000Z' },
          { role: 'user', text: 'An appointment.', timestamp: '2026-01-15T10:30:10.000Z' },
        ],
      },
    ]);
    await summaries.close();
    expect(warnings).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('knows from and to where that is all that is known', () => {
    summaries.observe({ ...ended, callId: 'c2' });
    expect(posted[0]?.callerInfo).toEqual({
      phoneNumber: '+15550001111',
      callerName: null,
      channel: null,
      context: null,
      extension: '100',
    });
  });

  it('is of the calls of one carrier', () => {
    summaries.observe({ ...started, call: { ...call, carrier: 'twilio' } });
    summaries.observe({ ...ended, call: { ...call, carrier: 'twilio' } });
    summaries.observe({ type: 'speech.started', callId: 'c1', atEpochMs: 0 });
    expect(posted).toEqual([]);
  });

  it('is posted again after one, five and twenty seconds, and then given up', async () => {
    outcomes = [fails(), fails({ status: 503 }), fails({ status: 429 }), fails()];
    summaries.observe(ended);
    const counts: number[] = [];
    for (const ms of [999, 1, 4999, 1, 19_999, 1, 60_000]) {
      await clock.advanceAsync(ms);
      counts.push(posted.length);
    }
    expect(counts).toEqual([1, 2, 2, 3, 3, 4, 4]);
    expect(warnings).toEqual([{ uuid: 'u1', code: 'PATCHCORD_AGENT_API', error: 'no' }]);
    expect(clock.pending).toBe(0);
  });

  it('is not posted again where the API says that it is wrong', async () => {
    outcomes = [fails({ status: 400 })];
    summaries.observe(ended);
    await clock.advanceAsync(60_000);
    expect(posted).toHaveLength(1);
    expect(warnings).toHaveLength(1);
  });

  it('is tried once more when the gateway stops, and no longer', async () => {
    outcomes = [fails(), fails()];
    summaries.observe(ended);
    await clock.advanceAsync(0);
    await summaries.close();
    expect(posted).toHaveLength(2);
    expect(warnings).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it('is dropped beyond five hundred that wait', async () => {
    const answered = Promise.withResolvers<void>();
    outcomes = Array.from({ length: 500 }, () => () => answered.promise);
    for (let n = 0; n < 503; n++) summaries.observe(ended);
    expect(posted).toHaveLength(500);
    expect(warnings).toHaveLength(3);
    answered.resolve();
    await summaries.close();
    summaries.observe(ended);
    expect(posted).toHaveLength(501);
  });
});
