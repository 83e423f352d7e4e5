import type { AudioChunk } from '../../audio/chunk.ts';
import { type AudioFormat, pcmu8k } from '../../audio/format.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { CallSnapshot } from '../../call/events.ts';
import type { HangUpReason, Leg, LegEnd, LegEvents, PlaybackTraits } from '../../call/leg.ts';
import type { Party } from '../../call/party.ts';
import type { Turn } from '../../call/turn.ts';
import type { Ending } from './ending.ts';
import { maxFrameMs } from './media.ts';
import { dispositionOf, outputVariables } from './outputs.ts';
import { TurnReports } from './reports.ts';
import type { GenesysSession, SessionOwner } from './session.ts';

export interface DeliverySettings {
  readonly frameMs: number;
  readonly maxFramesPerSecond: number;
  readonly maxQueuedMs: number;
}

/** A message lasts this much longer than the time until the next may follow, so that the timers' jitter is not heard. */
const overlapMs = 50;

/**
 * Genesys queues what it gets, and says when it begins to play and when it has played all. Its limit is on messages
 * and not on audio, so it is given few and large ones. The caller's stream pauses when the flow holds the call.
 */
export function playbackOf({ frameMs, maxFramesPerSecond, maxQueuedMs }: DeliverySettings): PlaybackTraits {
  const everyMs = 1000 / maxFramesPerSecond;
  return {
    buffering: 'queued',
    acknowledges: 'events',
    markEveryMs: 0,
    continuousMedia: false,
    delivery: {
      leadMs: maxQueuedMs,
      minChunkMs: Math.min(maxFrameMs, Math.max(frameMs, everyMs + overlapMs)),
      maxChunkMs: maxFrameMs,
      everyMs,
    },
  };
}

export interface GenesysLegOptions {
  readonly session: GenesysSession;
  readonly sessionId: string;
  /** Genesys's own id of the call. */
  readonly conversationId: string;
  readonly party: Party;
  readonly playback: PlaybackTraits;
  /** What the agent's tools say of the end. */
  readonly ending: Ending;
  readonly clock: Clock;
  readonly log: Logger;
}

/** One call of an Architect flow. It is there from its `open` on: answered and connected in one go. */
export class GenesysLeg implements Leg, SessionOwner {
  readonly carrier = 'genesys';
  readonly carrierCallId: string;
  readonly party: Party;
  readonly receives: AudioFormat = pcmu8k;
  readonly sends: AudioFormat = pcmu8k;
  readonly playback: PlaybackTraits;
  readonly #options: GenesysLegOptions;
  readonly #reports: TurnReports;
  #events: LegEvents | undefined;
  #isHangingUp = false;
  #ended = false;
  #hangUp: Promise<void> | undefined;

  constructor(options: GenesysLegOptions) {
    this.#options = options;
    this.carrierCallId = options.conversationId;
    this.party = options.party;
    this.playback = options.playback;
    this.#reports = new TurnReports(options.clock);
  }

  attach(events: LegEvents): void {
    this.#events = events;
  }

  sessionOpened(): void {
    this.#events?.answered();
    // Whoever heard of the answer may have hung up in the same breath.
    if (!this.#isHangingUp) this.#events?.connected();
  }

  callerAudio(audio: AudioChunk, timestampMs: number): void {
    this.#events?.audio(audio, timestampMs);
  }

  callerDigit(digit: string): void {
    this.#events?.digit(digit);
  }

  playbackStarted(roundTripMs: number | undefined): void {
    this.#events?.played(roundTripMs === undefined ? { type: 'started' } : { type: 'started', roundTripMs });
  }

  playbackCompleted(): void {
    this.#events?.played({ type: 'completed' });
  }

  flow(open: boolean): void {
    this.#events?.flow?.(open);
  }

  hold(on: boolean): void {
    this.#events?.hold?.(on);
  }

  sessionEnded(end: LegEnd): void {
    this.#end(end);
  }

  play(audio: AudioChunk): void {
    this.#options.session.play(audio);
  }

  mark(): void {
    // Genesys has none, and the engine asks for none.
  }

  clear(): void {
    this.#options.session.clear();
  }

  turnEnded(turn: Turn): void {
    this.#options.ending.turnEnded(turn);
    const report = this.#reports.turnEnded(turn);
    if (report !== undefined) this.#options.session.report(report);
  }

  hangUp(reason: HangUpReason, record: CallSnapshot): Promise<void> {
    if (this.#ended) return this.#hangUp ?? Promise.resolve();
    this.#isHangingUp = true;
    this.#hangUp ??= this.#hangUpNow(reason, record);
    return this.#hangUp;
  }

  /** The flow goes on with what it is told, and does the rest: another agent, or the end of the call. */
  async #hangUpNow(reason: HangUpReason, record: CallSnapshot): Promise<void> {
    const { session, sessionId, ending, log } = this.#options;
    log.info({ callId: record.callId, sessionId, reason }, 'hanging up');
    await session.disconnect({
      ...dispositionOf(reason),
      outputVariables: outputVariables(record, reason, ending.at(reason)),
    });
    this.#end({ reason: 'hung-up' });
  }

  #end(end: LegEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    const events = this.#events;
    this.#events = undefined;
    events?.ended(end);
  }
}
