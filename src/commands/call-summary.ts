import type { PhoneCallRecord } from '../emulators/phone/line-record.ts';
import { replyWithinMs } from './simulated-caller.ts';

/** A clear as the carrier saw it: when, and how much had been played in all and since the agent began. */
export interface SeenClear {
  readonly atMs: number;
  readonly stretchMs: number;
  readonly playedMs: number;
}

/** What one simulated call came to, whatever the carrier. Latencies are milliseconds. */
export interface CallSummary {
  readonly outcome: 'ok' | 'failed' | 'dropped';
  readonly reason: string | undefined;
  readonly pickUpToFirstAudioMs: number | undefined;
  readonly replyMs: readonly number[];
  readonly bargeInToClearMs: readonly number[];
  /** The caller spoke over the agent and no clear came. */
  readonly bargeInsIgnored: number;
  readonly clears: readonly SeenClear[];
  readonly marksReturned: number;
  readonly marksVoided: number;
  readonly underruns: number;
  readonly underrunMs: number;
  readonly framesSent: number;
  readonly framesLate: number;
  readonly framesLost: number;
  readonly bytesToGateway: number;
  readonly bytesFromGateway: number;
  /** Where a gateway has to send in real time: from each of its frames to the next. */
  readonly frameGapsMs: readonly number[];
  readonly violations: readonly string[];
  readonly violationCount: number;
}

export function summarize(record: PhoneCallRecord): CallSummary {
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
    frameGapsMs: record.frameGapsMs ?? [],
    violations: [...new Set((stream?.violations ?? []).map(({ kind }) => kind))],
    violationCount: stream?.violationCount ?? 0,
  };
}

function reasonOf({ failure, stream }: PhoneCallRecord): string | undefined {
  if (failure !== undefined) return failure;
  if (stream === undefined) return 'the gateway opened no media stream';
  const [violation] = stream.violations;
  if (violation !== undefined) return `protocol violation: ${violation.kind} (${violation.detail})`;
  if (stream.firstAudioAtMs === undefined) return neverHeard(stream.closeCode);
  if (stream.missedSteps > 0) return `the agent did not answer within ${replyWithinMs / 1000} s`;
  return undefined;
}

/** 1000 and 1005 are orderly closes (RFC 6455, section 7.4.1). */
function neverHeard(closeCode: number | undefined): string {
  const orderly = closeCode === undefined || closeCode === 1000 || closeCode === 1005;
  return orderly
    ? 'the agent was never heard'
    : `the agent was never heard: the gateway closed the stream with ${closeCode}`;
}
