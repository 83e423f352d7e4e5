import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../base/virtual-clock.ts';
import { FaithfulModel, type Fault } from './testing/faithful-model.ts';
import { seeded } from './testing/seeded.ts';
import { callWith, greeter, guarded, listener } from './testing/set-up.ts';
import type { Tool } from './tools.ts';

type Step =
  | { readonly do: 'speak'; readonly ms: number; readonly digitAfterMs?: number }
  | { readonly do: 'operator' }
  | { readonly do: 'digit'; readonly digit: string }
  | { readonly do: 'drop'; readonly backAfterMs: number }
  | { readonly do: 'wait'; readonly ms: number };

/** Shorter than the round trip, so that everything may cross everything on its way. */
const hastyMs = 40;
/** Longer than the round trip: the call knows of the speech before the model answers it. */
const politeMs = 300;

function stepOf(shortestMs: number, drops: boolean): fc.Arbitrary<Step> {
  const speak = fc.record(
    {
      do: fc.constant('speak' as const),
      ms: fc.oneof(
        fc.integer({ min: shortestMs, max: shortestMs + 200 }),
        fc.integer({ min: shortestMs, max: 4000 }),
      ),
      digitAfterMs: fc.integer({ min: 1, max: shortestMs }),
    },
    { requiredKeys: ['do', 'ms'] },
  );
  const ms = fc.oneof(fc.integer({ min: 0, max: 250 }), fc.integer({ min: 0, max: 3000 }));
  return fc.oneof(
    { weight: 4, arbitrary: speak },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant('digit' as const), digit: fc.constantFrom('1', '7', '#', '#') }),
    },
    { weight: 1, arbitrary: fc.constant<Step>({ do: 'operator' }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('wait' as const), ms }) },
    {
      weight: drops ? 1 : 0,
      arbitrary: fc.record({
        do: fc.constant('drop' as const),
        backAfterMs: fc.integer({ min: 0, max: 4000 }),
      }),
    },
  );
}

interface Story {
  readonly seed: number;
  readonly steps: readonly Step[];
  readonly faults: Partial<Record<Fault, number>>;
  readonly agent: 0 | 1 | 2;
}

interface Kind {
  readonly shortestMs: number;
  readonly drops?: boolean;
  readonly faults?: fc.Arbitrary<Partial<Record<Fault, number>>>;
}

const story = ({ shortestMs, drops, faults }: Kind): fc.Arbitrary<Story> =>
  fc.record({
    seed: fc.nat(),
    steps: fc.array(stepOf(shortestMs, drops === true), { maxLength: 20, size: 'max' }),
    faults: faults ?? fc.constant({}),
    agent: fc.constantFrom(0, 1, 2),
  });

function begin({ seed, faults, agent }: Story) {
  const random = seeded(seed);
  const clock = new VirtualClock();
  const lookUp: Tool = {
    name: 'look_up',
    description: 'Looks something up.',
    parameters: { type: 'object', properties: {} },
    run: () =>
      new Promise((resolve) => {
        clock.setTimeout(() => resolve('{"found":1}'), random() * 800);
      }),
  };
  const model = new FaithfulModel({ clock, random, faults, toolShare: 0.25 });
  const all = callWith(model, {
    clock,
    agent: [listener, greeter, guarded][agent] ?? listener,
    tools: [lookUp],
    limits: { noInputMs: 0 },
  });
  const { leg, events } = all;
  let talkedOver = 0;
  leg.onPlay = () => {
    const last = events.findLast(({ type }) => type === 'speech.started' || type === 'speech.stopped');
    if (last?.type === 'speech.started') talkedOver += 1;
  };
  leg.events.answered();
  leg.events.connected();
  return { ...all, session: model.session, talkedOver: () => talkedOver };
}

type Begun = ReturnType<typeof begin>;

