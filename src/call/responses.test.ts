import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../base/virtual-clock.ts';
import { Responses } from './responses.ts';
import { liveCall } from './testing/set-up.ts';

type Live = ReturnType<typeof liveCall>;

/** The caller speaks, the model drops what it was asked for, and answers him. */
async function speaksAndIsAnswered({ model, clock }: Live, requestId: string | undefined): Promise<void> {
  const { session } = model;
  session.events.speechStarted('user-1');
  session.events.responseStarted('resp-1', requestId);
  session.events.responseDone({ responseId: 'resp-1', status: 'cancelled' });
  await clock.advanceAsync(800);
  session.events.speechStopped('user-1', 500);
  session.answer('resp-2', 'item-2', 1000, 'Yes.');
  await clock.advanceAsync(1000);
}

describe('a text to be said word for word', () => {
  const saidIn = ({ model }: Live): number =>
    model.session.requests.filter(({ instructions }) => instructions?.includes('1234')).length;

  it('that was asked for and had not begun when the caller spoke is said after his answer', async () => {
    const all = liveCall();
    all.call.say('Your code is 1234.');
    await all.clock.advanceAsync(100);
    await speaksAndIsAnswered(all, all.model.session.requests[0]?.requestId);
    expect(saidIn(all)).toBe(2);
  });

  it('that had begun without a sound is said after his answer', async () => {
    const all = liveCall();
    const { session } = all.model;
    all.call.say('Your code is 1234.');
    session.events.responseStarted('resp-0', session.requests[0]?.requestId);
    session.events.speechStarted('user-1');
    session.events.responseDone({ responseId: 'resp-0', status: 'cancelled' });
    session.events.speechStopped('user-1', 500);
    session.answer('resp-2', 'item-2', 1000, 'Yes.');
    await all.clock.advanceAsync(1000);
    expect(saidIn(all)).toBe(2);
  });

  it('that was heard in part is not said again', async () => {
    const all = liveCall();
    const { session } = all.model;
    all.call.say('Your code is 1234.');
    session.events.responseStarted('resp-0', session.requests[0]?.requestId);
    session.speak({ responseId: 'resp-0', itemId: 'item-0', contentIndex: 0 }, 400);
    await all.clock.advanceAsync(200);
    session.events.speechStarted('user-1');
    session.events.responseDone({ responseId: 'resp-0', status: 'cancelled' });
    session.events.speechStopped('user-1', 500);
    session.answer('resp-2', 'item-2', 1000, 'Yes.');
    await all.clock.advanceAsync(1000);
    expect(saidIn(all)).toBe(1);
  });

  it('that begins although the caller has the floor is cancelled, and asked for again when he has not', () => {
    const clock = new VirtualClock();
    const floor = { callerSpeaks: false, isProtected: false, isLifted: false, callerHasIt: false };
    const told: string[] = [];
    const nothing = (): void => undefined;
    const responses = new Responses({
      clock,
      floor,
      respondsToSpeech: true,
      timeoutMs: 10_000,
      port: {
        send: ({ requestId }) => told.push(`send ${requestId}`),
        cancel: (responseId) => told.push(`cancel ${responseId}`),
        abandoned: nothing,
        idle: nothing,
        failed: nothing,
        silent: nothing,
      },
    });
    responses.open();
    responses.want({ kind: 'say', instructions: 'Say 1234.' });
    Object.assign(floor, { callerSpeaks: true, callerHasIt: true });
    expect(responses.started('resp-1', 'r1')).toBe(false);
    Object.assign(floor, { callerSpeaks: false, callerHasIt: false });
    responses.done({ responseId: 'resp-1', status: 'cancelled' });
    expect(told).toEqual(['send r1', 'cancel resp-1', 'send r2']);
  });
});

it('a goodbye that had not begun when the caller spoke is said after his answer, and the call ends', async () => {
  const all = liveCall();
  const { session } = all.model;
  all.call.finish('drain', 'Say goodbye.');
  await all.clock.advanceAsync(100);
  await speaksAndIsAnswered(all, session.requests[0]?.requestId);
  expect(session.requests).toHaveLength(2);
  session.answer('resp-3', 'item-3', 500, 'Goodbye!', session.requests[1]?.requestId);
  await all.clock.advanceAsync(500);
  expect(all.leg.hangUps).toEqual(['drain']);
});

describe('an answer that was given up', () => {
  it('is not what the next one gives when the rest of it comes late', async () => {
    const { model, clock } = liveCall();
    const { session } = model;
    session.events.responseStarted('resp-1', undefined);
    const late = { responseId: 'resp-1', itemId: 'item-1', contentIndex: 0 };
    session.speak(late, 1000);
    await clock.advanceAsync(200);
    session.events.speechStarted('user-1');
    // The cancel is never confirmed.
    await clock.advanceAsync(4000);
    session.events.speechStopped('user-1', 500);
    session.events.responseStarted('resp-2', undefined);
    session.speak(late, 400);
    session.events.toolCall({ responseId: 'resp-1', toolCallId: 't1', name: 'end_call', arguments: '{}' });
    session.events.responseDone({ responseId: 'resp-2', status: 'completed' });
    await clock.advanceAsync(500);
    expect(session.requests).toHaveLength(1);
  });
});

it('an answer that waits for its turn is dropped when the agent is silenced', async () => {
  const { model, leg, call, clock } = liveCall();
  const { session } = model;
  session.events.responseStarted('resp-1', undefined);
  session.speak({ responseId: 'resp-1', itemId: 'item-1', contentIndex: 0 }, 1000);
  leg.events.digit('#');
  expect(call.interrupt()).toBe(true);
  session.events.responseDone({ responseId: 'resp-1', status: 'cancelled' });
  await clock.advanceAsync(5000);
  expect(session.requests).toEqual([]);
});
