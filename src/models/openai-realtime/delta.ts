import { isBase64 } from '../../audio/base64.ts';
import { AudioChunk } from '../../audio/chunk.ts';
import type { AudioDelta, TextDelta } from './server-events.ts';

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const braceOpen = 0x7b;
const braceClose = 0x7d;
const zero = 0x30;
const nine = 0x39;

/**
 * Reads a piece of an answer, audio or its transcript, without parsing its JSON: most of what a model sends is one of
 * the two, and audio leaves as a view of the frame. Knows only flat objects of plain ASCII strings and small whole
 * numbers, the type before the delta; for everything else it says undefined and the frame is parsed, with the same
 * result.
 */
export function scanDelta(frame: Buffer): AudioDelta | TextDelta | undefined {
  let kind: 'audio' | 'text' | undefined;
  let responseId: string | undefined;
  let itemId: string | undefined;
  let contentIndex: number | undefined;
  let audio: Buffer | undefined;
  let text: string | undefined;

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
      const isAudio = key === 'delta' && kind === 'audio';
      const end = isAudio ? frame.indexOf(quote, start) : endOfPlain(frame, start);
      if (end < 0) return undefined;
      switch (key) {
        case 'type':
          if (kind !== undefined) return undefined;
          kind = kindOf(frame, start, end);
          if (kind === undefined) return undefined;
          break;
        case 'delta':
          if (kind === undefined || audio !== undefined || text !== undefined) return undefined;
          if (!isAudio) text = frame.toString('latin1', start, end);
          else if (isBase64(frame, start, end)) audio = frame.subarray(start, end);
          else return undefined;
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
  if (itemId === undefined) return undefined;
  const place = { responseId, itemId, contentIndex: contentIndex ?? 0 };
  if (audio !== undefined)
    return { type: 'response.output_audio.delta', ...place, audio: AudioChunk.fromBase64(audio) };
  return text === undefined ? undefined : { type: 'response.output_audio_transcript.delta', ...place, text };
}

const audioDeltaType = ascii('response.output_audio.delta');
const betaAudioDeltaType = ascii('response.audio.delta');
const textDeltaType = ascii('response.output_audio_transcript.delta');
const betaTextDeltaType = ascii('response.audio_transcript.delta');
const typeKey = ascii('type');
const deltaKey = ascii('delta');
const itemIdKey = ascii('item_id');
const responseIdKey = ascii('response_id');
const contentIndexKey = ascii('content_index');

function ascii(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}

function kindOf(frame: Buffer, start: number, end: number): 'audio' | 'text' | undefined {
  if (equals(frame, start, end, audioDeltaType) || equals(frame, start, end, betaAudioDeltaType))
    return 'audio';
  if (equals(frame, start, end, textDeltaType) || equals(frame, start, end, betaTextDeltaType)) return 'text';
  return undefined;
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
