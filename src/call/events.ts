import type { ErrorCode } from '../base/errors.ts';
import type { Usage } from './model-session.ts';
import type { CallState, ModelState } from './states.ts';
import type { CutCause, Turn } from './turn.ts';

/** Why a call ended, from the point of view of the person who reads the record. */
export type CallEndReason =
  | 'caller-hung-up'
  | 'agent-hung-up'
  | 'transferred'
  | 'no-input'
  | 'max-duration'
  | 'operator'
  | 'model-failed'
  | 'answer-timeout'
  /** A call that we dialled: the line was busy, or the call was declined. */
  | 'busy'
  /** A call that we dialled: nobody picked up in time. */
  | 'not-answered'
  | 'carrier-failed'
  | 'carrier-lost'
  | 'media-lost'
  | 'drain'
  | 'internal-error';

/** A call as it stands now; plain data, safe to serialise. */
export interface CallSnapshot {
  readonly callId: string;
  readonly carrier: string;
  readonly carrierCallId: string;
  readonly direction: 'inbound' | 'outbound';
  readonly from?: string;
  readonly to?: string;
  readonly agent: string;
  readonly model: string;
  readonly state: CallState;
  readonly modelState: ModelState;
  readonly startedAtEpochMs: number;
  /** Milliseconds since media started; 0 before. */
  readonly liveMs: number;
  readonly turns: readonly Turn[];
  readonly usage: Usage;
  readonly stats: CallStats;
}

export interface CallStats {
  /** Media start to first agent audio sent; undefined while there was none. */
  readonly pickUpToFirstAudioMs?: number;
  readonly bargeIns: number;
  readonly underruns: number;
  /**
   * Caller audio that fell out of the bounded early buffer, that a model did not read, or that was lost with a session
   * before its words were written down.
   */
  readonly lostCallerAudioMs: number;
  /** Silence put in where the carrier's media had gaps. */
  readonly paddedCallerAudioMs: number;
  readonly modelErrors: number;
}

/** What observers are told. `atEpochMs` is wall-clock time; other times are milliseconds as named. */
export type CallEvent = {
  readonly callId: string;
  readonly atEpochMs: number;
} & CallEventBody;

export type CallEventBody =
  | { readonly type: 'call.started'; readonly call: CallSnapshot }
  | { readonly type: 'call.state'; readonly from: CallState; readonly to: CallState; readonly cause: string }
  | {
      readonly type: 'model.state';
      readonly from: ModelState;
      readonly to: ModelState;
      readonly cause: string;
    }
  | { readonly type: 'turn.started'; readonly turn: Turn }
  | { readonly type: 'turn.updated'; readonly turn: Turn }
  | { readonly type: 'turn.ended'; readonly turn: Turn }
  | { readonly type: 'speech.started' }
  | { readonly type: 'speech.stopped' }
  | {
      readonly type: 'barge-in';
      readonly cause: CutCause;
      /** Time from reading the interrupting event to the `clear` being written. */
      readonly clearMs: number;
      readonly items: readonly {
        readonly itemId: string;
        readonly heardMs: number;
        readonly generatedMs: number;
      }[];
    }
  | {
      /** First agent audio after the media started. */
      readonly type: 'latency.pick-up';
      readonly firstAudioMs: number;
    }
  | {
      /**
       * One answer. Told when its first audio is sent, and once more with `heardMs` where the carrier acknowledges.
       * All figures count from the moment the caller fell silent, as far as the model says when that was.
       */
      readonly type: 'latency.turn';
      readonly turnId: number;
      /** Silence that the model waited for before it took the turn; part of the figures below. */
      readonly endpointingMs?: number;
      readonly firstAudioMs: number;
      /** When the first audio sounded at the carrier, by its acknowledgement. */
      readonly heardMs?: number;
    }
  | { readonly type: 'digit'; readonly digit: string }
  | { readonly type: 'tool.started'; readonly toolCallId: string; readonly name: string }
  | {
      readonly type: 'tool.finished';
      readonly toolCallId: string;
      readonly name: string;
      readonly ok: boolean;
      readonly durationMs: number;
    }
  | { readonly type: 'playout.underrun' }
  | { readonly type: 'caller-audio.lost'; readonly lostMs: number }
  /** The model has made more than can wait to be heard. */
  | { readonly type: 'agent-audio.lost'; readonly lostMs: number }
  | { readonly type: 'usage'; readonly usage: Usage }
  | {
      readonly type: 'error';
      readonly code: ErrorCode;
      readonly message: string;
      readonly fatal: boolean;
      /** What the model told of it; nothing that was said, and no secret. */
      readonly details?: Readonly<Record<string, unknown>>;
    }
  | { readonly type: 'call.ended'; readonly reason: CallEndReason; readonly call: CallSnapshot };

/** Told everything, answers nothing. What it throws is logged and goes no further. */
export type CallObserver = (event: CallEvent) => void;
