import type { Clock } from '../base/clock.ts';
import { SeededRandom } from '../emulators/seeded-random.ts';
import { type CallRecord, FakeTwilioCall } from '../emulators/twilio/call.ts';
import type { CallerStep } from '../emulators/twilio/caller.ts';
import type { CallerAudio } from '../emulators/twilio/caller-audio.ts';
import type { CallSummary, SimulatedCall, SimulatedCarrier, SimulateOptions } from './simulated-call.ts';

const replyWithinMs = 15_000;
const stallEveryMs = 5_000;

/** A later carrier joins with a line here. */
export const simulatedCarriers: Readonly<Record<string, SimulatedCarrier>> = {
  twilio: { newCall: newTwilioCall },
};

function newTwilioCall(
  options: SimulateOptions,
  clock: Clock,
  index: number,
  voices: readonly CallerAudio[],
): SimulatedCall {
  const { delayMs, jitterMs, stallMs, dropProbability, publicUrl } = options;
  const seed = new SeededRandom(options.seed + index * 7919).next() * 4_294_967_296;
  const stalls = stallMs > 0 ? { stallEveryMs, stallMs } : {};
  const call = new FakeTwilioCall({
    clock,
    gatewayUrl: options.url,
    publicUrl,
    webhook: options.webhook,
    accountSid: options.accountSid,
    authToken: options.authToken,
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
    seed,
    player: { historyLimit: 2_000 },
    maxCallMs: options.callMs,
    allowInsecureStream: publicUrl.startsWith('http:'),
  });
  return { run: async () => summarize(await call.run()), hangUp: () => call.hangUp() };
}

/** First the barge-ins, then the keys, then turn by turn until the caller hangs up. */
export function callerScript(
  options: SimulateOptions,
  index: number,
  voices: readonly CallerAudio[],
): CallerStep[] {
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

function summarize(record: CallRecord): CallSummary {
  const { stream } = record;
  const speeches = stream?.speeches ?? [];
  const marks = stream?.marks ?? [];
  const firstAudioAtMs = stream?.firstAudioAtMs;
  const droppedOnPurpose = stream?.endedBy === 'network' && stream.closeCode === undefined;
  const reason = droppedOnPurpose ? 'dropped by --drop' : reasonOf(record);
  const overAgent = speeches.filter((speech) => speech.overAgent);
  return {
    outcome: droppedOnPurpose ? 'dropped' : reason === undefined ? 'ok' : 'failed',
    reason,
    pickUpToFirstAudioMs:
      firstAudioAtMs === undefined ? undefined : firstAudioAtMs - (record.answeredAtMs ?? record.startedAtMs),
    replyMs: speeches.flatMap(({ replyAtMs, endedAtMs }) =>
      replyAtMs === undefined || endedAtMs === undefined ? [] : [replyAtMs - endedAtMs],
    ),
    bargeInToClearMs: overAgent.flatMap(({ clearedAtMs, startedAtMs }) =>
      clearedAtMs === undefined ? [] : [clearedAtMs - startedAtMs],
    ),
    bargeInsIgnored: overAgent.filter(
      (speech) => speech.clearedAtMs === undefined && speech.endedAtMs !== undefined,
    ).length,
    clears: stream?.clears ?? [],
    marksReturned: marks.filter(({ how }) => how === 'played' || how === 'idle').length,
    marksVoided: marks.filter(({ how }) => how === 'cleared').length,
    underruns: stream?.underruns ?? 0,
    underrunMs: stream?.underrunMs ?? 0,
    framesSent: stream?.framesSent ?? 0,
    framesLate: stream?.framesLate ?? 0,
    framesLost: stream?.framesLost ?? 0,
    bytesToGateway: stream?.bytesToGateway ?? 0,
    bytesFromGateway: stream?.bytesFromGateway ?? 0,
    violations: [...new Set((stream?.violations ?? []).map(({ kind }) => kind))],
    violationCount: stream?.violationCount ?? 0,
  };
}

function reasonOf({ failure, stream }: CallRecord): string | undefined {
  if (failure !== undefined) return failure;
  if (stream === undefined) return 'the TwiML opens no stream';
  const [violation] = stream.violations;
  if (violation !== undefined) return `protocol violation: ${violation.kind} (${violation.detail})`;
  if (stream.firstAudioAtMs === undefined) return 'the agent was never heard';
  if (stream.missedSteps > 0) return `the agent did not answer within ${replyWithinMs / 1000} s`;
  return undefined;
}
