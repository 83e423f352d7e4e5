import { describe, expect, it } from 'vitest';
import type { FloorView } from './floor.ts';
import { anAnswer, type Wanted, WantedQueue } from './wanted.ts';

const greeting: Wanted = { kind: 'say', instructions: 'Greet.', lapses: true };
const goodbye: Wanted = { kind: 'say', instructions: 'Say goodbye.', lapses: false };

function queueOf(floor: Partial<FloorView> = {}, ...wanted: readonly Wanted[]) {
  const callerSpeaks = floor.callerSpeaks ?? false;
  const isProtected = floor.isProtected ?? false;
  const isLifted = floor.isLifted ?? false;
  const callerHasIt = callerSpeaks && !isProtected && !isLifted;
  const queue = new WantedQueue({ callerSpeaks, isProtected, isLifted, callerHasIt });
  for (const one of wanted) queue.add(one, false);
  return queue;
}

describe('what waits to be said', () => {
  it('goes in its order, with one answer at most', () => {
    const queue = queueOf({}, anAnswer, goodbye, anAnswer);
    expect([queue.take(false), queue.take(false), queue.take(false)]).toEqual([anAnswer, goodbye, undefined]);
  });

  it('waits for the answer that the model gives by itself', () => {
    const queue = queueOf({}, goodbye);
    expect([queue.mayTake(true), queue.take(true)]).toEqual([false, undefined]);
    expect(queue.waits).toBe(true);
  });

  it('is no answer while the opening is protected, whether the caller speaks or not', () => {
    for (const callerSpeaks of [true, false]) {
      const queue = queueOf({ isProtected: true, callerSpeaks }, anAnswer);
      expect([queue.waits, queue.mayTake(false)]).toEqual([false, false]);
      queue.add(goodbye, false);
      expect([queue.waits, queue.take(false)]).toEqual([true, goodbye]);
    }
  });

  it('is nothing while the caller has the floor', () => {
    expect(queueOf({ callerSpeaks: true }, anAnswer, goodbye).take(false)).toBeUndefined();
  });

  it('is what has to be said, and only that, when he has spoken too long', () => {
    const queue = queueOf({ callerSpeaks: true, isLifted: true }, anAnswer, greeting, goodbye);
    expect([queue.take(false), queue.take(false)]).toEqual([goodbye, undefined]);
  });

  it('comes back to the head, unless he has spoken and it lapses with that', () => {
    const queue = queueOf({}, goodbye);
    queue.putBack(greeting);
    expect(queue.take(false)).toEqual(greeting);
    const late = queueOf({ callerSpeaks: true });
    late.putBack(greeting);
    expect(late.waits).toBe(false);
  });

  it('loses what lapses when he begins to speak, but not in a protected opening', () => {
    const open = queueOf({ callerSpeaks: true }, greeting);
    open.callerStarted();
    const guarded = queueOf({ callerSpeaks: true, isProtected: true }, greeting);
    guarded.callerStarted();
    expect([open.waits, guarded.waits]).toEqual([false, true]);
  });
});
