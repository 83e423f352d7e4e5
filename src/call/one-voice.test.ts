import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../base/virtual-clock.ts';
import { FaithfulModel, type Fault } from './testing/faithful-model.ts';
import { seeded } from './testing/seeded.ts';
import { callWith, greeter, guarded, listener } from './testing/set-up.ts';
import type { Tool } from './tools.ts';

type Step =
  | { readonly do: 'speak'; readonly ms: number }
  | { readonly do: 'operator' }
  | { readonly do: 'digit'; readonly digit: string }
  | { readonly do: 'wait'; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('speak' as const), ms: fc.integer({ min: 300, max: 4000 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('digit' as const), digit: fc.constantFrom('1', '7', '#') }),
  },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'operator' }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 3000 }) }),
  },
);

interface Story {
  readonly seed: number;
  readonly steps: readonly Step[];
  readonly faults: Partial<Record<Fault, number>>;
  readonly agent: 0 | 1 | 2;
}

const story = (faults: fc.Arbitrary<Partial<Record<Fault, number>>>): fc.Arbitrary<Story> =>
  fc.record({
    seed: fc.nat(),
    steps: fc.array(step, { maxLength: 20 }),
    faults,
    agent: fc.constantFrom(0, 1, 2),
  });

/** Plays a story to its end and then lets the caller say one thing more, with nothing going wrong. */
async function play({ seed, steps, faults, agent }: Story) {
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
  const { leg, call } = all;
  leg.events.answered();
  leg.events.connected();
  await clock.advanceAsync(300);
  const { session } = model;
  for (const current of steps) {
    if (call.state !== 'live') break;
    switch (current.do) {
      case 'speak':
        session.callerStarts();
        await clock.advanceAsync(current.ms);
        session.callerStops();
        break;
      case 'digit':
        leg.events.digit(current.digit);
        break;
      case 'operator':
        call.interrupt();
        break;
      case 'wait':
        await clock.advanceAsync(current.ms);
        break;
    }
  }
  session.heal();
  await clock.advanceAsync(90_000);
  const ended = call.state !== 'live';
  const quietTimers = clock.pending;
  const bytesBefore = leg.playedBytes;
  session.callerStarts();
  await clock.advanceAsync(1000);
  const bytesWhileSpeaking = leg.playedBytes;
  session.callerStops();
  const stoppedAt = clock.now();
  await clock.advanceAsync(6000);
  return { ...all, session, ended, quietTimers, bytesBefore, bytesWhileSpeaking, stoppedAt };
}

describe('one-voice: whoever asks for an answer, and whenever', () => {
  it('a model that works is never asked for a second response, and a fresh turn gets an answer', async () => {
    await fc.assert(
      fc.asyncProperty(story(fc.constant({})), async (told) => {
        const { session, leg, ended, quietTimers, bytesBefore, bytesWhileSpeaking } = await play(told);
        expect(ended).toBe(false);
        expect(session.refusals).toBe(0);
        // Nothing but the longest time of the call: no request, no deadline, no retry is left over.
        expect(quietTimers).toBe(1);
        expect(bytesWhileSpeaking).toBe(bytesBefore);
        expect(leg.playedBytes).toBeGreaterThan(bytesBefore);
      }),
      { numRuns: 150 },
    );
  });

  it('a model whose responses fail, stall or lose their ends leaves no dead end', async () => {
    const share = fc.double({ min: 0, max: 0.15, noNaN: true });
    const faults = fc.record({
      failed: share,
      'failed-unannounced': share,
      'lost-created': share,
      'lost-done': share,
      silent: share,
      endless: share,
      vanishes: share,
    });
    await fc.assert(
      fc.asyncProperty(story(faults), async (told) => {
        const { session, leg, of, ended, quietTimers, bytesBefore } = await play(told);
        expect(session.refusals).toBe(0);
        if (ended) {
          expect(of('call.ended')).toHaveLength(1);
          expect(of('call.ended')[0]?.reason).toBe('model-failed');
          return;
        }
        expect(quietTimers).toBe(1);
        expect(leg.playedBytes).toBeGreaterThan(bytesBefore);
      }),
      { numRuns: 150 },
    );
  });

  it('tools-once: every tool call of a finished response gets one result, of others none', async () => {
    await fc.assert(
      fc.asyncProperty(story(fc.constant({})), async (told) => {
        const { session } = await play(told);
        expect(new Set(session.results).size).toBe(session.results.length);
        for (const toolCallId of session.results) expect(session.toolCalls).toContain(toolCallId);
      }),
      { numRuns: 60 },
    );
  });
});
