import { beforeEach, expect, it } from 'vitest';
import { pcmu8k } from '../../audio/format.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { TestHost } from '../testing/test-host.ts';
import { PlivoCalls } from './calls.ts';
import type { PlivoRest } from './rest.ts';

const party = { direction: 'inbound', variables: {} } as const;

let clock: VirtualClock;
let calls: PlivoCalls;
let answerUrl: string;

beforeEach(() => {
  clock = new VirtualClock();
  const createCall: PlivoRest['createCall'] = (call) => {
    answerUrl = call.answerUrl;
    return Promise.resolve('r1');
  };
  const rest = { createCall } as PlivoRest;
  calls = new PlivoCalls({
    host: new TestHost(clock),
    rest,
    dialling: { rest, phoneNumber: '+15550009999', publicUrl: 'https://gw', ringTimeoutS: 30, maxCallS: 60 },
    format: pcmu8k,
    maxQueuedMs: 15_000,
    streamTokenTtlMs: 60_000,
  });
});

it('a call is forgotten when it ends, with its tokens and their timer', () => {
  const leg = calls.announced({ callUuid: 'u1', party });
  expect(calls.find({ callUuid: 'u1' })).toBe(leg);
  calls.tokenFor(leg);
  expect(clock.pending).toBe(1);
  leg.end({ reason: 'hung-up' });
  expect(calls.find({ callUuid: 'u1' })).toBeUndefined();
  expect(clock.pending).toBe(0);
});

it('a dialled call is found by every name that Plivo has for it, and forgotten by all of them', async () => {
  await calls.dial({ to: '+15550001111', overrides: {} });
  const leg = calls.find({ requestUuid: 'r1' });
  const dialId = answerUrl.split('dial=')[1] ?? '';
  expect(calls.dialled(dialId, { callUuid: 'u1' })).toBe(leg);
  expect(calls.dialled(dialId, { callUuid: 'u2' })).toBeUndefined();
  expect(calls.find({ callUuid: 'u1' })).toBe(leg);
  expect(calls.find({ callUuid: 'u2', requestUuid: 'r1' })).toBe(leg);
  leg?.end({ reason: 'hung-up' });
  expect(calls.find({ callUuid: 'u1', requestUuid: 'r1' })).toBeUndefined();
  expect(calls.dialled(dialId, { callUuid: 'u1' })).toBeUndefined();
});

it('a token is good for its time and no longer, whatever its case', () => {
  const leg = calls.announced({ callUuid: 'u1', party });
  const [early, late] = [calls.tokenFor(leg), calls.tokenFor(leg)];
  expect(early).toMatch(/^[0-9a-f]{48}$/);
  const claim = (token: string) =>
    calls.claim(
      {
        type: 'start',
        callId: 'u1',
        streamId: 's1',
        extraHeaders: new Map(),
        encoding: undefined,
        sampleRate: undefined,
      },
      token,
      { close: () => Promise.resolve() } as never,
    );
  clock.advance(59_999);
  expect(claim(early.toUpperCase())).toBe(leg);
  clock.advance(1);
  expect(claim(late)).toMatchObject({ code: 'PATCHCORD_STREAM_TOKEN_INVALID' });
});
