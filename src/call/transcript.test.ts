import { describe, expect, it } from 'vitest';
import { PatchcordError } from '../base/errors.ts';
import type { VirtualClock } from '../base/virtual-clock.ts';
import type { FakeSession } from './testing/fake-model.ts';
import { liveCall } from './testing/set-up.ts';

const lost = new PatchcordError('PATCHCORD_MODEL_LOST');
const item = { responseId: 'resp-1', itemId: 'item-1', contentIndex: 0 };

/** An answer whose text is all there, and whose audio ends after `ms` without a word. */
function cutOff(
  ms: number,
  before: (all: { session: FakeSession; clock: VirtualClock }) => void = () => undefined,
) {
  const { model, clock } = liveCall();
  const { session } = model;
  before({ session, clock });
  session.events.responseStarted('resp-1', undefined);
  session.events.agentText(item, 'I will now count: one two three four five six seven eight.');
  session.speak(item, ms, 125);
  clock.advance(1500);
  session.events.resuming(lost);
  return { session };
}

describe('a model that is lost in the middle of an answer', () => {
  it('leaves as heard only the words whose audio came', () => {
    const { model, clock, call } = liveCall();
    const { session } = model;
    session.events.responseStarted('resp-1', undefined);
    session.events.agentText(item, 'one two three four five six seven eight nine ten');
    session.speak(item, 800);
    session.events.resuming(lost);
    clock.advance(1000);
    const [turn] = call.snapshot().turns;
    expect(turn).toMatchObject({ heardMs: 800, generatedMs: 800, cut: 'model-lost', ended: true });
    expect(turn?.heardText).toBe('one two');
    expect(session.options.history()).toEqual([{ role: 'agent', text: 'one two' }]);
  });

  it('does not take the whole sentence for heard because its audio could just hold it', () => {
    const { session } = cutOff(3761);
    expect(session.options.history()).toEqual([
      { role: 'agent', text: 'I will now count: one two three four five six seven' },
    ]);
  });

  it('goes by the pace of this voice where it is slower than most', () => {
    const { session } = cutOff(3761, (before) => {
      before.session.answer('resp-0', 'item-0', 3100, 'Hello! How can I help you today?');
      before.clock.advance(3100);
    });
    expect(session.options.history().at(-1)).toEqual({
      role: 'agent',
      text: 'I will now count: one two three four',
    });
  });

  it('does not tell the next model of words that have no audio at all', () => {
    const { model, call } = liveCall();
    const { session } = model;
    session.events.responseStarted('resp-1', undefined);
    session.events.agentText(item, 'never to be heard');
    session.events.resuming(lost);
    expect(session.options.history()).toEqual([]);
    expect(call.snapshot().turns[0]).toMatchObject({ heardText: '', cut: 'model-lost', ended: true });
  });

  it('can still be interrupted, and the new model is not told about an item that it does not know', () => {
    const { model, clock, leg, call } = liveCall();
    const { session } = model;
    session.events.responseStarted('resp-1', undefined);
    session.events.agentText(item, 'one two three four five six seven eight nine ten');
    session.speak(item, 4000, 400);
    session.events.resuming(lost);
    session.events.ready();
    clock.advance(1000);
    session.events.speechStarted('user-1');
    expect(leg.log).toContain('clear');
    expect(session.interruptions.flatMap(({ items }) => items)).toEqual([]);
    expect(call.snapshot().turns[0]).toMatchObject({ heardMs: 1000, cut: 'caller-spoke' });
    const before = leg.playedBytes;
    session.speak(item, 400);
    expect(leg.playedBytes).toBe(before);
  });
});

