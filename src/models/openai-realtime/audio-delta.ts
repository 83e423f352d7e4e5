import { isBase64 } from '../../audio/base64.ts';
import { AudioChunk } from '../../audio/chunk.ts';
import type { AudioDelta } from './server-events.ts';

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const braceOpen = 0x7b;
const braceClose = 0x7d;
const zero = 0x30;
const nine = 0x39;

/**
 * Reads an audio delta without parsing its JSON: most of the bytes that a model sends are base64 inside this one
 * event, and they leave as a view of the frame. Knows only flat objects of plain ASCII strings and small whole
 * numbers; for everything else it says undefined and the frame is parsed, with the same result.
 */
export function scanAudioDelta(frame: Buffer): AudioDelta | undefined {
  let typed = false;
  let responseId: string | undefined;
  let itemId: string | undefined;
  let contentIndex: number | undefined;
  let audio: Buffer | undefined;

  let at = skipSpace(frame, 0);
  if (frame[at] !== braceOpen) return undefined;
  do {
    at = skipSpace(frame, at + 1);
    if (frame[at] !== quote) return undefined;
    const keyEnd = endOfPlain(frame, at + 1);
    if (keyEnd < 0) return undefined;
    const key = keyAt(frame, at + 1, keyEnd);
    at = skipSpace(frame, keyEnd + 1);
    if (frame[at] !== colon) return undefined;
    at = skipSpace(frame, at + 1);
    if (frame[at] !== quote) {
      const end = endOfWholeNumber(frame, at);
      if (end < 0 || (key !== undefined && key !== 'content_index')) return undefined;
      if (key === 'content_index') {
        if (contentIndex !== undefined) return undefined;
        contentIndex = Number(frame.toString('latin1', at, end));
      }
      at = end;
    } else {
      const start = at + 1;
      const end = key === 'delta' ? frame.indexOf(quote, start) : endOfPlain(frame, start);
      if (end < 0) return undefined;
      switch (key) {
        case 'type':
          if (typed || !isAudioDelta(frame, start, end)) return undefined;
          typed = true;
          break;
        case 'delta':
          if (audio !== undefined || !isBase64(frame, start, end)) return undefined;
          audio = frame.subarray(start, end);
          break;
        case 'response_id':
          if (responseId !== undefined || end === start) return undefined;
          responseId = frame.toString('latin1', start, end);
          break;
        case 'item_id':
          if (itemId !== undefined || end === start) return undefined;
          itemId = frame.toString('latin1', start, end);
          break;
        case 'content_index':
          return undefined;
      }
      at = end + 1;
    }
    at = skipSpace(frame, at);
  } while (frame[at] === comma);

  if (frame[at] !== braceClose || skipSpace(frame, at + 1) !== frame.length) return undefined;
  if (!typed || itemId === undefined || audio === undefined) return undefined;
  return {
    type: 'response.output_audio.delta',
    responseId,
    itemId,
    contentIndex: contentIndex ?? 0,
    audio: AudioChunk.fromBase64(audio),
  };
}

const audioDeltaType = ascii('response.output_audio.delta');
const betaAudioDeltaType = ascii('response.audio.delta');
const typeKey = ascii('type');
const deltaKey = ascii('delta');
const itemIdKey = ascii('item_id');
const responseIdKey = ascii('response_id');
const contentIndexKey = ascii('content_index');

function ascii(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}

function isAudioDelta(frame: Buffer, start: number, end: number): boolean {
  return equals(frame, start, end, audioDeltaType) || equals(frame, start, end, betaAudioDeltaType);
}

/** The key from `start` to `end`, if it is one of those that count; no string is made of it. */
function keyAt(
  frame: Buffer,
  start: number,
  end: number,
): 'type' | 'delta' | 'item_id' | 'response_id' | 'content_index' | undefined {
  if (equals(frame, start, end, typeKey)) return 'type';
  if (equals(frame, start, end, deltaKey)) return 'delta';
  if (equals(frame, start, end, itemIdKey)) return 'item_id';
  if (equals(frame, start, end, responseIdKey)) return 'response_id';
  return equals(frame, start, end, contentIndexKey) ? 'content_index' : undefined;
}

function equals(frame: Buffer, start: number, end: number, text: Uint8Array): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (frame[start + i] !== text[i]) return false;
  return true;
}

function skipSpace(frame: Buffer, from: number): number {
  let at = from;
  for (;;) {
    const byte = frame[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
    at++;
  }
}

/** Where a string of printable ASCII without escapes ends, else -1. */
function endOfPlain(frame: Buffer, from: number): number {
  for (let at = from; at < frame.length; at++) {
    const byte = frame[at] as number;
    if (byte === quote) return at;
    if (byte < 0x20 || byte > 0x7e || byte === backslash) return -1;
  }
  return -1;
}

/** Where a JSON whole number of at most nine digits ends, else -1. */
function endOfWholeNumber(frame: Buffer, from: number): number {
  let at = from;
  while (at < frame.length && (frame[at] as number) >= zero && (frame[at] as number) <= nine) at++;
  const digits = at - from;
  if (digits === 0 || digits > 9 || (digits > 1 && frame[from] === zero)) return -1;
  // `1.5` and `1e3` go on here; the caller then finds neither a comma nor the closing brace.
  return at;
}
