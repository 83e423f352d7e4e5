import { PatchcordError } from '../../base/errors.ts';
import { isRecord, readCount, readDigit, readObject, readText, recordOf } from '../fields.ts';

/** AudioHook protocol version 2, "Protocol reference"; its sections are named here. Binary frames are audio alone. */

/** "Client messages": what stands beside the parameters of every message. */
export interface Envelope {
  /** NaN: missing, or no count. */
  readonly seq: number;
  /** The last of our numbers that the client has seen; 0 where it does not say. */
  readonly serverseq: number;
  /** Of the session; empty where it is missing. */
  readonly id: string;
}

export type CloseReason = 'end' | 'error' | 'disconnect' | 'reconnect';

export type ClientMessage =
  | OpenMessage
  | { readonly type: 'ping'; readonly roundTripMs: number | undefined }
  | { readonly type: 'close'; readonly reason: CloseReason }
  | ErrorMessage
  /** Audio of the stream that was not sent: from where on, and how much. */
  | { readonly type: 'discarded' | 'resumed'; readonly startMs: number; readonly discardedMs: number }
  | { readonly type: 'paused' | 'playback_started' | 'playback_completed' }
  | { readonly type: 'update'; readonly language: string | undefined }
  | { readonly type: 'dtmf'; readonly digit: string }
  /** A type that this version does not know; to be ignored. */
  | { readonly type: 'unknown'; readonly name: string }
  | { readonly type: 'malformed'; readonly error: PatchcordError };

export interface ErrorMessage {
  readonly type: 'error';
  /** 400, 405, 408, 409, 413, 415, 429, 500, 503; 0 where it is missing. */
  readonly code: number;
  readonly retryAfterMs: number | undefined;
}

export interface OpenMessage {
  readonly type: 'open';
  /** Empty where it is missing. */
  readonly organizationId: string;
  readonly conversationId: string;
  readonly participant: {
    readonly id: string;
    readonly ani: string | undefined;
    readonly aniName: string | undefined;
    readonly dnis: string | undefined;
  };
  readonly media: readonly MediaOffer[];
  readonly language: string | undefined;
  /** The client wants to be told which languages are supported. */
  readonly asksLanguages: boolean;
  /** Of the Architect action, by name, without blanks around the names. */
  readonly inputVariables: ReadonlyMap<string, string>;
}

/** One way in which the client can send audio. */
export interface MediaOffer {
  /** As it came: an answer repeats it word for word. */
  readonly offered: Readonly<Record<string, unknown>>;
  readonly format: string;
  readonly rate: number;
  /** `external` is the caller, `internal` the agent. */
  readonly channels: readonly string[];
}

/** `envelope` undefined: not even that could be read, and nobody knows which number it had. */
export interface ReadMessage {
  readonly envelope: Envelope | undefined;
  readonly message: ClientMessage;
}

/** Reads one text message. What is not needed may be missing, numbers may be strings and the reverse. Never throws. */
export function readMessage(frame: Buffer): ReadMessage {
  const json = readObject(frame);
  if (json === undefined) return { envelope: undefined, message: malformed('not a JSON object') };
  const { type, version, seq, serverseq, id, parameters } = json;
  if (typeof type !== 'string') return { envelope: undefined, message: malformed('`type` is not a string') };
  if (version !== undefined && String(version) !== '2') {
    return { envelope: undefined, message: malformed('`version` is not 2') };
  }
  return {
    envelope: {
      seq: readCount(seq) ?? Number.NaN,
      serverseq: readCount(serverseq) ?? 0,
      id: readText(id) ?? '',
    },
    message: readBody(type, recordOf(parameters)),
  };
}

function readBody(type: string, parameters: Readonly<Record<string, unknown>>): ClientMessage {
  switch (type) {
    case 'open':
      return readOpen(parameters);
    case 'ping':
      return { type, roundTripMs: readDuration(parameters.rtt) };
    case 'close':
      return { type, reason: readCloseReason(parameters.reason) };
    case 'error':
      return {
        type,
        code: readCount(parameters.code) ?? 0,
        retryAfterMs: readDuration(parameters.retryAfter),
      };
    case 'discarded':
    case 'resumed':
      return readDiscarded(type, parameters);
    case 'paused':
    case 'playback_started':
    case 'playback_completed':
      return { type };
    case 'update':
      return { type, language: readText(parameters.language) };
    case 'dtmf': {
      const digit = readDigit(parameters.digit);
      return digit === undefined ? malformed('`digit` is not a digit') : { type, digit };
    }
    default:
      return { type: 'unknown', name: type.slice(0, 64) };
  }
}

