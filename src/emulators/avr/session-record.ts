import type { PacingReport } from './pacing.ts';

/** What a connector told in one call besides audio. */
export interface AvrSessionRecord {
  readonly transcripts: { readonly role: 'user' | 'agent'; readonly text: string }[];
  readonly errors: string[];
  /** Answers to a repeated `init`. */
  ready: number;
  interruptions: number;
  audioMessages: number;
}

export function emptySessionRecord(): AvrSessionRecord {
  return { transcripts: [], errors: [], ready: 0, interruptions: 0, audioMessages: 0 };
}

/** What can be said of the answer to one HTTP exchange. Times are milliseconds. */
export interface AvrExchangeRecord {
  /** From the request until its answer began. */
  readonly answeredAfterMs: number;
  readonly contentType: string;
  /** How regularly the agent's audio came. */
  readonly pacing: PacingReport;
  /** Whether the answer ended in order, by the time the request had. */
  readonly endedInOrder: boolean;
}
