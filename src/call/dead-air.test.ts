import { describe, expect, it } from 'vitest';
import type { PatchcordError } from '../base/errors.ts';
import { greeter, liveCall, type SetUp } from './testing/set-up.ts';

type Live = ReturnType<typeof liveCall>;

/** A call whose session is replaced within `backAfterMs` when it is given up. */
function renewable(options: SetUp = {}, backAfterMs = 5000) {
  const all = liveCall(options);
  const { session } = all.model;
  const renewals: { readonly at: number; readonly code: string }[] = [];
  session.renew = (error: PatchcordError) => {
    renewals.push({ at: all.clock.now(), code: error.code });
    session.events.resuming(error);
    all.clock.setTimeout(() => session.events.ready(), backAfterMs);
  };
  return { ...all, session, renewals };
}

function callerTurn({ model }: Live, itemId = 'user-1'): void {
  model.session.events.speechStarted(itemId);
  model.session.events.speechStopped(itemId, 500);
}

/** What may be wrong with a model that is connected all the time. */
const silences: readonly (readonly [string, SetUp, (all: Live) => void])[] = [
  ['never starts the greeting', { agent: greeter }, () => undefined],
  ['never answers the caller', {}, (all) => callerTurn(all)],
  [
    'announces an answer and leaves it at that',
    {},
    (all) => {
      callerTurn(all);
      all.model.session.events.responseStarted('resp-1', undefined);
    },
  ],
  [
    'writes its answer and does not speak it',
    {},
    (all) => {
      const { events } = all.model.session;
      callerTurn(all);
      events.responseStarted('resp-1', undefined);
      const item = { responseId: 'resp-1', itemId: 'item-1', contentIndex: 0 };
      for (let at = 0; at < 60_000; at += 1000) {
        all.clock.setTimeout(() => events.agentText(item, 'word '), at);
      }
    },
  ],
];

describe('a model that is connected and', () => {
  it.each(silences)('%s is replaced after ten seconds and asked again', async (_what, options, begin) => {
    const all = renewable(options, 1000);
    begin(all);
    await all.clock.advanceAsync(9999);
    expect(all.renewals).toEqual([]);
    const before = all.session.requests.length;
    await all.clock.advanceAsync(1001);
    expect(all.renewals).toEqual([{ at: 10_000, code: 'PATCHCORD_MODEL_TIMEOUT' }]);
    expect(all.session.requests).toHaveLength(before + 1);
    const { requestId, instructions } = all.session.requests.at(-1) ?? {};
    if (options.agent === greeter) expect(instructions).toContain('Hello there.');
    all.session.answer('resp-2', 'item-2', 800, 'Here I am.', requestId);
    expect(all.leg.playedBytes).toBe(6400);
    await all.clock.advanceAsync(10_000);
    expect(all.call.state).toBe('live');
    expect(all.session.requests).toHaveLength(before + 1);
  });

  it.each(
    silences,
  )('%s twice leaves the caller no more than 20 s without a word', async (_w, options, begin) => {
    const all = renewable(options);
    begin(all);
    await all.clock.advanceAsync(19_999);
    expect(all.leg.playedBytes).toBe(0);
    await all.clock.advanceAsync(1);
    // The apology, and an orderly end after it.
    expect(all.leg.playedBytes).toBe(8000);
    await all.clock.advanceAsync(1000);
    expect(all.leg.hangUps).toEqual(['model-failed']);
    expect(all.renewals).toHaveLength(1);
  });

  it.each(
    silences,
  )('%s ends the call after ten seconds where it cannot be replaced', async (_w, options, begin) => {
    const all = liveCall(options);
    begin(all);
    await all.clock.advanceAsync(10_000);
    expect(all.leg.playedBytes).toBe(8000);
    await all.clock.advanceAsync(1000);
    expect(all.leg.hangUps).toEqual(['model-failed']);
  });

  it('is silent again much later is replaced again: each answer has its own patience', async () => {
    const all = renewable({}, 0);
    for (const round of [1, 2, 3]) {
      callerTurn(all, `user-${round}`);
      await all.clock.advanceAsync(10_000);
      expect(all.renewals).toHaveLength(round);
      const { requestId } = all.session.requests.at(-1) ?? {};
      all.session.answer(`resp-${round}`, `item-${round}`, 400, 'Yes.', requestId);
      await all.clock.advanceAsync(1000);
    }
    expect(all.call.state).toBe('live');
  });
});

describe('an answer that failed', () => {
  it('is asked for again in the same session first', async () => {
    const all = renewable();
    callerTurn(all);
    all.session.events.responseStarted('resp-1', undefined);
    all.session.events.responseDone({ responseId: 'resp-1', status: 'failed' });
    await all.clock.advanceAsync(500);
    expect(all.renewals).toEqual([]);
    expect(all.session.requests).toHaveLength(1);
  });

  it.each([
    'completed',
    'incomplete',
  ] as const)('%s with nothing to hear is asked for again once, and then taken for silence', async (status) => {
    const all = renewable();
    callerTurn(all);
    all.session.events.responseStarted('resp-1', undefined);
    all.session.events.responseDone({ responseId: 'resp-1', status });
    await all.clock.advanceAsync(500);
    expect(all.session.requests).toHaveLength(1);
    all.session.events.responseStarted('resp-2', all.session.requests[0]?.requestId);
    all.session.events.responseDone({ responseId: 'resp-2', status });
    await all.clock.advanceAsync(14_999);
    expect(all.session.requests).toHaveLength(1);
    expect(all.call.state).toBe('live');
    // The silence is the caller's now.
    await all.clock.advanceAsync(1);
    expect(all.session.requests[1]?.instructions).toContain('still there');
  });

  it('while the caller speaks is not asked for again', async () => {
    const all = renewable();
    callerTurn(all);
    all.session.events.responseStarted('resp-1', undefined);
    all.session.events.speechStarted('user-2');
    all.session.events.responseDone({ responseId: 'resp-1', status: 'completed' });
    await all.clock.advanceAsync(5000);
    expect(all.session.requests).toEqual([]);
  });

  it('counts no more once another was heard, however that one ended', async () => {
    const all = renewable({ limits: { noInputMs: 0 } });
    const { session, clock } = all;
    for (const round of [1, 2, 3, 4]) {
      callerTurn(all, `user-${round}`);
      session.events.responseStarted(`fails-${round}`, undefined);
      session.events.responseDone({ responseId: `fails-${round}`, status: 'failed' });
      await clock.advanceAsync(500);
      const responseId = `resp-${round}`;
      session.events.responseStarted(responseId, session.requests.at(-1)?.requestId);
      session.speak({ responseId, itemId: `item-${round}`, contentIndex: 0 }, 400);
      session.events.responseDone({ responseId, status: 'incomplete' });
      await clock.advanceAsync(60_000);
    }
    expect(all.call.state).toBe('live');
    expect(session.requests).toHaveLength(4);
  });

  it('in the middle again and again ends the call instead of going on for ever', async () => {
    const all = renewable({ limits: { noInputMs: 0 } });
    const { session, clock } = all;
    callerTurn(all);
    for (const round of [1, 2, 3]) {
      const responseId = `resp-${round}`;
      session.events.responseStarted(responseId, session.requests.at(-1)?.requestId);
      session.speak({ responseId, itemId: `item-${round}`, contentIndex: 0 }, 400);
      session.events.responseDone({ responseId, status: 'failed' });
      await clock.advanceAsync(2000);
    }
    expect(all.leg.hangUps).toEqual(['model-failed']);
  });
});
