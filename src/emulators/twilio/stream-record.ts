import type { ViolationKind } from './gateway-message.ts';
import type { PlayedMark, PlayedMedia, PlayerClear } from './media-player.ts';

export interface Violation {
  readonly kind: ViolationKind;
  readonly detail: string;
  readonly atMs: number;
}

/** One utterance of the caller. Times are the clock's milliseconds. */
export interface SpeechRecord {
  /** When its first frame was put on the wire. */
  readonly startedAtMs: number;
  /** When its last frame was put on the wire, plus that frame's 20 ms. */
  endedAtMs: number | undefined;
  /** Whether agent audio sounded when it began: then it is a barge-in. */
  readonly overAgent: boolean;
  /** When the gateway's first `clear` after its start reached the carrier. */
  clearedAtMs: number | undefined;
  /** When the agent's answer to it began to sound; undefined when none came or the agent had never paused. */
  replyAtMs: number | undefined;
}

export type StreamEnd = 'caller' | 'gateway' | 'network' | 'carrier';

/** Everything that happened on one media stream, as the carrier saw it. Times are the clock's milliseconds. */
export interface StreamRecord {
  readonly streamSid: string;
  readonly startedAtMs: number;
  endedAtMs: number | undefined;
  endedBy: StreamEnd | undefined;
  closeCode: number | undefined;
  firstAudioAtMs: number | undefined;
  framesSent: number;
  /** Put on the wire more than 10 ms after their deadline: the machine of the simulation is too slow. */
  framesLate: number;
  maxLateMs: number;
  /** Never sent: the simulation was more than a second behind, or the gateway did not read. */
  framesLost: number;
  bytesToGateway: number;
  bytesFromGateway: number;
  messagesFromGateway: number;
  digitsSent: number;
  readonly speeches: SpeechRecord[];
  readonly violations: Violation[];
  violationCount: number;
  readonly media: readonly PlayedMedia[];
  readonly marks: readonly PlayedMark[];
  readonly clears: readonly PlayerClear[];
  playedMs: number;
  underruns: number;
  underrunMs: number;
  playbackStalls: number;
  missedSteps: number;
}
