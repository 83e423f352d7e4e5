import { isBase64 } from '../audio/base64.ts';
import { AudioChunk } from '../audio/chunk.ts';
import { PatchcordError } from '../base/errors.ts';
import { isRecord, readCount } from './fields.ts';
import type { MediaMessage } from './media-scan.ts';

/** The JSON that Twilio, Plivo and Telnyx speak alike on their media sockets. */

export interface MalformedMessage {
  readonly type: 'malformed';
  readonly error: PatchcordError;
}

export function malformed(
  code: 'PATCHCORD_MESSAGE_BINARY' | 'PATCHCORD_MESSAGE_MALFORMED' | 'PATCHCORD_AUDIO_MALFORMED',
  what: string,
): MalformedMessage {
  return { type: 'malformed', error: new PatchcordError(code, what) };
}

/** The slow way to read what `media` holds; `scanMedia` takes most. `inbound`: the names of the caller's track. */
export function readMedia(media: unknown, inbound: readonly string[]): MediaMessage | MalformedMessage {
  if (!isRecord(media)) return malformed('PATCHCORD_MESSAGE_MALFORMED', '`media` is not an object');
  const { payload, track, timestamp, chunk } = media;
  if (typeof payload !== 'string')
    return malformed('PATCHCORD_MESSAGE_MALFORMED', '`media.payload` is not a string');
  const ascii = Buffer.from(payload, 'utf8');
  if (!isBase64(ascii)) return malformed('PATCHCORD_AUDIO_MALFORMED', '`media.payload` is not base64');
  return {
    type: 'media',
    inbound: typeof track !== 'string' || inbound.includes(track),
    audio: AudioChunk.fromBase64(ascii),
    timestampMs: readCount(timestamp),
    chunk: readCount(chunk),
  };
}

const mediaEnd = Buffer.from('"}}', 'latin1');

/** A whole text frame: `start`, which ends with the quote that opens the payload, the audio in base64, and the end. */
export function mediaFrame(start: Buffer, audio: AudioChunk): Buffer {
  const payload = audio.base64();
  const frame = Buffer.allocUnsafe(start.length + payload.length + mediaEnd.length);
  frame.set(start, 0);
  frame.set(payload, start.length);
  frame.set(mediaEnd, start.length + payload.length);
  return frame;
}

/** Bytes that live as long as a call: in Node's pool they would keep a slab of 64 kB from being freed. */
export function unpooled(text: string): Buffer {
  const bytes = Buffer.alloc(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}
