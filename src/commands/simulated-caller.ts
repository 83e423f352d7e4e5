import type { Clock } from '../base/clock.ts';
import type { CallerStep } from '../emulators/phone/caller.ts';
import type { CallerAudio } from '../emulators/phone/caller-audio.ts';
import { SeededRandom } from '../emulators/seeded-random.ts';
import type { SimulatedCaller, SimulateOptions } from './simulated-call.ts';

/** A caller waits this long for an answer. */
export const replyWithinMs = 15_000;
const stallEveryMs = 5_000;

/** The caller with this number, counted from 0; `voices` are what callers say, in turn. */
export function callerOf(
  options: SimulateOptions,
  clock: Clock,
  index: number,
  voices: readonly CallerAudio[],
): SimulatedCaller {
  const { delayMs, jitterMs, stallMs, dropProbability } = options;
  const stalls = stallMs > 0 ? { stallEveryMs, stallMs } : {};
  return {
    clock,
    gatewayUrl: options.url,
    publicUrl: options.publicUrl,
    from: `+1555${String(index % 10_000_000).padStart(7, '0')}`,
    steps: callerScript(options, index, voices),
    background: options.noise ? 'noise' : 'silence',
    network: {
      toGateway: { delayMs, jitterMs, ...stalls },
      toCarrier: { delayMs, jitterMs, ...stalls },
      marks: { jitterMs: options.markJitterMs },
      ...(stallMs > 0 ? { playback: { stallEveryMs, stallMs } } : {}),
      dropProbability,
    },
    seed: new SeededRandom(options.seed + index * 7919).next() * 4_294_967_296,
    player: { historyLimit: 2_000 },
    maxCallMs: options.callMs,
  };
}

/** First the barge-ins, then the keys, then turn by turn until the caller hangs up. */
function callerScript(options: SimulateOptions, index: number, voices: readonly CallerAudio[]): CallerStep[] {
  const steps: CallerStep[] = [];
  let spoken = index;
  const speak = (when: Omit<CallerStep, 'do'>) => {
    const audio = voices[spoken++ % voices.length];
    if (audio !== undefined) steps.push({ do: 'speak', audio, withinMs: replyWithinMs, ...when });
  };
  if (options.callerFirst) speak({ delayMs: 500 });
  for (let bargeIn = 0; bargeIn < options.bargeIns; bargeIn++) {
    speak({ after: 'agent-started', delayMs: options.bargeInAfterMs });
  }
  if (options.digits !== '') {
    steps.push({
      do: 'digits',
      digits: options.digits,
      after: 'agent-finished',
      delayMs: 400,
      withinMs: replyWithinMs,
    });
  }
  for (let leftMs = options.callMs; leftMs > 0; leftMs -= 1_000)
    speak({ after: 'agent-finished', delayMs: 700 });
  return steps;
}
