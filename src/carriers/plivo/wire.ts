import type { AudioChunk } from '../../audio/chunk.ts';
import type { AudioFormat } from '../../audio/format.ts';
import { isRecord, printable, readCount, readDigit, readObject, readText, recordOf } from '../fields.ts';
import { type MalformedMessage, malformed, mediaFrame, readMedia, unpooled } from '../media-json.ts';
import { type MediaMessage, scanMedia } from '../media-scan.ts';
import { encodingOf } from './formats.ts';

/** Plivo's documentation, "Audio Streaming Protocol Reference", section "Input Events". */
export type PlivoMessage =
  | StartMessage
  | MediaMessage
  | { readonly type: 'dtmf'; readonly digit: string }
  | { readonly type: 'playedStream'; readonly name: string }
  | { readonly type: 'clearedAudio' }
  /** Not in the reference; another page lists it. The stream's end is the socket's. */
  | { readonly type: 'stop' }
  /** Plivo could not use what it was sent: `playFailed`, `incorrectPayload`, `error`. */
  | { readonly type: 'complaint'; readonly event: string; readonly reason: string }
  /** An event that this version does not know; to be ignored. */
  | { readonly type: 'unknown'; readonly event: string }
  | MalformedMessage;

export interface StartMessage {
  readonly type: 'start';
  readonly streamId: string;
  readonly callId: string;
  /** What the XML's `extraHeaders` said, as far as Plivo's spelling of it could be read. */
  readonly extraHeaders: ReadonlyMap<string, string>;
  /** Undefined where Plivo leaves it out. */
  readonly encoding: string | undefined;
  readonly sampleRate: number | undefined;
}

/** Reads one WebSocket message. Numbers may be strings and the reverse; what is not needed may be missing. Never throws. */
export function readMessage(frame: Buffer, isBinary: boolean): PlivoMessage {
  if (isBinary) return malformed('PATCHCORD_MESSAGE_BINARY', 'a binary frame');
  return scanMedia(frame) ?? parseMessage(frame);
}

/** The slow way: any JSON text. `readMessage` uses it for everything but plain media frames. Never throws. */
export function parseMessage(frame: Buffer): PlivoMessage {
  const message = readObject(frame);
  if (message === undefined) return malformed('PATCHCORD_MESSAGE_MALFORMED', 'not a JSON object');
  const { event } = message;
  switch (event) {
    case 'media':
      return readMedia(message.media, inboundTracks);
    case 'playedStream':
    // As an older page of Plivo's support has it.
    case 'played':
      return readPlayed(message.name);
    case 'dtmf':
      return readDtmf(message.dtmf);
    case 'start':
      return readStart(message);
    case 'clearedAudio':
    case 'stop':
      return { type: event };
    case 'playFailed':
    case 'incorrectPayload':
    case 'error':
      return { type: 'complaint', event, reason: printable(message.reason) };
    default:
      if (typeof event !== 'string')
        return malformed('PATCHCORD_MESSAGE_MALFORMED', '`event` is not a string');
      return { type: 'unknown', event: event.slice(0, 64) };
  }
}

/** Documentation: `media`. */
const inboundTracks = ['inbound'];

/** Documentation: `playedStream`. */
function readPlayed(name: unknown): PlivoMessage {
  if (typeof name === 'string') return { type: 'playedStream', name };
  if (typeof name === 'number') return { type: 'playedStream', name: String(name) };
  return malformed('PATCHCORD_MESSAGE_MALFORMED', '`name` is not a string');
}

/** Documentation: `dtmf`. */
function readDtmf(dtmf: unknown): PlivoMessage {
  const digit = readDigit(recordOf(dtmf).digit);
  if (digit === undefined) return malformed('PATCHCORD_MESSAGE_MALFORMED', '`dtmf.digit` is not a digit');
  return { type: 'dtmf', digit };
}

/** Documentation: `start`. */
function readStart(message: Readonly<Record<string, unknown>>): PlivoMessage {
  const start = recordOf(message.start);
  const streamId = readText(start.streamId) ?? readText(message.streamId);
  const callId = readText(start.callId);
  if (streamId === undefined) return malformed('PATCHCORD_MESSAGE_MALFORMED', '`start.streamId` is missing');
  if (callId === undefined) return malformed('PATCHCORD_MESSAGE_MALFORMED', '`start.callId` is missing');
  const { encoding, sampleRate } = recordOf(start.mediaFormat);
  return {
    type: 'start',
    streamId,
    callId,
    extraHeaders: readExtraHeaders(message.extra_headers ?? start.extra_headers),
    encoding: encoding === undefined ? undefined : printable(encoding),
    sampleRate: sampleRate === undefined ? undefined : (readCount(sampleRate) ?? Number.NaN),
  };
}

/**
 * `extra_headers`: the reference shows `a=1;b=2`, the XML's attribute is written `a=1,b=2`, and a package of Plivo's
 * calls it JSON. All of these are taken, and an object in place of the text.
 */
function readExtraHeaders(written: unknown): Map<string, string> {
  const text = typeof written === 'string' ? written.trim() : '';
  const object = text.startsWith('{') ? readObject(Buffer.from(text)) : written;
  const found = new Map<string, string>();
  if (isRecord(object)) {
    for (const [name, value] of Object.entries(object)) if (typeof value === 'string') found.set(name, value);
    return found;
  }
  for (const pair of text.split(/[;,&]/)) {
    const at = pair.indexOf('=');
    if (at > 0) found.set(pair.slice(0, at).trim(), pair.slice(at + 1).trim());
  }
  return found;
}

/**
 * Writes the messages to Plivo for one stream, each the whole text of a WebSocket frame. Shapes: documentation,
 * "Audio Streaming Protocol Reference", section "Output Events"; `sendDTMF`: page "Send DTMF event".
 */
export class PlivoWriter {
  readonly #mediaStart: Buffer;
  readonly #checkpointStart: string;
  readonly #clear: Buffer;

  constructor(streamId: string, format: AudioFormat) {
    const stream = JSON.stringify(streamId);
    const media = `"contentType":"${encodingOf(format)}","sampleRate":${format.sampleRate}`;
    this.#mediaStart = unpooled(`{"event":"playAudio","streamId":${stream},"media":{${media},"payload":"`);
    this.#checkpointStart = `{"event":"checkpoint","streamId":${stream},"name":`;
    this.#clear = unpooled(`{"event":"clearAudio","streamId":${stream}}`);
  }

  playAudio(audio: AudioChunk): Buffer {
    return mediaFrame(this.#mediaStart, audio);
  }

  checkpoint(name: string): string {
    return `${this.#checkpointStart}${JSON.stringify(name)}}`;
  }

  clearAudio(): Buffer {
    return this.#clear;
  }

  /** All keys in one message. */
  sendDigits(digits: string): Buffer {
    return Buffer.from(JSON.stringify({ event: 'sendDTMF', dtmf: digits }));
  }
}
