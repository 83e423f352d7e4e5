import { describe, expect, it } from 'vitest';
import type { Agent } from './agent.ts';
import type { PlaybackTraits } from './leg.ts';
import { FakeLeg } from './testing/fake-leg.ts';
import { greeter, guarded, liveCall, setUp } from './testing/set-up.ts';
import type { Tool } from './tools.ts';

describe('a call', () => {
  it('opens the model while the phone still rings and has the greeting ready when media starts', () => {
    const { leg, model, clock, of } = setUp({ agent: greeter });
    leg.events.answered();
    const { session } = model;
    session.events.ready();
    expect(session.requests).toHaveLength(1);
    expect(session.requests[0]?.instructions).toContain('Hello there.');
    session.answer('resp-1', 'item-1', 1200, 'Hello there.', session.requests[0]?.requestId);
    expect(leg.log).toEqual([]);
    clock.advance(300);
    leg.events.connected();
    expect(leg.playedBytes).toBe(9600);
    expect(of('latency.pick-up')[0]?.firstAudioMs).toBe(0);
  });

  it('says in its own words why it calls, or asks what it can do for whoever calls', () => {
    const improvises: Agent = { ...greeter, opening: { speaker: 'agent', interruptible: true } };
    const opens = (direction: 'inbound' | 'outbound') =>
      liveCall({ agent: improvises, leg: { direction } }).model.session.requests[0]?.instructions;
    expect(opens('outbound')).toMatch(/why you call/);
    expect(opens('inbound')).toMatch(/how you can help/);
  });

  it('keeps what the caller says before the model is ready, and sends it first', () => {
    const { leg, model } = setUp();
    leg.events.answered();
    leg.events.connected();
    leg.speak(400);
    expect(model.session.appended).toHaveLength(0);
    model.session.events.ready();
    expect(model.session.appendedMs).toBe(400);
    leg.speak(20);
    expect(model.session.appendedMs).toBe(420);
  });

  it('can be transferred while it is live, where its carrier can', () => {
    const { call, leg } = setUp();
    expect(call.canTransfer).toBe(false);
    Object.assign(leg, { transfer: () => Promise.resolve({ transferred: true }) });
    expect(call.canTransfer).toBe(false);
    leg.events.answered();
    leg.events.connected();
    expect(call.canTransfer).toBe(true);
    expect(liveCall().call.canTransfer).toBe(false);
  });

  it('tells how far an answer was heard while it sounds, also at a carrier that returns no marks', () => {
    class SilentLeg extends FakeLeg {
      override readonly playback: PlaybackTraits = {
        buffering: 'queued',
        acknowledges: 'nothing',
        markEveryMs: 200,
        continuousMedia: false,
        delivery: {},
      };
    }
    const { clock, model, of } = liveCall({ makeLeg: (on) => new SilentLeg({ clock: on }) });
    model.session.answer('resp-1', 'item-1', 2000, 'one two three four');
    clock.advance(1700);
    const told = of('turn.updated').map(({ turn }) => turn.heardMs);
    expect(told.filter((heardMs) => heardMs > 0)).toEqual([400, 800, 1200, 1600]);
    clock.advance(1000);
    expect(of('turn.ended').at(-1)?.turn).toMatchObject({ heardMs: 2000, heardText: 'one two three four' });
  });

  it('drops the oldest caller audio at the bound, and counts it', () => {
    const { leg, model, call } = setUp({ limits: { earlyAudioMs: 1000 } });
    leg.events.answered();
    leg.events.connected();
    leg.speak(1500);
    model.session.events.ready();
    expect(model.session.appendedMs).toBe(1000);
    expect(call.snapshot().stats.lostCallerAudioMs).toBe(500);
  });

  it('fills gaps in the media clock with silence', () => {
    const { leg, model, call } = liveCall();
    leg.speak(100, 0);
    leg.speak(100, 400);
    expect(model.session.appendedMs).toBe(500);
    expect(call.snapshot().stats.paddedCallerAudioMs).toBe(300);
  });

  it('adds silence when media stops while the caller speaks, and not twice when the gap shows later', () => {
    const { leg, model, clock } = liveCall();
    leg.speak(100, 0);
    model.session.events.speechStarted('user-1');
    clock.advance(800);
    expect(model.session.appendedMs).toBe(1100);
    clock.advance(400);
    leg.speak(20, 1300);
    expect(model.session.appendedMs).toBe(1320);
  });
});

