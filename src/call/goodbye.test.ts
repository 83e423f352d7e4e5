import { describe, expect, it } from 'vitest';
import { AudioChunk } from '../audio/chunk.ts';
import { pcmu8k } from '../audio/format.ts';
import { PatchcordError } from '../base/errors.ts';
import { silentLogger } from '../base/logger.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { endCallTool } from './end-call.ts';
import { FrameTicker } from './frame-ticker.ts';
import { Goodbye } from './goodbye.ts';
import { Playout } from './playout.ts';
import { liveCall } from './testing/set-up.ts';
import type { Tool } from './tools.ts';

const never: Tool = {
  name: 'look_up',
  description: 'Looks something up.',
  parameters: {},
  timeoutMs: 60_000,
  run: () => new Promise(() => undefined),
};
const item = { responseId: 'resp-1', itemId: 'item-1', contentIndex: 0 };

function setUp() {
  const clock = new VirtualClock();
  const hangUps: string[] = [];
  const goodbye = new Goodbye({ clock, timeoutMs: 10_000, hangUp: (reason) => hangUps.push(reason) });
  const nothing = (): undefined => undefined;
  const playout = new Playout({
    clock,
    ticker: new FrameTicker({ clock, log: silentLogger }),
    modelFormat: pcmu8k,
    events: {
      itemSent: nothing,
      itemHeardFirst: nothing,
      itemHeard: nothing,
      underrun: nothing,
      drained: nothing,
    },
  });
  playout.open({ play: nothing, mark: nothing, clear: nothing }, pcmu8k, {
    buffering: 'queued',
    acknowledges: 'nothing',
    markEveryMs: 200,
    continuousMedia: true,
    delivery: {},
  });
  /** The agent says its goodbye and is done. */
  const say = (ms: number): void => {
    playout.append(item, AudioChunk.fromBytes(Buffer.alloc(ms * 8, 1)));
    playout.finish(item);
    goodbye.agentQuiet();
  };
  return { clock, goodbye, hangUps, playout, say };
}

describe('a goodbye', () => {
  it('is heard to its end before the phone is hung up', () => {
    const { clock, goodbye, hangUps, playout, say } = setUp();
    goodbye.request('agent', true, playout);
    say(1500);
    clock.advance(1499);
    expect(hangUps).toEqual([]);
    clock.advance(1);
    expect(hangUps).toEqual(['agent']);
    expect(clock.pending).toBe(0);
  });

  it('is taken back by a caller who speaks, where that is allowed', () => {
    const { clock, goodbye, hangUps, playout, say } = setUp();
    goodbye.request('agent', true, playout);
    say(1500);
    goodbye.callerSpoke();
    clock.advance(60_000);
    expect(goodbye.pending).toBe(false);
    expect(hangUps).toEqual([]);
  });

  it('is not taken back when the call has to end', () => {
    const { clock, goodbye, hangUps, playout, say } = setUp();
    goodbye.request('max-duration', false, playout);
    goodbye.callerSpoke();
    say(500);
    clock.advance(500);
    expect(hangUps).toEqual(['max-duration']);
  });

  it('gives way to one that cannot be taken back, and not the other way round', () => {
    const { clock, goodbye, hangUps, playout, say } = setUp();
    expect(goodbye.request('agent', true, playout)).toBe(true);
    expect(goodbye.request('drain', false, playout)).toBe(true);
    expect(goodbye.request('agent', true, playout)).toBe(false);
    say(500);
    clock.advance(500);
    expect(hangUps).toEqual(['drain']);
  });

  it('that never comes is not waited for beyond its bound', () => {
    const { clock, goodbye, hangUps, playout } = setUp();
    goodbye.request('no-input', true, playout);
    clock.advance(9999);
    expect(hangUps).toEqual([]);
    clock.advance(1);
    expect(hangUps).toEqual(['no-input']);
  });

  it('that began late is still heard', () => {
    const { clock, goodbye, hangUps, playout, say } = setUp();
    goodbye.request('agent', true, playout);
    clock.advance(9500);
    say(3000);
    clock.advance(2999);
    expect(hangUps).toEqual([]);
    clock.advance(1);
    expect(hangUps).toEqual(['agent']);
  });

  it('that began late and pauses in its middle is still heard to its end', () => {
    const { clock, goodbye, hangUps, playout, say } = setUp();
    goodbye.request('drain', false, playout);
    clock.advance(9000);
    playout.append(item, AudioChunk.fromBytes(Buffer.alloc(900 * 8, 1)));
    clock.advance(1100);
    expect(hangUps).toEqual([]);
    say(500);
    clock.advance(499);
    expect(hangUps).toEqual([]);
    clock.advance(1);
    expect(hangUps).toEqual(['drain']);
  });

  it('that never comes to its end is not waited for longer than a minute', () => {
    const { clock, goodbye, hangUps, playout } = setUp();
    goodbye.request('drain', false, playout);
    clock.advance(9000);
    for (let at = 0; at < 100_000; at += 1000) {
      playout.append(item, AudioChunk.fromBytes(Buffer.alloc(500 * 8, 1)));
      clock.advance(1000);
      expect(hangUps).toEqual(clock.now() < 70_000 ? [] : ['drain']);
    }
  });

  it('needs no words where there is nothing that could speak', () => {
    const { goodbye, hangUps } = setUp();
    goodbye.request('drain', false, undefined);
    goodbye.agentQuiet();
    expect(hangUps).toEqual(['drain']);
  });
});

