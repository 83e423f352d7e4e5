import { describe, expect, it } from 'vitest';
import { PatchcordError } from '../base/errors.ts';
import { liveCall } from './testing/set-up.ts';
import type { Tool } from './tools.ts';

const item = { responseId: 'resp-1', itemId: 'item-1', contentIndex: 0 };
const lost = new PatchcordError('PATCHCORD_MODEL_LOST');

describe('no-ghost: nothing is heard', () => {
  it('of an answer that had not come to a word when the caller spoke', () => {
    const { leg, model } = liveCall();
    model.session.events.responseStarted('resp-1', undefined);
    model.session.events.speechStarted('user-1');
    model.session.speak(item, 1000, 200);
    expect(leg.playedBytes).toBe(0);
  });

  it('of what a lost session still says', () => {
    const { leg, model } = liveCall();
    const { session } = model;
    session.events.responseStarted('resp-1', undefined);
    session.speak(item, 1000, 200);
    session.events.resuming(lost);
    const before = leg.playedBytes;
    session.speak(item, 400);
    session.speak({ ...item, itemId: 'item-2' }, 400);
    expect(leg.playedBytes).toBe(before);
  });

  it.each<[string, (all: ReturnType<typeof liveCall>) => void]>([
    ['the caller', ({ model }) => model.session.events.speechStarted('user-1')],
    ['a key', ({ leg }) => leg.events.digit('5')],
    ['an operator', ({ call }) => call.interrupt()],
  ])('of a carrier that began late: %s clears it although the clock says that all was heard', (_who, cut) => {
    const all = liveCall({ leg: { markDelayMs: () => 900 } });
    const { leg, model, clock } = all;
    model.session.answer('resp-1', 'item-1', 1000, 'Hello.');
    clock.advance(1500);
    cut(all);
    expect(leg.log.at(-1)).toBe('clear');
    expect(model.session.interruptions).toEqual([]);
  });
});

describe('an answer that does not end as it should', () => {
  it('does not keep the agent from falling silent when another takes its place', async () => {
    const { model, clock } = liveCall();
    const { session } = model;
    session.events.responseStarted('resp-1', undefined);
    session.speak(item, 500);
    session.answer('resp-2', 'item-2', 500, 'More.');
    await clock.advanceAsync(1000);
    // Silence counts from here: the first step of the ladder asks whether the caller is there.
    await clock.advanceAsync(15_000);
    expect(session.requests).toHaveLength(1);
  });

  it('does so neither when nobody ever said that it began or ended', async () => {
    const { model, clock } = liveCall();
    model.session.speak(item, 500);
    await clock.advanceAsync(500 + 15_000);
    expect(model.session.requests).toHaveLength(1);
  });
});

it('tools-once: a result for a session that was lost is not given to the next one', async () => {
  let answer: ((output: string) => void) | undefined;
  const slow: Tool = {
    name: 'slow',
    description: 'Takes its time.',
    parameters: { type: 'object', properties: {} },
    run: () =>
      new Promise((resolve) => {
        answer = resolve;
      }),
  };
  const { model, clock } = liveCall({ tools: [slow] });
  const { session } = model;
  session.events.responseStarted('resp-1', undefined);
  session.events.toolCall({ responseId: 'resp-1', toolCallId: 't', name: 'slow', arguments: '{}' });
  session.events.responseDone({ responseId: 'resp-1', status: 'completed' });
  await clock.advanceAsync(10);
  session.events.resuming(lost);
  session.events.ready();
  answer?.('{}');
  await clock.advanceAsync(10);
  expect(session.results).toEqual([]);
});