describe('barge-in', () => {
  it('clears the carrier and tells the model what was heard, before the event is fully read', () => {
    const { leg, model, clock, of, call } = liveCall();
    model.session.answer('resp-1', 'item-1', 4000, 'one two three four five six seven eight');
    clock.advance(1240);
    model.session.events.speechStarted('user-1');
    expect(leg.log.at(-1)).toBe('clear');
    expect(model.session.interruptions).toEqual([
      { items: [expect.objectContaining({ itemId: 'item-1', heardMs: 1240, generatedMs: 4000 })] },
    ]);
    const [turn] = call.snapshot().turns;
    expect(turn).toMatchObject({ role: 'agent', heardMs: 1240, generatedMs: 4000, cut: 'caller-spoke' });
    expect(turn?.heardText).toBe('one two');
    expect(of('barge-in')).toHaveLength(1);
  });

  it('drops what the model still sends of the dead answer', () => {
    const { leg, model, clock } = liveCall();
    const item = { responseId: 'resp-1', itemId: 'item-1', contentIndex: 0 };
    model.session.events.responseStarted('resp-1', undefined);
    model.session.speak(item, 1000, 200);
    clock.advance(500);
    model.session.events.speechStarted('user-1');
    const before = leg.playedBytes;
    model.session.speak(item, 1000, 200);
    model.session.speak({ ...item, itemId: 'item-2' }, 400);
    expect(leg.playedBytes).toBe(before);
    expect(model.session.interruptions).toEqual([
      { items: [expect.objectContaining({ itemId: 'item-1', heardMs: 500, generatedMs: 1000 })] },
    ]);
  });

  it('deletes the second of two queued answers and truncates the first', () => {
    const { model, clock } = liveCall();
    model.session.answer('resp-1', 'item-1', 2000, 'first');
    model.session.answer('resp-2', 'item-2', 2000, 'second');
    clock.advance(700);
    model.session.events.speechStarted('user-1');
    expect(model.session.interruptions[0]?.items).toMatchObject([
      { itemId: 'item-1', heardMs: 700 },
      { itemId: 'item-2', heardMs: 0 },
    ]);
  });

  it('says nothing to the model about an answer that was heard to its end', () => {
    const { leg, model, clock } = liveCall();
    model.session.answer('resp-1', 'item-1', 1000, 'all of it');
    clock.advance(1000);
    const before = [...leg.log];
    model.session.events.speechStarted('user-1');
    expect(model.session.interruptions).toEqual([]);
    expect(leg.log).toEqual(before);
  });

  it('cancels by id when an operator interrupts, and not when the model has done it', () => {
    const { model, call, clock } = liveCall();
    model.session.events.responseStarted('resp-1', undefined);
    model.session.speak({ responseId: 'resp-1', itemId: 'item-1', contentIndex: 0 }, 800);
    clock.advance(100);
    expect(call.interrupt()).toBe(true);
    expect(model.session.interruptions[0]).toMatchObject({ cancel: 'resp-1' });
    expect(call.interrupt()).toBe(true);
    expect(model.session.interruptions).toHaveLength(1);
  });

  it('leaves a protected greeting alone, and answers the caller afterwards', () => {
    const { leg, model, clock } = liveCall({ agent: guarded });
    const { session } = model;
    session.answer('resp-1', 'item-1', 1000, 'Please listen.', session.requests[0]?.requestId);
    clock.advance(300);
    session.events.speechStarted('user-1');
    session.events.speechStopped('user-1');
    expect(leg.log).not.toContain('clear');
    clock.advance(700);
    expect(session.protections).toEqual([false]);
    expect(session.requests).toHaveLength(2);
  });
});

