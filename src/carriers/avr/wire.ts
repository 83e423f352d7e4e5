import { isBase64 } from '../../audio/base64.ts';
import { AudioChunk } from '../../audio/chunk.ts';
import { PatchcordError } from '../../base/errors.ts';
import { printable, readDigit, readObject } from '../fields.ts';

/**
 * What avr-core says. AVR's wiki, "AVR-STS Integration Implementation", step 2; `reset`, and the caller's data in
 * `init`, are known from one fork alone.
 */
export type AvrMessage =
  | InitMessage
  | { readonly type: 'audio'; readonly audio: AudioChunk }
  | { readonly type: 'dtmf_digit'; readonly digit: string }
  | { readonly type: 'reset' }
  /** Nothing that could be used, and nothing that is wrong enough to be held against the peer. */
  | { readonly type: 'ignored'; readonly what: string }
  | { readonly type: 'malformed'; readonly error: PatchcordError };

export interface InitMessage {
  readonly type: 'init';
  /** Undefined: the peer gave none. */
  readonly uuid: string | undefined;
  /** What else stands in the message as text or number, such as `callerNumber`. */
  readonly fields: ReadonlyMap<string, string>;
}

const audioStart = Buffer.from('{"type":"audio","audio":"');
const objectEnd = Buffer.from('"}');

/** Reads one WebSocket message. Never throws. */
export function readMessage(frame: Buffer, isBinary: boolean): AvrMessage {
  if (isBinary) return malformed('PATCHCORD_MESSAGE_BINARY', 'a binary frame');
  return scanAudio(frame) ?? parseMessage(frame);
}

/**
 * Reads an audio frame as avr-core writes it, without parsing it: between the two ends stands base64 alone, so that
 * JSON.parse would see the same. Anything else gives undefined and is left to the parser. The payload is not copied.
 */
export function scanAudio(frame: Buffer): AvrMessage | undefined {
  const start = audioStart.length;
  const end = frame.length - objectEnd.length;
  if (end <= start || audioStart.compare(frame, 0, start) !== 0) return undefined;
  if (objectEnd.compare(frame, end) !== 0 || !isBase64(frame, start, end)) return undefined;
  return wholeSamples(AudioChunk.fromBase64(frame.subarray(start, end)));
}

/** The slow way: any JSON text. Never throws. */
export function parseMessage(frame: Buffer): AvrMessage {
  const message = readObject(frame);
  if (message === undefined) return malformed('PATCHCORD_MESSAGE_MALFORMED', 'not a JSON object');
  const { type } = message;
  switch (type) {
    case 'audio':
      return readAudio(message.audio);
    case 'init':
      return readInit(message);
    case 'dtmf_digit':
      return readDtmf(message.digit);
    case 'reset':
      return { type };
    default:
      if (typeof type !== 'string') return malformed('PATCHCORD_MESSAGE_MALFORMED', '`type` is not a string');
      return { type: 'ignored', what: `a message of type ${printable(type)}` };
  }
}

/** An id that can stand in a header and in a request: visible ASCII, 128 characters at most. */
export function readUuid(value: unknown): string | undefined {
  const uuid = typeof value === 'number' ? String(value) : value;
  return typeof uuid === 'string' && /^[\x21-\x7e]{1,128}$/.test(uuid) ? uuid : undefined;
}

/** Wiki: "2.1 init Event". `provider_config` is for connectors of one vendor: it is not looked at. */
function readInit(message: Readonly<Record<string, unknown>>): AvrMessage {
  const uuid = readUuid(message.uuid);
  const given = message.uuid !== undefined && message.uuid !== null && message.uuid !== '';
  if (uuid === undefined && given) return malformed('PATCHCORD_MESSAGE_MALFORMED', '`uuid` is not an id');
  const fields = new Map<string, string>();
  for (const [name, value] of Object.entries(message)) {
    if (name === 'type' || name === 'uuid') continue;
    if (typeof value === 'string' || typeof value === 'number') fields.set(name, String(value));
  }
  return { type: 'init', uuid, fields };
}

/** Wiki: "2.2 audio Event": 16 bit, little-endian, 8 kHz, mono. */
function readAudio(payload: unknown): AvrMessage {
  if (typeof payload !== 'string') return malformed('PATCHCORD_MESSAGE_MALFORMED', '`audio` is not a string');
  if (payload === '') return { type: 'ignored', what: 'audio without a sample' };
  const ascii = Buffer.from(payload, 'utf8');
  if (!isBase64(ascii)) return malformed('PATCHCORD_AUDIO_MALFORMED', '`audio` is not base64');
  return wholeSamples(AudioChunk.fromBase64(ascii));
}

function wholeSamples(audio: AudioChunk): AvrMessage {
  if (audio.byteLength % 2 === 0) return { type: 'audio', audio };
  return malformed('PATCHCORD_AUDIO_MALFORMED', '`audio` is half a sample too long');
}

/** Sent by avr-core from 1.9.0 on, where Asterisk (22 and later) passes keys through AudioSocket. */
function readDtmf(value: unknown): AvrMessage {
  const digit = readDigit(value);
  return digit === undefined
    ? { type: 'ignored', what: 'a digit that is no key' }
    : { type: 'dtmf_digit', digit };
}

function malformed(
  code: 'PATCHCORD_MESSAGE_BINARY' | 'PATCHCORD_MESSAGE_MALFORMED' | 'PATCHCORD_AUDIO_MALFORMED',
  what: string,
): AvrMessage {
  return { type: 'malformed', error: new PatchcordError(code, what) };
}

/** Bytes of 20 ms: what every audio message to avr-core holds, as the connectors before us did. */
export const frameBytes = 320;
const frameChars = Math.ceil(frameBytes / 3) * 4;

/**
 * Wiki: "3.1 audio Event", for the frame of `pcm` that begins at `at`; one that is short is filled up with silence.
 * The whole text of a WebSocket message.
 */
export function writeAudio(pcm: Buffer, at: number): Buffer {
  const missing = at + frameBytes - pcm.length;
  if (missing > 0) return writeAudio(Buffer.concat([pcm.subarray(at), Buffer.alloc(missing)]), 0);
  const message = Buffer.allocUnsafe(audioStart.length + frameChars + objectEnd.length);
  message.set(audioStart, 0);
  message.write(pcm.toString('base64', at, at + frameBytes), audioStart.length, 'latin1');
  message.set(objectEnd, audioStart.length + frameChars);
  return message;
}

/** Wiki: "3.2 interruption Event": avr-core drops what it has queued. */
export const interruptionMessage: Buffer = Buffer.from('{"type":"interruption"}');

/** Known from one fork alone: the answer to a repeated `init`. */
export const readyMessage: Buffer = Buffer.from('{"type":"ready","message":"Session ready"}');

/** Wiki: "3.3 transcript Event". */
export function writeTranscript(role: 'user' | 'agent', text: string): string {
  return JSON.stringify({ type: 'transcript', role, text });
}

/** Wiki: "3.4 error Event". */
export function writeError(message: string): string {
  return JSON.stringify({ type: 'error', message });
}
