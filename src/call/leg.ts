import type { AudioChunk } from '../audio/chunk.ts';
import type { AudioFormat } from '../audio/format.ts';
import type { PatchcordError } from '../base/errors.ts';
import type { CallSnapshot } from './events.ts';
import type { Party } from './party.ts';
import type { Turn } from './turn.ts';

/** What the carrier does with audio that we send. */
export interface PlaybackTraits {
  /** `queued`: the carrier keeps what it gets and plays it in its own time; `paced`: it plays what it gets, when it gets it. */
  readonly buffering: 'queued' | 'paced';
  /** How it tells what was played: a name sent back per mark, start and end of playback only, or nothing. */
  readonly acknowledges: 'marks' | 'events' | 'nothing';
  /** The least audio between two marks, milliseconds. */
  readonly markEveryMs: number;
  /** The carrier's media stream never pauses, so silence on it means that it is broken. */
  readonly continuousMedia: boolean;
  readonly delivery: Delivery;
}

/** In which pieces, and how far ahead of the ear, `play` is given audio. What is left out is not limited. Milliseconds. */
export interface Delivery {
  /** `queued`: the carrier is sent no more while it holds this much. `paced` carriers hold nothing. */
  readonly leadMs?: number;
  /** Pieces are whole frames of this length; the end of an answer is filled up with silence. `paced` needs it. */
  readonly frameMs?: number;
  /** No piece is shorter, but for the end of an answer. */
  readonly minChunkMs?: number;
  readonly maxChunkMs?: number;
  /** No two pieces are given within this. */
  readonly everyMs?: number;
  /** `paced`: a frame of silence is played where there is nothing to say, so that the carrier's line stays alive. */
  readonly fillsSilence?: boolean;
}

export type Played =
  | { readonly type: 'mark'; readonly name: string }
  /** The carrier began to play after silence. `roundTripMs`: to the carrier and back, where the leg has measured it. */
  | { readonly type: 'started'; readonly roundTripMs?: number }
  /** The carrier has played all it had. */
  | { readonly type: 'completed' };

/** How a leg came to its end from the carrier's side. */
export interface LegEnd {
  readonly reason:
    | 'hung-up'
    | 'transferred'
    | 'busy'
    | 'no-answer'
    | 'failed'
    | 'connection-lost'
    | 'protocol-error';
  readonly error?: PatchcordError;
}

export type HangUpReason =
  | 'agent'
  | 'no-input'
  | 'max-duration'
  | 'operator'
  | 'model-failed'
  | 'drain'
  | 'answer-timeout'
  | 'media-lost'
  | 'internal-error';

export interface TransferTarget {
  /** An E.164 number or a SIP address. */
  readonly to: string;
  readonly callerId?: string;
}

export interface TransferOutcome {
  readonly transferred: boolean;
  readonly detail?: string;
}

/**
 * What a leg tells its call. Every method returns quickly and never throws. Order: `answered` at most once,
 * then `connected` at most once, then audio, digits and acknowledgements; `ended` exactly once and last.
 */
export interface LegEvents {
  /** The other side has picked up (or rings us): media follows. The call opens its model now. */
  answered(): void;
  /** Media flows; `receives`, `sends` and `playback` are final. */
  connected(): void;
  /** `timestampMs`: the carrier's media clock at the chunk's first sample, where it has one. */
  audio(chunk: AudioChunk, timestampMs?: number): void;
  /** One of `0`-`9`, `*`, `#`, `A`-`D`. */
  digit(digit: string): void;
  played(played: Played): void;
  /** The carrier takes no audio for now (false), or takes it again. What was given before counts as sent. */
  flow?(open: boolean): void;
  /** The caller is on hold (true): he is not there to answer. Or he is back; his next sound or key says so too. */
  hold?(on: boolean): void;
  /** The carrier's side wants a new conversation in the same call: the agent falls silent and forgets what was said. */
  reset?(): void;
  /** The caller was given to somebody else and `ended` follows: from now on the agent says nothing and hears nothing. */
  left?(): void;
  ended(end: LegEnd): void;
}

/** The phone side of one call. Audio is raw bytes in the leg's formats; times are milliseconds. */
export interface Leg {
  /** Name of the carrier: `twilio`, `softphone`, ... The engine only passes it on. */
  readonly carrier: string;
  /** The carrier's own id of the call; may change once, where the carrier names a call anew when it is answered. */
  readonly carrierCallId: string;
  readonly party: Party;
  /** Caller to us. */
  readonly receives: AudioFormat;
  /** Us to the caller. */
  readonly sends: AudioFormat;
  readonly playback: PlaybackTraits;

  /** Called once, by the call that owns the leg, before anything else. */
  attach(events: LegEvents): void;
  /** Never throws and never waits; after the end it does nothing. */
  play(audio: AudioChunk): void;
  /** Ask for a `played` mark when everything sent before it was played. */
  mark(name: string): void;
  /** Drop what the carrier has queued; written to the socket before this returns. */
  clear(): void;
  /**
   * Ends the leg; settles when the carrier knows, at the latest after the carrier's own deadline. Never rejects.
   * `record`: the whole call, for carriers that are told how it went.
   */
  hangUp(reason: HangUpReason, record: CallSnapshot): Promise<void>;
  transfer?(target: TransferTarget): Promise<TransferOutcome>;
  /** Presses keys (`0`-`9`, `*`, `#`, `A`-`D`) towards the other side. Rejects with a PatchcordError when the carrier does not take them. */
  sendDigits?(digits: string): Promise<void>;
  /** A turn of either side is over: for carriers that show or report what was said. Never throws. */
  turnEnded?(turn: Turn): void;
}
