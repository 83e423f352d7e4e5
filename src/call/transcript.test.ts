import { describe, expect, it } from 'vitest';
import { PatchcordError } from '../base/errors.ts';
import { liveCall } from './testing/set-up.ts';

const lost = new PatchcordError('PATCHCORD_MODEL_LOST');
const item = { responseId: 'resp-1', itemId: 'item-1', contentIndex: 0 };

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
