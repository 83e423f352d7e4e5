import { describe, expect, it } from 'vitest';
import { greeter, liveCall, type SetUp } from './testing/set-up.ts';
import type { Tool } from './tools.ts';

/** A live call whose session can begin anew: the test says when the next one is ready. */
function restartable(options: SetUp = {}) {
  const all = liveCall(options);
  const { session } = all.model;
  let restarts = 0;
  session.restart = () => {
    restarts += 1;
    session.events.resuming(undefined);
  };
  return { ...all, session, restarts: () => restarts, reset: () => all.leg.events.reset?.() };
}

describe('another conversation in the same call', () => {
  it('begins with an agent that is silent and a model that knows nothing of what was said', () => {
    const { call, clock, leg, session, restarts, reset, of } = restartable();
    session.events.callerText('user-1', 'My name is Ada.', true);
    session.answer('resp-1', 'item-1', 4000, 'Hello Ada, how can I help you today?');
    clock.advance(1000);
    expect(session.options.history()).toHaveLength(2);
    reset();
    expect(leg.log.at(-1)).toBe('clear');
    expect(restarts()).toBe(1);
    expect(session.options.history()).toEqual([]);
    // What was said stays in the record of the call.
    expect(call.snapshot().turns).toMatchObject([
      { role: 'caller', text: 'My name is Ada.' },
      { role: 'agent', heardMs: 1000, ended: true },
    ]);
    session.events.ready();
    clock.advance(2000);
    expect(session.requests).toEqual([]);
    expect(of('error')).toEqual([]);
    session.events.callerText('user-2', 'Who am I?', true);
    expect(session.options.history()).toEqual([{ role: 'caller', text: 'Who am I?' }]);
  });

  it('owes no answer to what was said before', () => {
    const { clock, session, reset } = restartable();
    session.events.speechStarted('user-1');
    session.events.speechStopped('user-1');
    reset();
    session.events.ready();
    clock.advance(9000);
    expect(session.requests).toEqual([]);
  });

  it('answers the turn that the caller is in, of which the new session hears the rest', () => {
    const { clock, session, reset } = restartable();
    session.events.speechStarted('user-1');
    reset();
    session.events.ready();
    clock.advance(6000);
    expect(session.requests).toHaveLength(1);
  });

  it('is told nothing of tools and keys from before', async () => {
    const finish = Promise.withResolvers<string>();
    const slow: Tool = {
      name: 'slow',
      description: 'Slow.',
      parameters: { type: 'object', properties: {} },
      run: () => finish.promise,
    };
    const { clock, leg, session, reset } = restartable({ tools: [slow] });
    session.events.callerText('user-1', 'Look it up.', true);
    session.events.responseStarted('resp-1', undefined);
    session.events.toolCall({ responseId: 'resp-1', toolCallId: 't1', name: 'slow', arguments: '{}' });
    session.events.responseDone({ responseId: 'resp-1', status: 'completed' });
    leg.events.digit('5');
    reset();
    session.events.ready();
    finish.resolve('found');
    await clock.advanceAsync(3000);
    expect(session.texts).toEqual([]);
    expect(session.results).toEqual([]);
    expect(session.requests).toEqual([]);
  });

  it('takes back a goodbye, and the silence that follows counts anew', async () => {
    const { call, clock, session, reset } = restartable();
    const item = { responseId: 'resp-1', itemId: 'item-1', contentIndex: 0 };
    session.events.responseStarted('resp-1', undefined);
    session.events.agentText(item, 'Goodbye.');
    session.speak(item, 2000);
    session.events.audioDone(item);
    session.events.toolCall({ responseId: 'resp-1', toolCallId: 't1', name: 'end_call', arguments: '{}' });
    session.events.responseDone({ responseId: 'resp-1', status: 'completed' });
    await clock.advanceAsync(1000);
    reset();
    session.events.ready();
    await clock.advanceAsync(14_999);
    expect(session.requests).toEqual([]);
    await clock.advanceAsync(1);
    expect(session.requests).toHaveLength(1);
    expect(call.state).toBe('live');
  });

  it('is begun once: where nothing was said there is nothing to forget, not even the greeting to come', () => {
    const { session, restarts, reset } = restartable({ agent: greeter });
    expect(session.requests).toHaveLength(1);
    reset();
    expect(restarts()).toBe(0);
    expect(session.interruptions).toEqual([]);
    session.events.callerText('user-1', 'Hello', true);
    for (let n = 0; n < 100; n++) reset();
    expect(restarts()).toBe(1);
  });

  it('can do no more than silence the agent where the model cannot begin anew', () => {
    const { leg, model } = liveCall();
    const { session } = model;
    session.answer('resp-1', 'item-1', 1000, 'Hello.');
    leg.events.reset?.();
    expect(leg.log.at(-1)).toBe('clear');
    session.answer('resp-2', 'item-2', 1000, 'Still here.');
    expect(leg.log.at(-1)).not.toBe('clear');
  });
});
