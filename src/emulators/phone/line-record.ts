import type { PlayedMark, PlayedMedia, PlayerClear } from './media-player.ts';

export interface Violation {
  /** What the gateway did wrong, in one word. */
  readonly kind: string;
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

export type LineEnd = 'caller' | 'gateway' | 'network' | 'carrier';

/** Everything that happened on one line, as the carrier saw it. Times are the clock's milliseconds. */
export interface LineRecord {
  readonly startedAtMs: number;
  endedAtMs: number | undefined;
  endedBy: LineEnd | undefined;
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
  /** Keys that the gateway pressed, the first 1,000. */
  digitsReceived: string;
  readonly speeches: readonly SpeechRecord[];
  readonly violations: Violation[];
  violationCount: number;
  readonly media: readonly PlayedMedia[];
  readonly marks: readonly PlayedMark[];
  /** Where the gateway can clear nothing and fills pauses with silence: when it fell silent while the caller spoke. */
  readonly clears: readonly PlayerClear[];
  playedMs: number;
  underruns: number;
  underrunMs: number;
  playbackStalls: number;
  missedSteps: number;
}

/** What any carrier's fake knows of a call when it is over. Times are the clock's milliseconds. */
export interface PhoneCallRecord {
  /** Why the call did not go as it should have; undefined when it did. */
  readonly failure: string | undefined;
  readonly startedAtMs: number;
  /** When the caller hears that somebody has picked up. */
  readonly answeredAtMs: number | undefined;
  readonly endedAtMs: number;
  /** The media stream, where there was one. */
  readonly stream: LineRecord | undefined;
  /** Where a gateway has to send in real time: from each of its frames to the next, of the frames remembered. */
  readonly frameGapsMs?: readonly number[];
}
