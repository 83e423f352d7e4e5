import type { MediaOffer } from './client-envelope.ts';
import type { BotTurnResponse, DisconnectReason } from './server-message.ts';

/** How the server ended the session. */
export interface Disconnection {
  readonly reason: DisconnectReason;
  readonly info: string | undefined;
  /** What the Architect flow gets. */
  readonly outputVariables: Readonly<Record<string, string>>;
}

/** What happened in one session besides its audio. Times are the clock's milliseconds. */
export interface SessionRecord {
  /** When `opened` came. */
  openedAtMs: number | undefined;
  /** What the server chose of the offer; undefined when it wants no audio. */
  media: MediaOffer | undefined;
  disconnect: Disconnection | undefined;
  /** Of the `close` that was sent. */
  closeReason: CloseReason | undefined;
  closeSentAtMs: number | undefined;
  closedAtMs: number | undefined;
  /** Of `closed`, which has none by the protocol. */
  closedParameters: Readonly<Record<string, unknown>>;
  readonly botTurns: BotTurnResponse[];
  bargeIns: number;
  /** Entities of other types, by name. */
  readonly otherEntities: string[];
  readonly roundTripsMs: number[];
  updates: number;
  pauses: number;
  /** Binary messages of the server: how many, how long the shortest, the longest and all of them were, in milliseconds. */
  audioMessages: number;
  shortestAudioMs: number;
  longestAudioMs: number;
  audioMs: number;
  /** Errors 429 that were sent to the server. */
  limitsSent: number;
}

export type CloseReason = 'end' | 'error' | 'disconnect' | 'reconnect';

export function emptySessionRecord(): SessionRecord {
  return {
    openedAtMs: undefined,
    media: undefined,
    disconnect: undefined,
    closeReason: undefined,
    closeSentAtMs: undefined,
    closedAtMs: undefined,
    closedParameters: {},
    botTurns: [],
    bargeIns: 0,
    otherEntities: [],
    roundTripsMs: [],
    updates: 0,
    pauses: 0,
    audioMessages: 0,
    shortestAudioMs: 0,
    longestAudioMs: 0,
    audioMs: 0,
    limitsSent: 0,
  };
}
