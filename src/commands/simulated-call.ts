import type { Clock } from '../base/clock.ts';
import type { CallerAudio } from '../emulators/twilio/caller-audio.ts';

/** What `patchcord simulate` was asked for. */
export interface SimulateOptions {
  readonly carrier: SimulatedCarrier;
  readonly url: string;
  readonly publicUrl: string;
  readonly webhook: string;
  readonly accountSid: string;
  readonly authToken: string;
  readonly calls: number;
  readonly concurrency: number;
  readonly perSecond: number;
  readonly callMs: number;
  readonly wav: string | undefined;
  readonly bargeIns: number;
  readonly bargeInAfterMs: number;
  readonly callerFirst: boolean;
  readonly noise: boolean;
  readonly digits: string;
  readonly jitterMs: number;
  readonly markJitterMs: number;
  readonly delayMs: number;
  readonly stallMs: number;
  readonly dropProbability: number;
  readonly modelPort: number | undefined;
  readonly seed: number;
  readonly json: boolean;
}

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
  readonly violations: readonly string[];
  readonly violationCount: number;
}

export interface SimulatedCall {
  run(): Promise<CallSummary>;
  hangUp(): void;
}

export interface SimulatedCarrier {
  /** The call with this number, counted from 0; `voices` are what its caller says, in turn. */
  newCall(
    options: SimulateOptions,
    clock: Clock,
    index: number,
    voices: readonly CallerAudio[],
  ): SimulatedCall;
}
