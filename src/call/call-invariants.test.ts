import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AudioChunk } from '../audio/chunk.ts';
import { PatchcordError } from '../base/errors.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import type { HangUpReason } from './leg.ts';
import { FakeLeg } from './testing/fake-leg.ts';
import { FakeModel } from './testing/fake-model.ts';
import { callWith, greeter, guarded, listener, liveCall, setUp } from './testing/set-up.ts';
import type { Tool } from './tools.ts';

/** Anything a peer or a person may do, in any order, sensible or not. */
type Step =
  | 'answered'
  | 'connected'
  | 'ready'
  | 'resuming'
  | 'model-error'
  | 'model-fatal'
  | 'speech'
  | 'silence'
  | 'response'
  | 'talk'
  | 'tool'
  | 'end-tool'
  | 'done'
  | 'failed'
  | 'refused'
  | 'digit'
  | 'operator'
  | 'finish'
  | 'end'
  | 'leg-ended'
  | 'frames'
  | 'wait'
  | 'wait-long';

const steps: readonly Step[] = [
  'answered',
  'connected',
  'ready',
  'resuming',
  'model-error',
  'model-fatal',
  'speech',
  'silence',
  'response',
  'talk',
  'tool',
  'end-tool',
  'done',
  'failed',
  'refused',
  'digit',
  'operator',
  'finish',
  'end',
  'leg-ended',
  'frames',
  'wait',
  'wait-long',
];

const usualSteps = fc.constantFrom(
  ...steps.filter((step) => !['end', 'leg-ended', 'model-fatal'].includes(step)),
);
const anyStep = fc.oneof(
  { weight: 12, arbitrary: usualSteps },
  { weight: 1, arbitrary: fc.constantFrom(...steps) },
);
const story = fc.record({
  steps: fc.array(anyStep, { maxLength: 40, size: 'max' }),
  picksUp: fc.boolean(),
  agent: fc.constantFrom(listener, greeter, guarded),
  confirms: fc.boolean(),
});

const hangingTool: Tool = {
  name: 'hang',
  description: 'Never comes back.',
  parameters: { type: 'object', properties: {} },
  run: () => new Promise(() => undefined),
};
const endTool: Tool = {
  name: 'end_call',
  description: 'Ends the call.',
  parameters: { type: 'object', properties: {} },
  run: (_args, context) => {
    context.endCall();
    return Promise.resolve({ output: '{}', respond: false });
  },
};

type All = ReturnType<typeof setUp>;

async function take(all: All, step: Step, number: number): Promise<void> {
  const { leg, model, call, clock } = all;
  const session = model.sessions.at(-1);
  const responseId = `resp-${number >> 2}`;
  const item = { responseId, itemId: `item-${number >> 2}`, contentIndex: 0 };
  const error = new PatchcordError('PATCHCORD_MODEL_LOST');
  const toolCallId = `tool-${number}`;
  switch (step) {
    case 'answered':
      return leg.events.answered();
    case 'connected':
      return leg.events.connected();
    case 'ready':
      return session?.events.ready();
    case 'resuming':
      return session?.events.resuming(error);
    case 'model-error':
      return session?.events.failed(error, false);
    case 'model-fatal':
      return session?.events.failed(error, true);
    case 'speech':
      return session?.events.speechStarted(`user-${number}`);
    case 'silence':
      return session?.events.speechStopped(undefined, 500);
    case 'response':
      return session?.events.responseStarted(responseId, session.requests.at(-1)?.requestId);
    case 'talk':
      session?.events.agentText(item, 'some words ');
      return session?.speak(item, 1000, 200);
    case 'tool':
      return session?.events.toolCall({ responseId, toolCallId, name: 'hang', arguments: '{}' });
    case 'end-tool':
      return session?.events.toolCall({ responseId, toolCallId, name: 'end_call', arguments: '{}' });
    case 'done':
      return session?.events.responseDone({ responseId, status: 'completed' });
    case 'failed':
      return session?.events.responseDone({ responseId, status: 'failed' });
    case 'refused':
      return session?.events.requestRefused(error, number % 2 === 0);
    case 'digit':
      return leg.events.digit('5');
    case 'operator':
      call.interrupt();
      return;
    case 'finish':
      return call.finish('drain', 'Say goodbye.');
    case 'end':
      return call.end('operator');
    case 'leg-ended':
      return leg.end();
    case 'frames':
      return leg.speak(100, number * 100);
    case 'wait':
      return clock.advanceAsync(180);
    case 'wait-long':
      return clock.advanceAsync(4000);
  }
}

