import { describe, expect, it } from 'vitest';
import { PatchcordError } from '../base/errors.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { Floor } from './floor.ts';
import { greeter, liveCall, type SetUp, setUp } from './testing/set-up.ts';

type Live = ReturnType<typeof liveCall>;

const lost = new PatchcordError('PATCHCORD_MODEL_LOST');

/** What may silence the agent in the middle of its words, and what the caller then does to leave it at that. */
const cuts: readonly (readonly [string, (all: Live) => void])[] = [
  ['an operator', ({ call }) => call.interrupt()],
  ['a key', ({ leg }) => leg.events.digit('5')],
  [
    'the caller',
    ({ model }) => {
      model.session.events.speechStarted('user-1');
      model.session.events.speechStopped('user-1', 500);
    },
  ],
];

describe('after the agent was silenced by', () => {
  it.each(cuts)('%s the silence of the caller counts', async (who, cut) => {
    const all = liveCall();
    const { session } = all.model;
    session.answer('resp-1', 'item-1', 10_000, 'a long text');
    await all.clock.advanceAsync(2000);
    cut(all);
    await all.clock.advanceAsync(1000);
    const due = session.requests.length > 0 || who === 'the caller';
    // Whoever is owed an answer gets it; then nobody says anything.
    if (due) session.answer('resp-2', 'item-2', 400, 'Yes?', session.requests[0]?.requestId);
    const before = session.requests.length;
    await all.clock.advanceAsync(16_000);
    expect(session.requests).toHaveLength(before + 1);
    expect(session.requests.at(-1)?.instructions).toContain('still there');
  });

  it.each(cuts)('%s in its goodbye the call ends all the same', async (who, cut) => {
    const all = liveCall();
    const { session } = all.model;
    all.call.finish('drain', 'Say goodbye.');
    session.answer('resp-1', 'item-1', 10_000, 'Goodbye!', session.requests[0]?.requestId);
    await all.clock.advanceAsync(2000);
    cut(all);
    await all.clock.advanceAsync(100);
    if (who === 'the caller') {
      // He is answered first.
      expect(all.leg.hangUps).toEqual([]);
      session.answer('resp-2', 'item-2', 400, 'Yes, goodbye.');
      await all.clock.advanceAsync(400);
    }
    expect(all.leg.hangUps).toEqual(['drain']);
  });

  it('an operator while it was still being generated, the silence counts once the end of that is known', async () => {
    const { model, call, clock } = liveCall();
    const { session } = model;
    session.events.responseStarted('resp-1', undefined);
    session.speak({ responseId: 'resp-1', itemId: 'item-1', contentIndex: 0 }, 4000);
    await clock.advanceAsync(1000);
    call.interrupt();
    session.events.responseDone({ responseId: 'resp-1', status: 'cancelled' });
    await clock.advanceAsync(15_000);
    expect(session.requests).toHaveLength(1);
  });
});

describe('a caller who does not stop', () => {
  /** Audio arrives all the time, as it does from a phone. */
  async function speaks({ leg, clock }: Live, forMs: number): Promise<void> {
    for (let at = 0; at < forMs; at += 500) {
      leg.speak(20);
      await clock.advanceAsync(500);
    }
  }

  it('is not spoken over, however long it takes', async () => {
    const all = liveCall();
    all.model.session.events.speechStarted('user-1');
    await speaks(all, 400_000);
    expect(all.model.session.requests).toEqual([]);
    all.model.session.events.speechStopped('user-1', 500);
    await all.clock.advanceAsync(5000);
    expect(all.model.session.requests).toHaveLength(1);
  });

  it('is not told that a tool has come back before he stops', async () => {
    const all = liveCall();
    all.leg.events.digit('5');
    all.model.session.events.speechStarted('user-1');
    await speaks(all, 130_000);
    expect(all.model.session.requests).toEqual([]);
  });

  it('hears the goodbye at the end of the longest time, and the call ends after it', async () => {
    const all = liveCall({ limits: { maxDurationMs: 125_000 } });
    const { session } = all.model;
    session.events.speechStarted('user-1');
    await speaks(all, 125_000);
    expect(session.requests.map(({ instructions }) => instructions)).toEqual([
      expect.stringContaining('say goodbye'),
    ]);
    session.answer('resp-1', 'item-1', 1000, 'Goodbye!', session.requests[0]?.requestId);
    expect(all.leg.playedBytes).toBe(8000);
    await all.clock.advanceAsync(999);
    expect(all.leg.hangUps).toEqual([]);
    await all.clock.advanceAsync(1);
    expect(all.leg.hangUps).toEqual(['max-duration']);
  });

  it('for ten minutes on end was missed when he stopped, and is answered', async () => {
    const all = liveCall();
    all.model.session.events.speechStarted('user-1');
    await speaks(all, 605_500);
    expect(all.model.session.requests).toHaveLength(1);
  });
});