describe('the owner of responses', () => {
  it('holds a request while another response is active, and sends it when that is done', () => {
    const { leg, model, clock } = liveCall();
    const { session } = model;
    session.events.responseStarted('resp-1', undefined);
    leg.events.digit('5');
    clock.advance(1000);
    expect(session.texts).toHaveLength(1);
    expect(session.requests).toHaveLength(0);
    session.events.responseDone({ responseId: 'resp-1', status: 'cancelled' });
    expect(session.requests).toHaveLength(1);
  });

  it('cancels a response that starts although the caller has begun to speak', () => {
    const { leg, model, clock } = liveCall();
    const { session } = model;
    leg.events.digit('#');
    expect(session.requests).toHaveLength(1);
    session.events.speechStarted('user-1');
    expect(session.interruptions).toEqual([{ items: [], cancel: 'requested' }]);
    session.events.responseStarted('resp-1', session.requests[0]?.requestId);
    const before = leg.playedBytes;
    session.speak({ responseId: 'resp-1', itemId: 'item-1', contentIndex: 0 }, 400);
    expect(leg.playedBytes).toBe(before);
    clock.advance(1);
  });

  it('asks the model itself when it does not answer a finished turn', () => {
    const { model, clock } = liveCall();
    model.session.events.speechStarted('user-1');
    model.session.events.speechStopped('user-1');
    clock.advance(4999);
    expect(model.session.requests).toHaveLength(0);
    clock.advance(1);
    expect(model.session.requests).toHaveLength(1);
  });

  it('gives up an answer that never ends, and goes on', () => {
    const { model, clock, of } = liveCall();
    const { session } = model;
    session.events.responseStarted('resp-1', undefined);
    session.speak({ responseId: 'resp-1', itemId: 'item-1', contentIndex: 0 }, 400);
    clock.advance(10_000);
    expect(of('error').map((event) => event.code)).toEqual(['PATCHCORD_MODEL_TIMEOUT']);
    expect(session.interruptions).toEqual([{ items: [], cancel: 'resp-1' }]);
    clock.advance(3000);
    session.events.speechStarted('user-1');
    session.events.speechStopped('user-1');
    session.events.responseStarted('resp-2', undefined);
    expect(of('error')).toHaveLength(1);
  });
});