type Told = typeof story extends fc.Arbitrary<infer Value> ? Value : never;

async function play(told: Told, maxDurationMs = 600_000): Promise<All> {
  const all = setUp({
    agent: told.agent,
    tools: [hangingTool, endTool],
    limits: { maxDurationMs },
  });
  all.leg.confirmsHangUp = told.confirms;
  if (told.picksUp) {
    all.leg.events.answered();
    all.leg.events.connected();
    all.model.session.events.ready();
  }
  for (const [number, step] of told.steps.entries()) await take(all, step, number);
  return all;
}

describe('whatever happens in a call', () => {
  it('no-wait-forever: with silent peers it ends within its longest time and a goodbye', async () => {
    await fc.assert(
      fc.asyncProperty(story, async (told) => {
        const all = await play(told);
        await all.clock.advanceAsync(600_000 + 60_000 + 20_000);
        expect(all.call.state).toBe('ended');
      }),
      { numRuns: 250 },
    );
  });

  it('no-wait-forever: also a call without a longest time ends when nobody says anything any more', async () => {
    await fc.assert(
      fc.asyncProperty(story, async (told) => {
        const all = await play(told, 0);
        await all.clock.advanceAsync(15 * 60_000);
        expect(all.call.state).toBe('ended');
      }),
      { numRuns: 250 },
    );
  });

  it('one-end: it ends once, nothing of it lives on, and nothing is said of it or done to it afterwards', async () => {
    await fc.assert(
      fc.asyncProperty(story, fc.array(anyStep, { maxLength: 15 }), async (told, late) => {
        const all = await play(told);
        const { leg, model, call, clock, events, of } = all;
        call.end('operator');
        await clock.advanceAsync(5000);
        expect(call.state).toBe('ended');
        expect(of('call.ended')).toHaveLength(1);
        expect(events.at(-1)?.type).toBe('call.ended');
        expect(of('turn.started')).toHaveLength(of('turn.ended').length);
        for (const session of model.sessions) expect(session.closed).toBe(true);
        // The fake phone returns its marks even now; the call itself waits for nothing.
        await clock.advanceAsync(1000);
        expect(clock.pending).toBe(0);
        const told0 = events.length;
        const log = [...leg.log];
        const asked = model.sessions.map((session) =>
          JSON.stringify([session.requests, session.interruptions, session.texts]),
        );
        for (const [number, step] of late.entries()) await take(all, step, 100 + number);
        await clock.advanceAsync(60_000);
        expect(events).toHaveLength(told0);
        expect(leg.log).toEqual(log);
        expect(
          model.sessions.map((session) =>
            JSON.stringify([session.requests, session.interruptions, session.texts]),
          ),
        ).toEqual(asked);
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 250 },
    );
  });

  it('ledger-order: the transcript says no more was heard than generated, and heard words begin what was said', async () => {
    await fc.assert(
      fc.asyncProperty(story, async (told) => {
        const { call } = await play(told);
        for (const turn of call.snapshot().turns) {
          expect(turn.heardMs).toBeLessThanOrEqual(turn.generatedMs);
          expect(turn.text.startsWith(turn.heardText)).toBe(true);
        }
      }),
      { numRuns: 100 },
    );
  });

  const firsts: readonly [string, (all: All) => void, string][] = [
    ['the caller', ({ leg }) => leg.end('hung-up'), 'caller-hung-up'],
    ['the carrier', ({ leg }) => leg.end('connection-lost'), 'carrier-lost'],
    ['an operator', ({ call }) => call.end('operator'), 'operator'],
    ['a drain', ({ call }) => call.end('drain'), 'drain'],
  ];
  it.each(firsts)('one-end: %s may be first, and counts', async (_who, first, reason) => {
    const all = liveCall();
    first(all);
    for (const [, other] of firsts) other(all);
    all.call.end('max-duration' satisfies HangUpReason);
    await all.clock.advanceAsync(10_000);
    expect(all.of('call.ended').map((event) => event.reason)).toEqual([reason]);
    expect(all.clock.pending).toBe(0);
  });
});

describe('cut-now: the caller speaks', () => {
  it.each(['caller', 'key', 'operator'])('and the clear is written before the %s is fully read', (who) => {
    const { leg, model, clock, call } = liveCall();
    model.session.answer('resp-1', 'item-1', 4000, 'one two three');
    clock.advance(1000);
    const timers = clock.pending;
    let inTime = false;
    leg.onClear = () => {
      inTime = true;
      expect(clock.pending).toBe(timers);
    };
    if (who === 'caller') model.session.events.speechStarted('user-1');
    else if (who === 'key') leg.events.digit('1');
    else call.interrupt();
    expect(inTime).toBe(true);
  });

  it('before anybody else is told, so that no observer can delay it', () => {
    const { leg, model, clock, events } = liveCall();
    model.session.answer('resp-1', 'item-1', 4000, 'one two three');
    clock.advance(1000);
    const before = events.length;
    let toldBeforeClear = -1;
    leg.onClear = () => {
      toldBeforeClear = events.length - before;
    };
    model.session.events.speechStarted('user-1');
    expect(toldBeforeClear).toBe(0);
  });
});

describe('isolation: what breaks in one call', () => {
  class BrokenLeg extends FakeLeg {
    broken = false;
    override play(audio: AudioChunk): void {
      if (this.broken) throw new Error('broken play');
      super.play(audio);
    }
    override clear(): void {
      if (this.broken) throw new Error('broken clear');
      super.clear();
    }
    override hangUp(reason: HangUpReason): Promise<void> {
      if (this.broken) throw new Error('broken hang-up');
      return super.hangUp(reason);
    }
  }

  it('a leg that throws ends its own call and reaches neither the model nor the process', async () => {
    const clock = new VirtualClock();
    const leg = new BrokenLeg({ clock });
    const { model, call, of } = callWith(new FakeModel(), { clock, makeLeg: () => leg });
    const other = callWith(new FakeModel(), { clock });
    for (const phone of [leg, other.leg]) {
      phone.events.answered();
      phone.events.connected();
    }
    model.session.events.ready();
    other.model.session.events.ready();
    leg.broken = true;
    expect(() => model.session.answer('resp-1', 'item-1', 1000, 'Hello.')).not.toThrow();
    await clock.advanceAsync(1000);
    expect(call.state).toBe('ended');
    expect(of('call.ended')[0]?.reason).toBe('internal-error');
    expect(model.session.closed).toBe(true);
    other.model.session.answer('resp-1', 'item-1', 1000, 'Hello.');
    expect(other.leg.playedBytes).toBe(8000);
    expect(other.call.state).toBe('live');
  });

  it('a session that throws when it is asked or closed does not keep its call from ending', async () => {
    const { model, call, clock, leg } = liveCall({ limits: { noInputMs: 1000 } });
    const fail = (): never => {
      throw new Error('broken session');
    };
    model.session.requestResponse = fail;
    model.session.close = fail;
    // A timer of the call asks for a response: what it throws must not leave the timer.
    await clock.advanceAsync(2000);
    expect(call.state).toBe('ended');
    expect(leg.hangUps).toEqual(['internal-error']);
    expect(clock.pending).toBe(0);
  });

  it('a session that throws when it is given results of tools ends nothing but its call', async () => {
    const tool: Tool = { ...endTool, name: 'ok', run: () => Promise.resolve('{}') };
    const { model, call, clock, of } = liveCall({ tools: [tool] });
    model.session.toolResult = () => {
      throw new Error('broken result');
    };
    model.session.events.responseStarted('resp-1', undefined);
    model.session.events.toolCall({ responseId: 'resp-1', toolCallId: 't', name: 'ok', arguments: '{}' });
    model.session.events.responseDone({ responseId: 'resp-1', status: 'completed' });
    await clock.advanceAsync(100);
    expect(of('error').map((event) => event.code)).toEqual(['PATCHCORD_INTERNAL']);
    expect(call.state).toBe('live');
  });

  it('a tool that comes back after the end does nothing any more', async () => {
    let late: (() => void) | undefined;
    const tool: Tool = {
      ...endTool,
      name: 'late',
      run: (_args, context) =>
        new Promise((resolve) => {
          late = () => {
            context.endCall();
            resolve('{}');
          };
        }),
    };
    const { model, call, clock, events } = liveCall({ tools: [tool] });
    model.session.events.responseStarted('resp-1', undefined);
    model.session.events.toolCall({ responseId: 'resp-1', toolCallId: 't', name: 'late', arguments: '{}' });
    model.session.events.responseDone({ responseId: 'resp-1', status: 'completed' });
    await clock.advanceAsync(10);
    call.end('operator');
    await clock.advanceAsync(10);
    expect(clock.pending).toBe(0);
    const before = events.length;
    late?.();
    await clock.advanceAsync(20_000);
    expect(events).toHaveLength(before);
    expect(clock.pending).toBe(0);
  });
});

describe('nothing-lost-early: the caller is heard from the first frame on', () => {
  it('in order, however often the model goes away, up to the bound, and what falls out is counted', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('speak' as const), frames: fc.integer({ min: 1, max: 200 }) }),
      fc.constant({ do: 'ready' as const, frames: 0 }),
      fc.constant({ do: 'resuming' as const, frames: 0 }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (told) => {
        const { leg, model, call, clock } = setUp({ limits: { earlyAudioMs: 2000 } });
        leg.events.answered();
        leg.events.connected();
        const { session } = model;
        let number = 0;
        for (const { do: what, frames } of told) {
          if (what === 'ready') session.events.ready();
          else if (what === 'resuming') session.events.resuming(new PatchcordError('PATCHCORD_MODEL_LOST'));
          for (let frame = 0; frame < frames; frame++) {
            number += 1;
            const bytes = Buffer.alloc(160);
            bytes.writeUInt32LE(number);
            leg.events.audio(AudioChunk.fromBytes(bytes), number * 20);
            clock.advance(20);
          }
        }
        session.events.resuming(new PatchcordError('PATCHCORD_MODEL_LOST'));
        session.events.ready();
        const got = session.appended.map((chunk) => chunk.bytes().readUInt32LE());
        expect(got).toEqual([...got].sort((a, b) => a - b));
        expect(new Set(got).size).toBe(got.length);
        expect(call.snapshot().stats.lostCallerAudioMs).toBe((number - got.length) * 20);
        expect(got.at(-1) ?? number).toBe(number);
      }),
      { numRuns: 100 },
    );
  });

  it('also his keys: what is pressed while the model is away is told when it is back', async () => {
    const { leg, model, clock, call } = liveCall();
    const { session } = model;
    session.events.resuming(new PatchcordError('PATCHCORD_MODEL_LOST'));
    leg.events.digit('4');
    leg.events.digit('2');
    await clock.advanceAsync(1500);
    expect(session.texts).toEqual([]);
    session.events.ready();
    expect(session.texts.map(({ text }) => text)).toEqual([expect.stringContaining('4 2')]);
    expect(session.requests).toHaveLength(1);
    expect(call.snapshot().turns.map((turn) => turn.text)).toEqual(['[4 2]']);
  });
});