describe('a session that was replaced while the caller spoke', () => {
  function replaced(): Live {
    const all = liveCall();
    const { session } = all.model;
    session.events.speechStarted('user-1');
    all.leg.speak(1000);
    session.events.resuming(lost);
    all.leg.speak(600);
    session.events.ready();
    return all;
  }

  it('is given what he said meanwhile and answers when it hears him stop', async () => {
    const { model, clock } = replaced();
    const { session } = model;
    expect(session.appendedMs).toBe(1600);
    expect(session.requests).toEqual([]);
    session.events.speechStarted('user-2');
    await clock.advanceAsync(8000);
    session.events.speechStopped('user-2', 500);
    session.answer('resp-1', 'item-1', 400, 'I see.');
    await clock.advanceAsync(8000);
    expect(session.requests).toEqual([]);
  });

  it('has what he said before counted as lost where its words were not written down', async () => {
    const { call, of } = replaced();
    expect(call.snapshot().stats.lostCallerAudioMs).toBe(0);
    const all = liveCall();
    const { session } = all.model;
    const speaks = async (itemId: string, text: string): Promise<void> => {
      session.events.speechStarted(itemId);
      await all.clock.advanceAsync(2000);
      session.events.speechStopped(itemId, 500);
      if (text !== '') session.events.callerText(itemId, text, true);
    };
    await speaks('user-1', 'That was written down.');
    await speaks('user-2', '');
    session.events.speechStarted('user-3');
    await all.clock.advanceAsync(300);
    session.events.resuming(lost);
    session.events.ready();
    expect(all.of('caller-audio.lost').map(({ lostMs }) => lostMs)).toEqual([1800]);
    expect(all.call.snapshot().stats.lostCallerAudioMs).toBe(1800);
    expect(of('caller-audio.lost')).toEqual([]);
  });

  it('is asked when it hears nothing of him any more', async () => {
    const { model, clock } = replaced();
    await clock.advanceAsync(4999);
    expect(model.session.requests).toEqual([]);
    await clock.advanceAsync(1);
    expect(model.session.requests).toHaveLength(1);
  });

  it('says a goodbye that was lost before its first word, and nothing else', async () => {
    const { model, call, clock } = liveCall();
    const { session } = model;
    call.finish('drain', 'Say goodbye.');
    session.events.responseStarted('resp-1', session.requests[0]?.requestId);
    session.events.resuming(lost);
    session.events.ready();
    await clock.advanceAsync(100);
    expect(session.requests.map(({ instructions }) => instructions?.includes('Say goodbye.'))).toEqual([
      true,
      true,
    ]);
    session.answer('resp-2', 'item-2', 400, 'Goodbye!', session.requests[1]?.requestId);
    await clock.advanceAsync(400);
    expect(session.requests).toHaveLength(2);
    expect(call.state).toBe('ended');
  });
});

describe('what the agent is told to say', () => {
  const greets = (greeting?: string): SetUp => ({
    agent: {
      ...greeter,
      instructions: 'You are Rosa. Speak Spanish.',
      opening: { speaker: 'agent', interruptible: true, ...(greeting === undefined ? {} : { greeting }) },
    },
  });

  it.each([['Hola.'], [undefined]])('comes after who it is: greeting %j', (greeting) => {
    const { model } = liveCall(greets(greeting));
    const instructions = model.session.requests[0]?.instructions ?? '';
    expect(instructions.startsWith('You are Rosa. Speak Spanish.\n\nGreet the caller')).toBe(true);
    if (greeting !== undefined) expect(instructions.endsWith('"Hola."')).toBe(true);
  });

  it('comes after who it is: each question, warning and goodbye', async () => {
    const { model, clock } = liveCall();
    const { session } = model;
    for (const round of [1, 2, 3]) {
      await clock.advanceAsync(15_000);
      session.answer(`resp-${round}`, `item-${round}`, 400, 'Hello?', session.requests.at(-1)?.requestId);
      await clock.advanceAsync(400);
    }
    expect(session.requests).toHaveLength(3);
    for (const { instructions } of session.requests) expect(instructions).toMatch(/^Be kind\.\n\n\S/);
  });

  it('is one goodbye, also when two reasons to end come together', async () => {
    const { model, call, clock, of } = liveCall();
    const { session } = model;
    call.finish('max-duration', 'Say goodbye.');
    session.events.responseStarted('resp-1', session.requests[0]?.requestId);
    call.finish('drain', 'The line has to be closed now.');
    const item = { responseId: 'resp-1', itemId: 'item-1', contentIndex: 0 };
    session.speak(item, 1000, 200);
    session.events.audioDone(item);
    session.events.responseDone({ responseId: 'resp-1', status: 'completed' });
    await clock.advanceAsync(1000);
    expect(session.requests).toHaveLength(1);
    expect(of('call.ended')[0]?.reason).toBe('max-duration');
  });
});

