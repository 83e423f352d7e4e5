import type { FunctionTool, Item } from '../events.ts';

/** A stretch of the caller's speech, as committed to the conversation. */
export interface CallerTurn {
  readonly itemId: string;
  readonly durationMs: number;
  /** Where the last voice in it ends; after it comes the silence that ended the turn. */
  readonly voiceEndMs: number;
  readonly sampleRate: number;
  samples(): Int16Array;
}

/** What a behaviour knows when a response is asked of it. */
export interface ResponseContext {
  /** Counts the responses of this connection, from 1. */
  readonly number: number;
  /** Why there is a response: the client asked, the caller's turn ended, or the caller stayed silent. */
  readonly trigger: 'client' | 'turn' | 'idle_timeout';
  /** The caller's turn that is not answered yet. */
  readonly turn: CallerTurn | undefined;
  /** Items that came after the last response began, the caller's and the client's. */
  readonly fresh: readonly Item[];
  /** Instructions in force; what the request itself adds is in `requestInstructions`. */
  readonly instructions: string;
  readonly requestInstructions: string | undefined;
  readonly tools: readonly FunctionTool[];
  readonly toolChoice: unknown;
  readonly modality: 'audio' | 'text';
  /** Sample rate of the session's output; audio at this rate needs no resampling. */
  readonly outputSampleRate: number;
}

/** A part of a response. A text response shows the transcript of speech. */
export type ResponsePart =
  | {
      readonly type: 'speech';
      /** Never changed after it was given: its encoding is kept for the next time. */
      readonly samples: Int16Array;
      readonly sampleRate: number;
      readonly transcript: string;
    }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'call'; readonly name: string; readonly arguments: string; readonly callId?: string };

/** What a response contains, each part one item; `ends` makes it end otherwise than completed. */
export interface ResponsePlan {
  readonly parts: readonly ResponsePart[];
  readonly ends?:
    | { readonly status: 'incomplete'; readonly reason: 'max_output_tokens' | 'content_filter' }
    | { readonly status: 'failed'; readonly code: string; readonly message: string };
}

/** Decides what a response contains. One behaviour serves all connections of an emulator. */
export interface Behaviour {
  readonly name: string;
  respond(context: ResponseContext): ResponsePlan;
}