describe('tools', () => {
  const calls = ['call-a', 'call-b'];
  const slow: Tool = {
    name: 'look_up',
    description: 'Looks something up.',
    parameters: { type: 'object', properties: {} },
    timeoutMs: 2000,
    run: (args) => (args.fast ? Promise.resolve('{"found":1}') : new Promise(() => undefined)),
  };

  it('gives all results of a response together, followed by one request', async () => {
    const { model, clock } = liveCall({ tools: [slow] });
    const { session } = model;
    session.events.responseStarted('resp-1', undefined);
    session.events.toolCall({
      responseId: 'resp-1',
      toolCallId: 'call-a',
      name: 'look_up',
      arguments: '{"fast":true}',
    });
    session.events.toolCall({ responseId: 'resp-1', toolCallId: 'call-b', name: 'look_up', arguments: '{}' });
    session.events.responseDone({ responseId: 'resp-1', status: 'completed' });
    await clock.advanceAsync(1999);
    expect(session.results).toEqual([]);
    await clock.advanceAsync(1);
    expect(session.results.map((result) => result.toolCallId)).toEqual(calls);
    expect(session.results[0]?.output).toBe('{"found":1}');
    expect(session.results[1]?.output).toContain('PATCHCORD_TOOL_TIMEOUT');
    expect(session.requests).toHaveLength(1);
  });

  it('runs nothing of a response that failed or was cancelled', async () => {
    const { model, clock, of } = liveCall({ tools: [slow] });
    const { session } = model;
    session.events.responseStarted('resp-1', undefined);
    session.events.toolCall({
      responseId: 'resp-1',
      toolCallId: 'call-a',
      name: 'look_up',
      arguments: '{"fast":true}',
    });
    session.events.responseDone({ responseId: 'resp-1', status: 'incomplete' });
    await clock.advanceAsync(5000);
    expect(of('tool.started')).toEqual([]);
    expect(session.results).toEqual([]);
  });

  it('tells the model about unknown tools and arguments that are not JSON', async () => {
    const { model, clock } = liveCall({ tools: [slow] });
    const { session } = model;
    session.events.responseStarted('resp-1', undefined);
    session.events.toolCall({ responseId: 'resp-1', toolCallId: 'call-a', name: 'nothing', arguments: '{}' });
    session.events.toolCall({ responseId: 'resp-1', toolCallId: 'call-b', name: 'look_up', arguments: '{' });
    session.events.responseDone({ responseId: 'resp-1', status: 'completed' });
    await clock.advanceAsync(0);
    expect(session.results[0]?.output).toContain('PATCHCORD_TOOL_UNKNOWN');
    expect(session.results[1]?.output).toContain('PATCHCORD_TOOL_ARGUMENTS');
  });
});

