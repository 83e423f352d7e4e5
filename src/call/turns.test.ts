import { describe, expect, it } from 'vitest';
import { PatchcordError } from '../base/errors.ts';
import { greeter, guarded, liveCall, setUp } from './testing/set-up.ts';

describe('a protected opening', () => {
  it('is not cut by a key, and the key is answered once it was heard', async () => {
    const { leg, model, clock } = liveCall({ agent: guarded });
    const { session } = model;
    session.answer('resp-1', 'item-1', 3000, 'Please listen.', session.requests[0]?.requestId);
    await clock.advanceAsync(300);
    leg.events.digit('#');
    expect(leg.log).not.toContain('clear');
    expect(session.requests).toHaveLength(1);
    await clock.advanceAsync(2699);
    expect(session.protections).toEqual([]);
    await clock.advanceAsync(1);
    expect(session.protections).toEqual([false]);
    expect(session.requests).toHaveLength(2);
  });

  it('is over when an operator stops it before its first word, so that the caller is answered', async () => {
    const { model, call, clock } = liveCall({ agent: guarded });
    const { session } = model;
    call.interrupt();
    expect(session.interruptions).toEqual([{ items: [], cancel: 'requested' }]);
    await clock.advanceAsync(20_000);
    expect(session.protections).toEqual([false]);
  });

  it.each([
    50, 400,
  ])('in which the call is ended and the caller spoke ends with the goodbye, be its marks %i ms late', async (lateMs) => {
    const { model, clock, call, leg, of } = liveCall({
      agent: guarded,
      leg: { markDelayMs: () => lateMs },
    });
    const { session } = model;
    session.answer('resp-1', 'item-1', 2000, 'Hello!', session.requests[0]?.requestId);
    await clock.advanceAsync(500);
    session.events.speechStarted('user-1');
    await clock.advanceAsync(300);
    session.events.speechStopped('user-1', 500);
    call.finish('drain', 'Say goodbye.');
    session.answer('resp-2', 'item-2', 1000, 'Goodbye!', session.requests[1]?.requestId);
    await clock.advanceAsync(2200 + lateMs);
    expect(session.requests).toHaveLength(2);
    expect(leg.hangUps).toEqual(['drain']);
    expect(of('turn.ended').filter(({ turn }) => turn.cut !== undefined)).toEqual([]);
  });

  it('is asked for again, in its own words, when it fails', async () => {
    const { model, clock } = liveCall({ agent: greeter });
    const { session } = model;
    session.events.responseStarted('resp-1', session.requests[0]?.requestId);
    session.events.responseDone({ responseId: 'resp-1', status: 'failed' });
    await clock.advanceAsync(500);
    expect(session.requests).toHaveLength(2);
    expect(session.requests[1]?.instructions).toContain('Hello there.');
  });
});

describe('the floor', () => {
  it('goes back to the agent when nothing but the start of speech is ever heard', async () => {
    const { model, clock } = liveCall();
    model.session.events.speechStarted('user-1');
    await clock.advanceAsync(120_000 + 8000);
    expect(model.session.requests).toHaveLength(1);
  });

  it('is not given to a greeting when the call is ended before the model is there', () => {
    const { model, call, leg } = setUp({ agent: greeter });
    leg.events.answered();
    leg.events.connected();
    call.finish('drain', 'Say goodbye now.');
    model.session.events.ready();
    expect(model.session.requests.map(({ instructions }) => instructions)).toEqual([
      'Be kind.\n\nSay goodbye now.',
    ]);
    model.session.answer('resp-1', 'item-1', 500, 'Goodbye.', model.session.requests[0]?.requestId);
    expect(model.session.requests).toHaveLength(1);
  });

  it('is not lost to a model that answers the caller instead of starting what it was asked for', async () => {
    const { model, clock, leg, of } = liveCall();
    const { session } = model;
    leg.events.digit('#');
    session.events.speechStarted('user-1');
    session.events.speechStopped('user-1');
    // The model's own answer to the caller comes first; ours, cancelled, was never started.
    session.answer('resp-1', 'item-1', 500, 'Yes?');
    expect(leg.playedBytes).toBe(4000);
    await clock.advanceAsync(10_000);
    expect(of('error').map(({ code }) => code)).toEqual([]);
    session.events.speechStarted('user-2');
    session.events.speechStopped('user-2');
    await clock.advanceAsync(8000);
    expect(session.requests).toHaveLength(2);
  });

  it('is not waited for without end when the model always says that it is busy', async () => {
    const { model, clock, leg, of } = liveCall();
    const { session } = model;
    session.requestResponse = () => {
      const busy = new PatchcordError('PATCHCORD_MODEL_ERROR', 'active response');
      clock.setTimeout(() => session.events.requestRefused(busy, true), 50);
    };
    leg.events.digit('#');
    await clock.advanceAsync(60_000);
    expect(of('call.ended')[0]?.reason).toBe('model-failed');
  });
});
