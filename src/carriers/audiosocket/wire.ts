import { PatchcordError } from '../../base/errors.ts';
import { readDigit } from '../fields.ts';

/**
 * What Asterisk sends. Asterisk's documentation, "Channel Drivers - AudioSocket", section "Types"; the kinds are also
 * in its header `res_audiosocket.h`.
 */
export type AudioSocketMessage =
  | { readonly type: 'hang-up' }
  /** In canonical form: lower case, 8-4-4-4-12. */
  | { readonly type: 'uuid'; readonly uuid: string }
  | { readonly type: 'digit'; readonly digit: string }
  | SlinMessage
  /** `code`: the application's own, where it gave one. */
  | { readonly type: 'error'; readonly code: number | undefined }
  /** A kind that this version does not know; to be passed over. */
  | { readonly type: 'unknown'; readonly kind: number }
  | { readonly type: 'malformed'; readonly error: PatchcordError };

/** Signed linear, 16 bit, little-endian, mono: whole samples, maybe none. */
export interface SlinMessage {
  readonly type: 'audio';
  readonly sampleRate: number;
  /** A view of what was read from the socket. */
  readonly audio: Buffer;
}

const hangUpKind = 0x00;
const uuidKind = 0x01;
const digitKind = 0x03;
const errorKind = 0xff;

/** Documentation: "Types", 0x10 to 0x18. */
const sampleRates: ReadonlyMap<number, number> = new Map([
  [0x10, 8000],
  [0x11, 12_000],
  [0x12, 16_000],
  [0x13, 24_000],
  [0x14, 32_000],
  [0x15, 44_100],
  [0x16, 48_000],
  [0x17, 96_000],
  [0x18, 192_000],
]);

const headerBytes = 3;
const uuidBytes = 16;

/**
 * Cuts what a TCP connection brings into messages, wherever the network has cut it. Documentation: "Protocol
 * definition": a byte for the kind, two for the length of the payload, big-endian, and the payload. Holds one
 * unfinished frame at most, 65,538 bytes; the payload of a frame that came whole is not copied. Never throws but
 * what `each` throws.
 */
export class FrameReader {
  readonly #header = Buffer.alloc(headerBytes);
  /** Bytes of the unfinished frame, header included. */
  #have = 0;
  #payload: Buffer | undefined;

  /** What there is of the header of a frame that is not whole: up to three bytes. */
  get unfinished(): Buffer {
    return this.#header.subarray(0, Math.min(this.#have, headerBytes));
  }

  read(bytes: Buffer, each: (message: AudioSocketMessage) => void): void {
    let at = this.#have === 0 ? 0 : this.#finish(bytes, 0, each);
    while (bytes.length - at >= headerBytes) {
      const start = at + headerBytes;
      const end = start + bytes.readUInt16BE(at + 1);
      if (end > bytes.length) break;
      const kind = bytes.readUInt8(at);
      at = end;
      each(readFrame(kind, bytes.subarray(start, end)));
    }
    if (at < bytes.length) this.#finish(bytes, at, each);
  }

  /** Adds to the unfinished frame; gives the offset of what is not of it. */
  #finish(bytes: Buffer, start: number, each: (message: AudioSocketMessage) => void): number {
    let at = start;
    if (this.#have < headerBytes) {
      const copied = bytes.copy(this.#header, this.#have, at);
      this.#have += copied;
      at += copied;
      if (this.#have < headerBytes) return at;
    }
    this.#payload ??= Buffer.allocUnsafe(this.#header.readUInt16BE(1));
    const copied = bytes.copy(this.#payload, this.#have - headerBytes, at);
    this.#have += copied;
    at += copied;
    const payload = this.#payload;
    if (this.#have < headerBytes + payload.length) return at;
    this.#have = 0;
    this.#payload = undefined;
    each(readFrame(this.#header.readUInt8(0), payload));
    return at;
  }
}

/** Never throws. */
function readFrame(kind: number, payload: Buffer): AudioSocketMessage {
  switch (kind) {
    case hangUpKind:
      return { type: 'hang-up' };
    case uuidKind:
      return readUuid(payload);
    case digitKind: {
      const digit = readDigit(payload.toString('latin1', 0, 1));
      return digit === undefined
        ? malformed('PATCHCORD_MESSAGE_MALFORMED', 'a DTMF frame without a digit')
        : { type: 'digit', digit };
    }
    case errorKind:
      return { type: 'error', code: payload[0] };
    default: {
      const sampleRate = sampleRates.get(kind);
      if (sampleRate === undefined) return { type: 'unknown', kind };
      if (payload.length % 2 !== 0) {
        return malformed('PATCHCORD_AUDIO_MALFORMED', 'an odd number of bytes is not 16-bit audio');
      }
      return { type: 'audio', sampleRate, audio: payload };
    }
  }
}

/** Documentation: "Types", 0x01. The bytes stand in the order of the text. */
function readUuid(payload: Buffer): AudioSocketMessage {
  if (payload.length !== uuidBytes) {
    return malformed('PATCHCORD_MESSAGE_MALFORMED', `a UUID of ${payload.length} bytes`);
  }
  const hex = payload.toString('hex');
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)];
  return { type: 'uuid', uuid: parts.join('-') };
}

function malformed(
  code: 'PATCHCORD_MESSAGE_MALFORMED' | 'PATCHCORD_AUDIO_MALFORMED',
  what: string,
): AudioSocketMessage {
  return { type: 'malformed', error: new PatchcordError(code, what) };
}

/**
 * Why a connection cannot begin with a frame of this header, as far as that has come; undefined while it may be the UUID's.
 * What is no frame at all names a length that would be waited for.
 */
export function refuseOpening(header: Buffer): PatchcordError | undefined {
  const [kind, ...length] = header;
  if (kind === undefined) return undefined;
  if (kind !== uuidKind && kind !== hangUpKind) {
    return new PatchcordError('PATCHCORD_MESSAGE_ORDER', `a frame of kind ${kind} before the UUID`, { kind });
  }
  const right = kind === uuidKind ? [0, uuidBytes] : [0, 0];
  if (length.every((byte, at) => byte === right[at])) return undefined;
  const what = kind === uuidKind ? `a UUID of another length than ${uuidBytes}` : 'a hang-up with a payload';
  return new PatchcordError('PATCHCORD_MESSAGE_MALFORMED', what);
}

/** The UUID as frames name it; undefined where the text is none. */
export function canonicalUuid(text: string): string | undefined {
  const uuid = text.toLowerCase();
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid) ? uuid : undefined;
}

/** The kind of audio at a rate; undefined where AudioSocket has none. */
export function kindOfRate(sampleRate: number): number | undefined {
  for (const [kind, rate] of sampleRates) if (rate === sampleRate) return kind;
  return undefined;
}

/**
 * One frame of audio, header and payload in one piece: Asterisk gives the rest of a frame 5 ms. `audio`: 1 to 65,535
 * bytes, for Asterisk ends a call at a frame without any.
 */
export function audioFrame(kind: number, audio: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(headerBytes + audio.length);
  frame.writeUInt8(kind, 0);
  frame.writeUInt16BE(audio.length, 1);
  frame.set(audio, headerBytes);
  return frame;
}

/** Documentation: "Types", 0x00. */
export function hangUpFrame(): Buffer {
  return Buffer.alloc(headerBytes);
}