describe('the goodbye of a call', () => {
  it('waits for what an operator has said behind it, be its own marks late', async () => {
    const { model, clock, call, leg, of } = liveCall({ leg: { markDelayMs: () => 500 } });
    const { session } = model;
    call.finish('drain', 'Say goodbye.');
    session.answer('resp-1', 'item-1', 1000, 'Goodbye!', session.requests[0]?.requestId);
    await clock.advanceAsync(1100);
    call.say('The number is five.');
    session.answer('resp-2', 'item-2', 5000, 'The number is five.', session.requests[1]?.requestId);
    await clock.advanceAsync(5499);
    expect(leg.hangUps).toEqual([]);
    await clock.advanceAsync(1);
    expect(leg.hangUps).toEqual(['drain']);
    expect(of('turn.ended').filter(({ turn }) => turn.cut !== undefined)).toEqual([]);
  });

  it('that began late is waited for until the carrier says that it was played', async () => {
    const { model, clock, call, leg } = liveCall({
      limits: { goodbyeTimeoutMs: 10_000 },
      leg: { markDelayMs: () => 600 },
    });
    const { session } = model;
    call.finish('drain', 'Say goodbye.');
    await clock.advanceAsync(8000);
    session.answer('resp-1', 'item-1', 1800, 'Goodbye!', session.requests[0]?.requestId);
    await clock.advanceAsync(2399);
    expect(leg.hangUps).toEqual([]);
    await clock.advanceAsync(1);
    expect(leg.hangUps).toEqual(['drain']);
  });

  it('is not held up by a carrier that never says that anything was played', async () => {
    const { model, clock, call, leg } = liveCall({
      limits: { goodbyeTimeoutMs: 10_000 },
      leg: { markDelayMs: () => 1_000_000 },
    });
    const { session } = model;
    session.answer('resp-1', 'item-1', 1000, 'Hello.');
    await clock.advanceAsync(5000);
    // Nothing comes of it, and the caller speaks on.
    call.finish('drain', 'Say goodbye.');
    session.events.speechStarted('user-1');
    await clock.advanceAsync(9999);
    expect(leg.hangUps).toEqual([]);
    await clock.advanceAsync(1);
    expect(leg.hangUps).toEqual(['drain']);
  });

  it('is heard and the call ends, be it that a tool still runs', async () => {
    const { model, clock, call, leg } = liveCall({ tools: [never] });
    const { session } = model;
    session.events.responseStarted('resp-1', undefined);
    session.events.toolCall({ responseId: 'resp-1', toolCallId: 't1', name: 'look_up', arguments: '{}' });
    session.events.responseDone({ responseId: 'resp-1', status: 'completed' });
    await clock.advanceAsync(100);
    call.finish('drain', 'Say goodbye.');
    session.answer('resp-2', 'item-2', 1000, 'Goodbye!', session.requests.at(-1)?.requestId);
    await clock.advanceAsync(1000);
    expect(leg.hangUps).toEqual(['drain']);
  });

  it('waits for a tool that runs where it may be taken back', async () => {
    const { model, clock, leg } = liveCall({ tools: [never, endCallTool] });
    const { session } = model;
    session.events.responseStarted('resp-1', undefined);
    session.speak(item, 400);
    for (const name of ['look_up', 'end_call'])
      session.events.toolCall({ responseId: 'resp-1', toolCallId: name, name, arguments: '{}' });
    session.events.responseDone({ responseId: 'resp-1', status: 'completed' });
    await clock.advanceAsync(10_000);
    expect(leg.hangUps).toEqual([]);
  });

  it('that was all said is followed by no apology when the model is lost behind it', async () => {
    const { model, clock, call, of } = liveCall();
    const { session } = model;
    call.finish('drain', 'Say goodbye.');
    session.answer('resp-1', 'item-1', 2000, 'Goodbye!', session.requests[0]?.requestId);
    await clock.advanceAsync(500);
    session.events.failed(new PatchcordError('PATCHCORD_MODEL_LOST'), true);
    await clock.advanceAsync(1500);
    expect(of('turn.ended').map(({ turn }) => turn.heardText)).toEqual(['Goodbye!']);
    expect(of('call.ended').map(({ reason }) => reason)).toEqual(['drain']);
  });

  it('that was lost with the model, or cut by the caller, is followed by the apology', async () => {
    for (const cut of [false, true]) {
      const { model, clock, call, of } = liveCall();
      const { session } = model;
      call.finish('drain', 'Say goodbye.');
      session.events.responseStarted('resp-1', session.requests[0]?.requestId);
      session.speak(item, 1000);
      if (cut) {
        session.events.speechStarted('user-1');
        session.events.responseDone({ responseId: 'resp-1', status: 'cancelled' });
      }
      session.events.failed(new PatchcordError('PATCHCORD_MODEL_LOST'), true);
      await clock.advanceAsync(5000);
      expect(of('turn.ended').at(-1)?.turn.heardText).toBe('Sorry.');
      expect(of('call.ended').map(({ reason }) => reason)).toEqual(['drain']);
    }
  });
});