/** Plays the steps of a story, and none after the end of the call. */
async function play(told: Story): Promise<Begun> {
  const all = begin(told);
  const { clock, leg, call, session } = all;
  await clock.advanceAsync(300);
  for (const step of told.steps) {
    if (call.state !== 'live') break;
    switch (step.do) {
      case 'speak':
        session.callerStarts();
        if (step.digitAfterMs !== undefined) {
          await clock.advanceAsync(step.digitAfterMs);
          leg.events.digit('#');
        }
        await clock.advanceAsync(step.ms - (step.digitAfterMs ?? 0));
        session.callerStops();
        break;
      case 'digit':
        leg.events.digit(step.digit);
        break;
      case 'operator':
        call.interrupt();
        break;
      case 'drop':
        session.drop(step.backAfterMs);
        break;
      case 'wait':
        await clock.advanceAsync(step.ms);
        break;
    }
  }
  return all;
}

/** Whether the agent says something that it had not begun to say before. */
async function answers(all: Begun, withinMs: number): Promise<boolean> {
  const { clock, leg, session } = all;
  const from = clock.now();
  const before = leg.playedBytes;
  await clock.advanceAsync(withinMs);
  return leg.playedBytes > before && session.started.some(({ at }) => at >= from);
}

async function speakOnce({ clock, session }: Begun): Promise<void> {
  await clock.advanceAsync(Math.max(0, session.backAt - clock.now()));
  session.callerStarts();
  await clock.advanceAsync(600);
  session.callerStops();
}

const share = fc.double({ min: 0, max: 0.15, noNaN: true });
const faulty = fc.record({
  failed: share,
  'failed-unannounced': share,
  'lost-created': share,
  'lost-done': share,
  silent: share,
  endless: share,
  vanishes: share,
});

describe('one-voice: whoever asks for an answer, and whenever', () => {
  it('never asks a model that works for a second response, and never speaks over the caller', async () => {
    await fc.assert(
      fc.asyncProperty(story({ shortestMs: politeMs }), async (told) => {
        const all = await play(told);
        expect(all.call.state).toBe('live');
        expect(all.session.refusals).toBe(0);
        if (told.agent !== 2) expect(all.talkedOver()).toBe(0);
        expect(all.of('error')).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it('answers the caller whatever went before, also when everything crosses everything on its way', async () => {
    await fc.assert(
      fc.asyncProperty(story({ shortestMs: hastyMs, drops: true }), async (told) => {
        const all = await play(told);
        await speakOnce(all);
        expect(await answers(all, 20_000)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('answers keys whatever went before', async () => {
    await fc.assert(
      fc.asyncProperty(story({ shortestMs: hastyMs, drops: true }), async (told) => {
        const all = await play(told);
        all.leg.events.digit('5');
        // Pressed keys are taken together after a pause; only then is there something to answer.
        await all.clock.advanceAsync(1000);
        expect(await answers(all, 30_000)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('comes to rest: no request, deadline or retry is left when nobody does anything any more', async () => {
    await fc.assert(
      fc.asyncProperty(story({ shortestMs: hastyMs, drops: true, faults: faulty }), async (told) => {
        const all = await play(told);
        all.session.heal();
        await all.clock.advanceAsync(120_000);
        // Nothing but the longest time of the call.
        expect(all.clock.pending).toBe(all.call.state === 'live' ? 1 : 0);
      }),
      { numRuns: 200 },
    );
  });

  it('a model whose responses fail, stall or lose their ends leaves no dead end', async () => {
    await fc.assert(
      fc.asyncProperty(story({ shortestMs: hastyMs, drops: true, faults: faulty }), async (told) => {
        const all = await play(told);
        all.session.heal();
        if (all.call.state === 'live') await speakOnce(all);
        const answered = await answers(all, 60_000);
        if (all.call.state === 'live') expect(answered).toBe(true);
        else expect(all.of('call.ended').map(({ reason }) => reason)).toEqual(['model-failed']);
      }),
      { numRuns: 300 },
    );
  });

  it('tools-once: every tool call of a finished response gets at most one result, of others none', async () => {
    await fc.assert(
      fc.asyncProperty(story({ shortestMs: politeMs }), async (told) => {
        const { session, clock } = await play(told);
        session.heal();
        await clock.advanceAsync(30_000);
        // No session was lost, so each call has its result.
        expect([...session.results].sort()).toEqual([...session.toolCalls].sort());
      }),
      { numRuns: 100 },
    );
  });
});