describe('the transcript', () => {
  it('takes words that come after all of their audio was heard', () => {
    const { model, clock, call } = liveCall();
    const { session } = model;
    session.events.responseStarted('resp-1', undefined);
    session.speak(item, 300);
    session.events.audioDone(item);
    clock.advance(400);
    session.events.agentText(item, 'Hi.');
    expect(call.snapshot().turns[0]).toMatchObject({ text: 'Hi.', heardText: 'Hi.', heardMs: 300 });
  });

  it('keeps the parts of one item apart', () => {
    const { model, clock, call } = liveCall();
    const { session } = model;
    const second = { ...item, contentIndex: 1 };
    session.events.responseStarted('resp-1', undefined);
    session.events.agentText(item, 'First.');
    session.speak(item, 500);
    session.events.audioDone(item);
    session.events.agentText(second, 'And a second part.');
    session.speak(second, 1000);
    clock.advance(700);
    session.events.speechStarted('user-1');
    expect(call.snapshot().turns.filter(({ role }) => role === 'agent')).toMatchObject([
      { text: 'First.', heardText: 'First.', heardMs: 500 },
      { text: 'And a second part.', heardMs: 200, generatedMs: 1000, cut: 'caller-spoke' },
    ]);
    expect(session.interruptions[0]?.items).toMatchObject([{ contentIndex: 1, heardMs: 200 }]);
  });

  it('tells while an answer sounds how far it was heard, a few times a second', () => {
    const { model, clock, of, call } = liveCall();
    model.session.answer('resp-1', 'item-1', 4000, 'one two three four five six seven eight');
    const before = of('turn.updated').length;
    clock.advance(3900);
    const told = of('turn.updated').slice(before);
    expect(told.length).toBeGreaterThanOrEqual(8);
    expect(told.length).toBeLessThanOrEqual(10);
    for (const { turn } of told) expect(turn.text.startsWith(turn.heardText)).toBe(true);
    const heardMs = told.map(({ turn }) => turn.heardMs);
    expect(heardMs).toEqual([...heardMs].sort((a, b) => a - b));
    expect(told.at(-1)?.turn).toMatchObject({ heardText: expect.stringContaining('one two three four') });
    clock.advance(1000);
    expect(call.snapshot().turns[0]).toMatchObject({ heardMs: 4000, ended: true });
  });

  it('tells no word while nobody follows, and knows how far the agent was heard when it is asked', () => {
    let followed = false;
    const { model, clock, of, call } = liveCall({ followed: () => followed });
    model.session.answer('resp-1', 'item-1', 4000, 'one two three four five six seven eight');
    clock.advance(1900);
    expect(of('turn.updated')).toEqual([]);
    expect(call.snapshot().turns).toMatchObject([{ heardMs: 1900, ended: false }]);
    followed = true;
    clock.advance(1900);
    expect(of('turn.updated').length).toBeGreaterThanOrEqual(4);
    clock.advance(1000);
    expect(of('turn.ended')).toMatchObject([{ turn: { heardMs: 4000 } }]);
  });

  it('keeps a text without end only up to a bound, and marks that', () => {
    const { model, call } = liveCall();
    const { session } = model;
    session.events.responseStarted('resp-1', undefined);
    for (let count = 0; count < 300; count += 1) session.events.agentText(item, 'words '.repeat(100));
    session.events.callerText('user-1', 'w'.repeat(50_000), false);
    session.events.callerText('user-1', 'w'.repeat(50_000), false);
    for (const { text } of call.snapshot().turns) {
      expect(text).toHaveLength(20_004);
      expect(text.endsWith(' […]')).toBe(true);
    }
  });

  it('ends a caller’s turn whose words never come once the answer is over, and still takes them later', () => {
    const { model, clock, of, call } = liveCall();
    const { session } = model;
    session.events.speechStarted('user-1');
    session.events.speechStopped('user-1', 500);
    session.answer('resp-1', 'item-1', 800, 'Yes.');
    expect(of('turn.ended')).toEqual([]);
    clock.advance(1000);
    expect(of('turn.ended').map(({ turn }) => turn.role)).toEqual(['agent', 'caller']);
    session.events.callerText('user-1', 'Are you there?', true);
    session.events.callerText('user-1', 'Something else.', true);
    expect(call.snapshot().turns[0]).toMatchObject({ text: 'Are you there?', ended: true });
    expect(of('turn.ended')).toHaveLength(2);
  });

  it('ends a caller’s turn without words when the model is lost', () => {
    const { model, of } = liveCall();
    model.session.events.speechStarted('user-1');
    model.session.events.resuming(lost);
    expect(of('turn.ended')).toMatchObject([{ turn: { role: 'caller', text: '', ended: true } }]);
  });

  it('keeps what was heard of a recorded apology that was cut', async () => {
    const { model, clock, call, leg, of } = liveCall();
    model.session.events.failed(lost, true);
    await clock.advanceAsync(400);
    call.interrupt();
    await clock.advanceAsync(100);
    expect(leg.hangUps).toEqual(['model-failed']);
    expect(of('call.ended')[0]?.call.turns[0]).toMatchObject({ heardMs: 400, cut: 'operator' });
  });
});