/** "open". */
function readOpen(parameters: Readonly<Record<string, unknown>>): ClientMessage {
  const { organizationId, conversationId, media, language, supportedLanguages, inputVariables } = parameters;
  const conversation = readText(conversationId);
  if (conversation === undefined) return malformed('`conversationId` is missing');
  if (media !== undefined && !Array.isArray(media)) return malformed('`media` is not a list');
  const participant = recordOf(parameters.participant);
  return {
    type: 'open',
    organizationId: readText(organizationId) ?? '',
    conversationId: conversation,
    participant: {
      id: readText(participant.id) ?? '',
      ani: readText(participant.ani),
      aniName: readText(participant.aniName),
      dnis: readText(participant.dnis),
    },
    media: Array.isArray(media) ? media.filter(isRecord).map(readOffer) : [],
    language: readText(language),
    asksLanguages: supportedLanguages === true,
    inputVariables: readVariables(recordOf(inputVariables)),
  };
}

/** "open", `media`. */
function readOffer(offered: Readonly<Record<string, unknown>>): MediaOffer {
  const { format, rate, channels } = offered;
  const named = Array.isArray(channels)
    ? channels.filter((channel): channel is string => typeof channel === 'string')
    : [];
  return {
    offered,
    format: readText(format) ?? '',
    rate: readCount(rate) ?? 0,
    channels: named.length === 0 ? ['external'] : named,
  };
}

function readVariables(variables: Readonly<Record<string, unknown>>): ReadonlyMap<string, string> {
  const read = new Map<string, string>();
  for (const [name, value] of Object.entries(variables)) {
    if (typeof value === 'string') read.set(name.trim(), value);
    else if (typeof value === 'number' || typeof value === 'boolean') read.set(name.trim(), String(value));
  }
  return read;
}

/** "close". A reason of tomorrow is an end like any other. */
function readCloseReason(reason: unknown): CloseReason {
  return reason === 'error' || reason === 'disconnect' || reason === 'reconnect' ? reason : 'end';
}

/** "discarded" and "resumed". */
function readDiscarded(
  type: 'discarded' | 'resumed',
  parameters: Readonly<Record<string, unknown>>,
): ClientMessage {
  const startMs = readDuration(parameters.start);
  const discardedMs = readDuration(parameters.discarded);
  if (startMs === undefined || discardedMs === undefined) {
    return malformed('`start` or `discarded` is not a duration');
  }
  return { type, startMs, discardedMs };
}

/** "Data types", Duration: `PT1.5S`; days, hours and minutes of ISO 8601 are taken too. Milliseconds, at most a year. */
export function readDuration(value: unknown): number | undefined {
  if (typeof value !== 'string' || value.length > 64) return undefined;
  const match =
    /^P(?:(\d{1,3})D)?(?:T(?=\d|\.\d)(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{0,9}(?:\.\d+)?)S)?)?$/i.exec(value);
  if (!match || /^PT?$/i.test(value)) return undefined;
  const [, days = '0', hours = '0', minutes = '0', seconds = '0'] = match;
  const ms =
    (((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds || 'NaN')) * 1000;
  return ms <= 366 * 86_400_000 ? ms : undefined;
}

function malformed(what: string): ClientMessage {
  return { type: 'malformed', error: new PatchcordError('PATCHCORD_MESSAGE_MALFORMED', what) };
}

export interface Disconnect {
  readonly reason: 'completed' | 'unauthorized' | 'error';
  readonly info?: string;
  /** For the Architect flow. */
  readonly outputVariables?: Readonly<Record<string, string>>;
}

export interface BotTurn {
  readonly disposition: 'no_input' | 'no_match' | 'match';
  readonly text: string;
  readonly confidence: number;
}

export type Entity =
  | { readonly type: 'barge_in'; readonly data: Readonly<Record<string, never>> }
  | { readonly type: 'bot_turn_response'; readonly data: BotTurn };

/** "Server messages". */
export type ServerMessage =
  | {
      readonly type: 'opened';
      readonly parameters: {
        readonly startPaused: boolean;
        readonly media: readonly Readonly<Record<string, unknown>>[];
        readonly supportedLanguages?: readonly string[];
      };
    }
  | { readonly type: 'pong' | 'closed' | 'updated'; readonly parameters: Readonly<Record<string, never>> }
  | { readonly type: 'disconnect'; readonly parameters: Disconnect }
  | { readonly type: 'event'; readonly parameters: { readonly entities: readonly Entity[] } };

/** Largest binary message, in either direction: 8 s of audio. */
export const maxBinaryBytes = 64_000;
/** Largest text message, "Transport". */
export const maxTextBytes = 65_535;

/** The text of one message. The server's have no `position`. */
export function writeMessage(
  { type, parameters }: ServerMessage,
  { id, seq, clientseq }: { readonly id: string; readonly seq: number; readonly clientseq: number },
): string {
  return JSON.stringify({ version: '2', type, seq, clientseq, id, parameters });
}
