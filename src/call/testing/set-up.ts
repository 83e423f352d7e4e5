import { AudioChunk } from '../../audio/chunk.ts';
import { silentLogger } from '../../base/logger.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import type { Agent } from '../agent.ts';
import { Call } from '../call.ts';
import type { CallLimits } from '../call-limits.ts';
import { endCallTool } from '../end-call.ts';
import type { CallEvent } from '../events.ts';
import { FrameTicker, type Ticker } from '../frame-ticker.ts';
import type { SpeechModel } from '../model-session.ts';
import type { Tool } from '../tools.ts';
import { FakeLeg, type FakeLegOptions } from './fake-leg.ts';
import { FakeModel } from './fake-model.ts';

export const limits: CallLimits = {
  answerTimeoutMs: 30_000,
  mediaTimeoutMs: 15_000,
  maxDurationMs: 3_600_000,
  mediaLostMs: 0,
  noInputMs: 15_000,
  noInputLimit: 3,
  responseTimeoutMs: 10_000,
  goodbyeTimeoutMs: 15_000,
  endTimeoutMs: 5000,
  earlyAudioMs: 10_000,
  interDigitMs: 1000,
};

export const greeter: Agent = {
  name: 'greeter',
  instructions: 'Be kind.',
  opening: { speaker: 'agent', greeting: 'Hello there.', interruptible: true },
};
export const listener: Agent = {
  name: 'listener',
  instructions: 'Be kind.',
  opening: { speaker: 'caller' },
};
export const guarded: Agent = {
  name: 'guarded',
  instructions: 'Be kind.',
  opening: { speaker: 'agent', interruptible: false },
};

export interface SetUp {
  readonly clock?: VirtualClock;
  readonly agent?: Agent;
  readonly limits?: Partial<CallLimits>;
  readonly tools?: readonly Tool[];
  readonly leg?: Omit<FakeLegOptions, 'clock'>;
  readonly makeLeg?: (clock: VirtualClock) => FakeLeg;
  readonly followed?: () => boolean;
  readonly ticker?: Ticker;
}

/** A call over a fake phone and a given model, on a clock of its own. */
export function callWith<Model extends SpeechModel>(model: Model, options: SetUp = {}) {
  const clock = options.clock ?? new VirtualClock();
  const leg = options.makeLeg?.(clock) ?? new FakeLeg({ clock, ...options.leg });
  const events: CallEvent[] = [];
  const call = new Call({
    callId: 'call-1',
    leg,
    agent: options.agent ?? listener,
    model,
    tools: options.tools ?? [endCallTool],
    limits: { ...limits, ...options.limits },
    apology: { text: 'Sorry.', audio: () => AudioChunk.fromBytes(Buffer.alloc(8000)) },
    clock,
    ticker: options.ticker ?? new FrameTicker({ clock, log: silentLogger }),
    log: silentLogger,
    observe: (event) => events.push(event),
    ...(options.followed === undefined ? {} : { followed: options.followed }),
  });
  call.start();
  const of = <Type extends CallEvent['type']>(type: Type) =>
    events.filter((event): event is Extract<CallEvent, { type: Type }> => event.type === type);
  return { clock, leg, model, call, events, of };
}

export function setUp(options: SetUp = {}) {
  return callWith(new FakeModel(), options);
}

/** The same with media flowing and the model ready. */
export function liveCall(options: SetUp = {}) {
  const all = setUp(options);
  all.leg.events.answered();
  all.leg.events.connected();
  all.model.session.events.ready();
  return all;
}
