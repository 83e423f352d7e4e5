import type { AudioChunk } from '../../audio/chunk.ts';
import { isRecord, printable, readCount, readDigit, readText, recordOf } from '../fields.ts';
import { type MalformedMessage, malformed, mediaFrame, readMedia, unpooled } from '../media-json.ts';
import { type MediaMessage, scanMedia } from '../media-scan.ts';

/** Twilio's documentation, "Media Streams - WebSocket Messages", section "WebSocket messages from Twilio". */
export type TwilioMessage =
  | { readonly type: 'connected' }
  | StartMessage
  | MediaMessage
  | { readonly type: 'dtmf'; readonly digit: string }
  | { readonly type: 'mark'; readonly name: string }
  | { readonly type: 'stop' }
  /** An event that this version does not know; to be ignored. */
  | { readonly type: 'unknown'; readonly event: string }
  | MalformedMessage
  | MalformedStart;

/** A `start` that cannot be used, and all the same says whose it is where it has a token. */
export interface MalformedStart extends MalformedMessage {
  readonly token: string | undefined;
}

export interface StartMessage {
  readonly type: 'start';
  readonly streamSid: string;
  readonly callSid: string;
  readonly accountSid: string | undefined;
  /** The `<Parameter>` elements of the TwiML. */
  readonly parameters: ReadonlyMap<string, string>;
  /** As documented where Twilio leaves it out. */
  readonly mediaFormat: { readonly encoding: string; readonly sampleRate: number; readonly channels: number };
}

/** Reads one WebSocket message. Numbers may be strings and the reverse; what is not needed may be missing. Never throws. */
export function readMessage(frame: Buffer, isBinary: boolean): TwilioMessage {
  if (isBinary) return malformed('PATCHCORD_MESSAGE_BINARY', 'a binary frame');
  return scanMedia(frame) ?? parseMessage(frame);
}

/** The slow way: any JSON text. `readMessage` uses it for everything but plain media frames. Never throws. */
export function parseMessage(frame: Buffer): TwilioMessage {
  let message: unknown;
  try {
    message = JSON.parse(frame.toString('utf8'));
  } catch {
    return malformed('PATCHCORD_MESSAGE_MALFORMED', 'not JSON');
  }
  if (!isRecord(message)) return malformed('PATCHCORD_MESSAGE_MALFORMED', 'not a JSON object');
  const event = message.event;
  switch (event) {
    case 'media':
      return readMedia(message.media, inboundTracks);
    case 'mark':
      return readMark(message.mark);
    case 'dtmf':
      return readDtmf(message.dtmf);
    case 'start':
      return readStart(message);
    case 'connected':
    case 'stop':
      return { type: event };
    default:
      if (typeof event !== 'string')
        return malformed('PATCHCORD_MESSAGE_MALFORMED', '`event` is not a string');
      return { type: 'unknown', event: event.slice(0, 64) };
  }
}

/** Documentation: "Media message". The track as `media.track` has it, and as the TwiML and `dtmf.track` write it. */
const inboundTracks = ['inbound', 'inbound_track'];

/** Documentation: "Mark message" from Twilio. */
function readMark(mark: unknown): TwilioMessage {
  const name = isRecord(mark) ? mark.name : undefined;
  if (typeof name !== 'string')
    return malformed('PATCHCORD_MESSAGE_MALFORMED', '`mark.name` is not a string');
  return { type: 'mark', name };
}

/** Documentation: "DTMF message". */
function readDtmf(dtmf: unknown): TwilioMessage {
  const digit = readDigit(recordOf(dtmf).digit);
  if (digit === undefined) return malformed('PATCHCORD_MESSAGE_MALFORMED', '`dtmf.digit` is not a digit');
  return { type: 'dtmf', digit };
}

/** Documentation: "Start message". */
function readStart(message: Readonly<Record<string, unknown>>): TwilioMessage {
  const start = recordOf(message.start);
  const streamSid = readText(start.streamSid) ?? readText(message.streamSid);
  const callSid = readText(start.callSid);
  const custom = Object.entries(recordOf(start.customParameters));
  const parameters = new Map<string, string>();
  for (const [name, value] of custom) if (typeof value === 'string') parameters.set(name, value);
  const token = parameters.get('token');
  if (streamSid === undefined)
    return { ...malformed('PATCHCORD_MESSAGE_MALFORMED', '`streamSid` is missing'), token };
  if (callSid === undefined)
    return { ...malformed('PATCHCORD_MESSAGE_MALFORMED', '`start.callSid` is missing'), token };
  const format = recordOf(start.mediaFormat);
  return {
    type: 'start',
    streamSid,
    callSid,
    accountSid: readText(start.accountSid),
    parameters,
    mediaFormat: {
      encoding: format.encoding === undefined ? 'audio/x-mulaw' : printable(format.encoding),
      sampleRate: format.sampleRate === undefined ? 8000 : (readCount(format.sampleRate) ?? Number.NaN),
      channels: format.channels === undefined ? 1 : (readCount(format.channels) ?? Number.NaN),
    },
  };
}

/**
 * Writes the messages to Twilio for one stream, each the whole text of a WebSocket frame. Shapes: documentation,
 * section "WebSocket messages to Twilio"; nothing else may be sent (error 31950).
 */
export class TwilioWriter {
  readonly #mediaStart: Buffer;
  readonly #markStart: string;
  readonly #clear: Buffer;

  constructor(streamSid: string) {
    const stream = JSON.stringify(streamSid);
    this.#mediaStart = unpooled(`{"event":"media","streamSid":${stream},"media":{"payload":"`);
    this.#markStart = `{"event":"mark","streamSid":${stream},"mark":{"name":`;
    this.#clear = unpooled(`{"event":"clear","streamSid":${stream}}`);
  }

  media(audio: AudioChunk): Buffer {
    return mediaFrame(this.#mediaStart, audio);
  }

  mark(name: string): string {
    return `${this.#markStart}${JSON.stringify(name)}}}`;
  }

  clear(): Buffer {
    return this.#clear;
  }
}
