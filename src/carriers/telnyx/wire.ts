import type { AudioChunk } from '../../audio/chunk.ts';
import { printable, readCount, readDigit, readObject, readText, recordOf } from '../fields.ts';
import { type MalformedMessage, malformed, mediaFrame, readMedia } from '../media-json.ts';
import { type MediaMessage, scanMedia } from '../media-scan.ts';

/** Telnyx's documentation, "Stream call media over WebSocket", the frames that Telnyx sends. */
export type TelnyxMessage =
  | { readonly type: 'connected'; readonly token: string | undefined }
  | StartMessage
  | MediaMessage
  | { readonly type: 'dtmf'; readonly digit: string }
  | { readonly type: 'mark'; readonly name: string }
  /** What Telnyx has to say about what it got; the stream goes on. */
  | { readonly type: 'error'; readonly title: string; readonly code: number | undefined }
  | { readonly type: 'stop' }
  /** An event that this version does not know; to be ignored. */
  | { readonly type: 'unknown'; readonly event: string }
  | MalformedMessage;

export interface StartMessage {
  readonly type: 'start';
  readonly callControlId: string;
  /** What the caller's audio comes in; each is undefined where Telnyx leaves it out, and NaN where it makes no sense. */
  readonly mediaFormat: {
    readonly encoding: string | undefined;
    readonly sampleRate: number | undefined;
    readonly channels: number | undefined;
  };
}

/** The name of the header and of the field that carry `stream_auth_token` back. */
export const tokenName = 'x-telnyx-streaming-auth-token';

/** Reads one WebSocket message. Numbers may be strings and the reverse; what is not needed may be missing. Never throws. */
export function readMessage(frame: Buffer, isBinary: boolean): TelnyxMessage {
  if (isBinary) return malformed('PATCHCORD_MESSAGE_BINARY', 'a binary frame');
  return scanMedia(frame) ?? parseMessage(frame);
}

/** The slow way: any JSON text. `readMessage` uses it for everything but plain media frames. Never throws. */
export function parseMessage(frame: Buffer): TelnyxMessage {
  const message = readObject(frame);
  if (message === undefined) return malformed('PATCHCORD_MESSAGE_MALFORMED', 'not a JSON object');
  const { event } = message;
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
      return readConnected(message);
    case 'error':
      return readError(message.payload);
    case 'stop':
      return { type: 'stop' };
    default:
      if (typeof event !== 'string')
        return malformed('PATCHCORD_MESSAGE_MALFORMED', '`event` is not a string');
      return { type: 'unknown', event: event.slice(0, 64) };
  }
}

/** Documentation: the `connected` frame; its token is documented beside `version` and was seen one level deeper. */
function readConnected(message: Readonly<Record<string, unknown>>): TelnyxMessage {
  const token = readText(message[tokenName]) ?? readText(recordOf(message.connected)[tokenName]);
  return { type: 'connected', token };
}

/** Documentation: the `start` frame. `stream_id`, which stands beside it, is not needed to answer. */
function readStart(message: Readonly<Record<string, unknown>>): TelnyxMessage {
  const start = recordOf(message.start);
  const callControlId = readText(start.call_control_id);
  if (callControlId === undefined)
    return malformed('PATCHCORD_MESSAGE_MALFORMED', '`start.call_control_id` is missing');
  const { encoding, sample_rate: rate, channels } = recordOf(start.media_format);
  return {
    type: 'start',
    callControlId,
    mediaFormat: {
      encoding: encoding === undefined || encoding === null ? undefined : printable(encoding),
      sampleRate: countOrNaN(rate),
      channels: countOrNaN(channels),
    },
  };
}

function countOrNaN(value: unknown): number | undefined {
  return value === undefined || value === null ? undefined : (readCount(value) ?? Number.NaN);
}

/** Documentation: the `media` frame, whose track is `inbound` or `outbound`; the commands write `inbound_track`. */
const inboundTracks = ['inbound', 'inbound_track'];

/** Documentation: the `mark` frame. */
function readMark(mark: unknown): TelnyxMessage {
  const { name } = recordOf(mark);
  if (typeof name !== 'string')
    return malformed('PATCHCORD_MESSAGE_MALFORMED', '`mark.name` is not a string');
  return { type: 'mark', name };
}

/** Documentation: the `dtmf` frame. */
function readDtmf(dtmf: unknown): TelnyxMessage {
  const digit = readDigit(recordOf(dtmf).digit);
  if (digit === undefined) return malformed('PATCHCORD_MESSAGE_MALFORMED', '`dtmf.digit` is not a digit');
  return { type: 'dtmf', digit };
}

/** Documentation: the `error` frame. Its codes are not unique, so that the title tells what it is. */
function readError(payload: unknown): TelnyxMessage {
  const { title, code } = recordOf(payload);
  return { type: 'error', title: readText(title)?.slice(0, 64) ?? 'unknown_error', code: readCount(code) };
}

const mediaStart = Buffer.from('{"event":"media","media":{"payload":"', 'latin1');
const clearFrame = Buffer.from('{"event":"clear"}', 'latin1');

/**
 * The messages to Telnyx, each the whole text of a WebSocket frame. Documentation, "Stream call media over WebSocket",
 * the frames of the client: the socket itself says which stream they are for.
 */
export function writeMedia(audio: AudioChunk): Buffer {
  return mediaFrame(mediaStart, audio);
}

export function writeMark(name: string): string {
  return `{"event":"mark","mark":{"name":${JSON.stringify(name)}}}`;
}

export function writeClear(): Buffer {
  return clearFrame;
}