describe('words of the caller that could not be made out', () => {
  it('do not keep the turn open', () => {
    const { model, of } = liveCall();
    const { events } = model.session;
    events.speechStarted('user-1');
    events.speechStopped('user-1', 500);
    events.callerText('user-1', 'half a', false);
    events.callerText('user-1', '', true);
    expect(of('turn.ended').map(({ turn }) => turn.text)).toEqual(['half a']);
  });

  it('do not keep it open where nobody writes them down: the answer ends it', async () => {
    const { leg, model, clock, of } = setUp();
    leg.events.answered();
    leg.events.connected();
    const { session } = model;
    session.events.ready();
    session.events.speechStarted('user-1');
    session.events.speechStopped('user-1', 500);
    session.answer('resp-1', 'item-1', 400, 'Yes.');
    await clock.advanceAsync(400);
    expect(
      of('turn.ended')
        .map(({ turn }) => turn.role)
        .sort(),
    ).toEqual(['agent', 'caller']);
  });
});

describe('who has the floor', () => {
  function floorOf(protectOpening = false) {
    const clock = new VirtualClock();
    const told: string[] = [];
    let idleMs = 0;
    const floor: Floor = new Floor({
      clock,
      protectOpening,
      callerIdleMs: () => idleMs,
      lifted: () => told.push('lifted'),
      stopMissed: () => {
        told.push('stop missed');
        floor.callerStops();
      },
    });
    const falls = (): void => {
      idleMs = 1001;
    };
    return { clock, floor, told, falls };
  }

  it('is nobody, until the caller speaks and after he has stopped', () => {
    const { clock, floor } = floorOf();
    expect(floor.callerHasIt).toBe(false);
    floor.callerStarts();
    expect(floor.callerHasIt).toBe(true);
    floor.callerStops();
    expect(floor.callerHasIt).toBe(false);
    expect(clock.pending).toBe(0);
  });

  it('is never the caller in a protected opening, and at once when that is over and he still speaks', () => {
    const { floor } = floorOf(true);
    floor.callerStarts();
    expect([floor.callerSpeaks, floor.callerHasIt]).toEqual([true, false]);
    floor.endProtection();
    expect(floor.callerHasIt).toBe(true);
  });

  it('is not the caller any more after two minutes on end, but again when he speaks anew', () => {
    const { clock, floor, told } = floorOf();
    floor.callerStarts();
    clock.advance(119_999);
    expect([floor.callerHasIt, told]).toEqual([true, []]);
    clock.advance(1);
    expect([floor.callerSpeaks, floor.callerHasIt, told]).toEqual([true, false, ['lifted']]);
    floor.callerStarts();
    expect([floor.isLifted, floor.callerHasIt]).toEqual([false, true]);
  });

  it('is nobody when two minutes after his start no audio comes of the caller any more', () => {
    const { clock, floor, told, falls } = floorOf();
    floor.callerStarts();
    falls();
    clock.advance(120_000);
    expect(told).toEqual(['stop missed']);
    expect(clock.pending).toBe(0);
  });

  it('is nobody after ten minutes, however much audio comes', () => {
    const { clock, floor, told } = floorOf();
    floor.callerStarts();
    clock.advance(600_000);
    expect(told).toEqual(['lifted', 'lifted', 'lifted', 'lifted', 'stop missed']);
    expect([floor.callerSpeaks, floor.isLifted, clock.pending]).toEqual([false, false, 0]);
  });

  it('is waited for by nothing once it is closed', () => {
    const { clock, floor } = floorOf();
    floor.callerStarts();
    floor.close();
    expect(clock.pending).toBe(0);
  });
});
