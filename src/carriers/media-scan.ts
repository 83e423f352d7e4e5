import { isBase64 } from '../audio/base64.ts';
import { AudioChunk } from '../audio/chunk.ts';

export interface MediaMessage {
  readonly type: 'media';
  /** False for a track other than the caller's. */
  readonly inbound: boolean;
  readonly audio: AudioChunk;
  /** Milliseconds since the start of the stream. */
  readonly timestampMs: number | undefined;
  /** Number of the message within the stream, where the carrier counts. */
  readonly chunk: number | undefined;
}

const ascii = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));

const eventKey = ascii('event');
const mediaKey = ascii('media');
const payloadKey = ascii('payload');
const timestampKey = ascii('timestamp');
const chunkKey = ascii('chunk');
const trackKey = ascii('track');
const inboundTrack = ascii('inbound');

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const zero = 0x30;
const nine = 0x39;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** Printable ASCII without quote and backslash: what stands for itself in a JSON string. */
const isPlain = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte < 0x7f && byte !== quote && byte !== backslash ? 1 : 0,
);

/** What is found in one frame; positions are byte offsets, -1 while not found. */
interface Found {
  isMedia: boolean;
  hasBody: boolean;
  payloadStart: number;
  payloadEnd: number;
  trackStart: number;
  timestampStart: number;
  timestampEnd: number;
  chunkStart: number;
  chunkEnd: number;
}

/**
 * Reads a media frame without parsing it: walks over the bytes once and makes no strings. It takes only frames of
 * which it can be sure that JSON.parse would see the same: no whitespace, no escapes, ASCII alone, values that are
 * strings or plain integers, one object inside, no key of interest twice. Anything else gives undefined and is
 * left to the parser. The payload is not copied. Never throws.
 */
export function scanMedia(frame: Buffer): MediaMessage | undefined {
  const found: Found = {
    isMedia: false,
    hasBody: false,
    payloadStart: -1,
    payloadEnd: -1,
    trackStart: -1,
    timestampStart: -1,
    timestampEnd: -1,
    chunkStart: -1,
    chunkEnd: -1,
  };
  if (walk(frame, 0, found, true) !== frame.length) return undefined;
  const { payloadStart, payloadEnd, trackStart, timestampStart, timestampEnd } = found;
  if (!found.isMedia || payloadStart < 0 || !isBase64(frame, payloadStart, payloadEnd)) return undefined;
  const timestampMs = timestampStart < 0 ? undefined : readDigits(frame, timestampStart, timestampEnd);
  const chunk = found.chunkStart < 0 ? undefined : readDigits(frame, found.chunkStart, found.chunkEnd);
  if (timestampMs === -1 || chunk === -1) return undefined;
  // Another track than the documented one is rare enough to be left to the parser.
  if (trackStart >= 0 && !(matches(frame, trackStart, inboundTrack) && frame[trackStart + 7] === quote))
    return undefined;
  const payload = frame.subarray(payloadStart, payloadEnd);
  return { type: 'media', inbound: true, audio: AudioChunk.fromBase64(payload), timestampMs, chunk };
}

/** Walks over the object that begins at `at`; gives the offset behind it, or -1 where the frame is not plain. */
function walk(frame: Buffer, start: number, found: Found, top: boolean): number {
  let at = start;
  if (frame[at] !== openBrace) return -1;
  do {
    if (frame[at + 1] !== quote) return -1;
    const key = at + 2;
    const keyEnd = stringEnd(frame, key);
    if (keyEnd < 0 || frame[keyEnd + 1] !== colon) return -1;
    const value = keyEnd + 2;
    at = top ? topValue(frame, key, keyEnd, value, found) : mediaValue(frame, key, keyEnd, value, found);
    if (at < 0) return -1;
  } while (frame[at] === comma);
  return frame[at] === closeBrace ? at + 1 : -1;
}

function topValue(frame: Buffer, key: number, keyEnd: number, value: number, found: Found): number {
  if (keyEnd - key === 5) {
    if (matches(frame, key, mediaKey)) {
      if (found.hasBody) return -1;
      found.hasBody = true;
      return walk(frame, value, found, false);
    }
    if (matches(frame, key, eventKey)) {
      if (found.isMedia || frame[value] !== quote || !matches(frame, value + 1, mediaKey)) return -1;
      if (frame[value + 6] !== quote) return -1;
      found.isMedia = true;
      return value + 7;
    }
  }
  return plainValueEnd(frame, value);
}

function mediaValue(frame: Buffer, key: number, keyEnd: number, value: number, found: Found): number {
  const keyLength = keyEnd - key;
  if (keyLength === 7 && matches(frame, key, payloadKey)) {
    if (found.payloadStart >= 0 || frame[value] !== quote) return -1;
    found.payloadStart = value + 1;
    // That nothing but base64 stands before that quote is checked at the end.
    found.payloadEnd = frame.indexOf(quote, value + 1);
    return found.payloadEnd < 0 ? -1 : found.payloadEnd + 1;
  }
  const end = plainValueEnd(frame, value);
  if (keyLength === 9 && matches(frame, key, timestampKey)) {
    if (found.timestampStart >= 0) return -1;
    const quoted = frame[value] === quote ? 1 : 0;
    found.timestampStart = value + quoted;
    found.timestampEnd = end - quoted;
  } else if (keyLength === 5 && matches(frame, key, chunkKey)) {
    if (found.chunkStart >= 0) return -1;
    const quoted = frame[value] === quote ? 1 : 0;
    found.chunkStart = value + quoted;
    found.chunkEnd = end - quoted;
  } else if (keyLength === 5 && matches(frame, key, trackKey)) {
    if (found.trackStart >= 0 || frame[value] !== quote) return -1;
    found.trackStart = value + 1;
  }
  return end;
}

/** The offset behind a string or an integer without sign, -1 for any other value. */
function plainValueEnd(frame: Buffer, start: number): number {
  const first = frame[start] as number;
  if (first === quote) {
    const end = stringEnd(frame, start + 1);
    return end < 0 ? -1 : end + 1;
  }
  let at = start;
  while ((frame[at] as number) >= zero && (frame[at] as number) <= nine) at += 1;
  // JSON has no number with a leading zero.
  return at === start || (first === zero && at > start + 1) ? -1 : at;
}

/** The offset of the quote that ends the string, -1 where it holds an escape, a control character or no plain ASCII. */
function stringEnd(frame: Buffer, start: number): number {
  let at = start;
  while (isPlain[frame[at] as number] === 1) at += 1;
  return frame[at] === quote ? at : -1;
}

function matches(frame: Buffer, at: number, text: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) if (frame[at + i] !== text[i]) return false;
  return true;
}

function readDigits(frame: Buffer, start: number, end: number): number {
  if (end <= start || end - start > 15) return -1;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = (frame[at] as number) - zero;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}