describe('the end of a call', () => {
  async function goodbye(spoken: boolean) {
    const all = liveCall();
    const { session } = all.model;
    session.events.responseStarted('resp-1', undefined);
    const item = { responseId: 'resp-1', itemId: 'item-1', contentIndex: 0 };
    if (spoken) {
      session.speak(item, 2000, 400);
      session.events.audioDone(item);
    }
    session.events.toolCall({
      responseId: 'resp-1',
      toolCallId: 'call-a',
      name: 'end_call',
      arguments: '{}',
    });
    session.events.responseDone({ responseId: 'resp-1', status: 'completed' });
    await all.clock.advanceAsync(0);
    return all;
  }

  it('comes after the goodbye was heard', async () => {
    const { clock, leg, model, of } = await goodbye(true);
    expect(model.session.results).toHaveLength(1);
    expect(model.session.requests).toHaveLength(0);
    await clock.advanceAsync(1999);
    expect(leg.hangUps).toEqual([]);
    await clock.advanceAsync(1);
    expect(leg.hangUps).toEqual(['agent']);
    expect(of('call.ended')[0]).toMatchObject({ reason: 'agent-hung-up' });
    expect(clock.pending).toBe(0);
  });

  it('asks for a goodbye when none was said', async () => {
    const { clock, leg, model } = await goodbye(false);
    expect(model.session.requests).toHaveLength(1);
    model.session.answer('resp-2', 'item-2', 1000, 'Goodbye!', model.session.requests[0]?.requestId);
    await clock.advanceAsync(999);
    expect(leg.hangUps).toEqual([]);
    await clock.advanceAsync(1);
    expect(leg.hangUps).toEqual(['agent']);
  });

  it('is not asked for by an answer that a key has cut: the key is answered', async () => {
    const { clock, leg, model } = liveCall();
    const { session } = model;
    const item = { responseId: 'resp-1', itemId: 'item-1', contentIndex: 0 };
    session.events.responseStarted('resp-1', undefined);
    session.speak(item, 3000, 400);
    session.events.audioDone(item);
    session.events.toolCall({ responseId: 'resp-1', toolCallId: 't1', name: 'end_call', arguments: '{}' });
    await clock.advanceAsync(300);
    leg.events.digit('5');
    session.events.responseDone({ responseId: 'resp-1', status: 'completed' });
    await clock.advanceAsync(1000);
    expect(session.texts.map(({ text }) => text)).toEqual([expect.stringContaining('pressed 5')]);
    session.answer('resp-2', 'item-2', 1000, 'Yes?', session.requests[0]?.requestId);
    await clock.advanceAsync(10_000);
    expect([session.requests.length, leg.hangUps]).toEqual([1, []]);
    // What the agent says from then on counts again.
    session.events.responseStarted('resp-3', undefined);
    session.speak({ ...item, responseId: 'resp-3' }, 400);
    session.events.toolCall({ responseId: 'resp-3', toolCallId: 't2', name: 'end_call', arguments: '{}' });
    session.events.responseDone({ responseId: 'resp-3', status: 'completed' });
    await clock.advanceAsync(400);
    expect(leg.hangUps).toEqual(['agent']);
  });

  it('is not asked for by a tool that comes back while the caller speaks', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const tool: Tool = {
      name: 'finish',
      description: 'Ends the call when all is done.',
      parameters: {},
      run: async (_args, context) => {
        await promise;
        context.endCall();
        return { output: '{}', respond: false };
      },
    };
    const { clock, leg, model } = liveCall({ tools: [tool] });
    const { session } = model;
    session.events.responseStarted('resp-1', undefined);
    session.events.toolCall({ responseId: 'resp-1', toolCallId: 't1', name: 'finish', arguments: '{}' });
    session.events.responseDone({ responseId: 'resp-1', status: 'completed' });
    await clock.advanceAsync(1000);
    session.events.speechStarted('user-1');
    resolve();
    await clock.advanceAsync(1000);
    session.events.speechStopped('user-1', 500);
    session.answer('resp-2', 'item-2', 1000, 'Of course.');
    await clock.advanceAsync(10_000);
    expect(leg.hangUps).toEqual([]);
  });

  it('is not asked for by an answer that the caller has cut, however late its end is told', async () => {
    const { clock, leg, model } = liveCall();
    const { session } = model;
    session.events.responseStarted('resp-1', undefined);
    session.speak({ responseId: 'resp-1', itemId: 'item-1', contentIndex: 0 }, 2000);
    session.events.toolCall({ responseId: 'resp-1', toolCallId: 't1', name: 'end_call', arguments: '{}' });
    session.events.speechStarted('user-1');
    await clock.advanceAsync(200);
    session.events.speechStopped('user-1', 100);
    session.events.responseDone({ responseId: 'resp-1', status: 'completed' });
    session.answer('resp-2', 'item-2', 1000, 'Of course.');
    await clock.advanceAsync(10_000);
    expect(leg.hangUps).toEqual([]);
  });

  it('is taken back when the caller speaks again', async () => {
    const { clock, leg, model } = await goodbye(true);
    await clock.advanceAsync(1000);
    model.session.events.speechStarted('user-1');
    model.session.events.speechStopped('user-1');
    model.session.answer('resp-2', 'item-2', 1000, 'Of course.');
    await clock.advanceAsync(10_000);
    expect(leg.hangUps).toEqual([]);
  });

  it('comes once, for the first reason, and leaves no timer', async () => {
    const { clock, leg, call, of, model } = liveCall();
    leg.confirmsHangUp = false;
    call.end('operator');
    call.end('max-duration');
    leg.end('hung-up');
    await clock.advanceAsync(60_000);
    expect(of('call.ended')).toHaveLength(1);
    expect(of('call.ended')[0]).toMatchObject({ reason: 'operator' });
    expect(model.session.closed).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('leaves a caller who was given to somebody else alone until the carrier ends the leg', () => {
    const { call, clock, leg, model, of } = liveCall({ agent: greeter, limits: { mediaLostMs: 2000 } });
    const { session } = model;
    session.answer('resp-1', 'item-1', 3000, 'Hello there, I am here.', session.requests[0]?.requestId);
    clock.advance(500);
    leg.log.length = 0;
    leg.events.left?.();
    expect(leg.log).toEqual(['clear']);
    expect(session.closed).toBe(true);
    leg.speak(200);
    leg.events.digit('1');
    call.finish('drain', 'Say goodbye.');
    expect([call.say('Hello?'), call.interrupt(), call.transfer({ to: '+15550100003' })]).toEqual([
      false,
      false,
      undefined,
    ]);
    clock.advance(4500);
    expect(leg.log).toEqual(['clear']);
    expect(call.state).toBe('live');
    leg.end('transferred');
    expect(of('call.ended')[0]?.reason).toBe('transferred');
    expect(clock.pending).toBe(0);
  });

  it('comes even when the carrier never confirms it', async () => {
    const { clock, leg, call } = liveCall();
    leg.confirmsHangUp = false;
    call.end('operator');
    await clock.advanceAsync(5000);
    expect(call.state).toBe('ended');
    expect(clock.pending).toBe(0);
  });

  it('comes by itself when nobody answers', async () => {
    const { clock, leg, of } = setUp({ leg: { direction: 'outbound' } });
    await clock.advanceAsync(30_000);
    expect(leg.hangUps).toEqual(['answer-timeout']);
    expect(of('call.ended')[0]).toMatchObject({ reason: 'answer-timeout' });
  });

  it.each([
    ['busy', 'busy'],
    ['no-answer', 'not-answered'],
    ['failed', 'carrier-failed'],
  ] as const)('tells a dialled line that was %s apart from others', (legEnd, reason) => {
    const { leg, of } = setUp({ leg: { direction: 'outbound' } });
    leg.events.ended({ reason: legEnd });
    expect(of('call.ended')[0]).toMatchObject({ reason });
  });

  it('comes with a spoken apology when the model is lost, never with dead air', async () => {
    const { clock, leg, model, of } = liveCall();
    const { PatchcordError } = await import('../base/errors.ts');
    model.session.events.failed(new PatchcordError('PATCHCORD_MODEL_LOST'), true);
    expect(leg.playedBytes).toBe(8000);
    await clock.advanceAsync(999);
    expect(leg.hangUps).toEqual([]);
    await clock.advanceAsync(1);
    expect(leg.hangUps).toEqual(['model-failed']);
    expect(of('call.ended')[0]?.call.turns[0]).toMatchObject({ text: 'Sorry.', heardText: 'Sorry.' });
  });

  it('comes after three silences: a question, a warning, a goodbye', async () => {
    const { clock, leg, model } = liveCall();
    const { session } = model;
    for (const round of [1, 2, 3]) {
      await clock.advanceAsync(15_000);
      expect(session.requests).toHaveLength(round);
      session.answer(`resp-${round}`, `item-${round}`, 1000, 'Hello?', session.requests.at(-1)?.requestId);
      expect(leg.hangUps).toEqual([]);
      await clock.advanceAsync(1000);
    }
    expect(leg.hangUps).toEqual(['no-input']);
  });
});

describe('a model session that is replaced in the call', () => {
  it('gets the heard words as history, holds the caller meanwhile, and owes the answer', async () => {
    const { clock, leg, model } = liveCall();
    const { session } = model;
    const { PatchcordError } = await import('../base/errors.ts');
    session.answer('resp-1', 'item-1', 4000, 'one two three four five six seven eight');
    clock.advance(1240);
    session.events.speechStarted('user-1');
    session.events.callerText('user-1', 'Wait.', true);
    session.events.speechStopped('user-1');
    session.events.resuming(new PatchcordError('PATCHCORD_MODEL_LOST'));
    expect(session.options.history()).toEqual([
      { role: 'agent', text: 'one two' },
      { role: 'caller', text: 'Wait.' },
    ]);
    const before = session.appendedMs;
    leg.speak(200);
    expect(session.appendedMs).toBe(before);
    session.events.ready();
    expect(session.appendedMs).toBe(before + 200);
    expect(session.requests).toHaveLength(1);
  });
});
