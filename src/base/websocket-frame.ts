import { randomFillSync } from 'node:crypto';

/** The layout of a WebSocket frame: RFC 6455, section 5.2. */
export const fin = 0x80;
export const opcodeBits = 0x0f;
export const continuationFrame = 0;
export const textFrame = 1;
export const binaryFrame = 2;
export const firstControlFrame = 8;
export const closeFrame = 8;
export const maskBit = 0x80;
export const lengthBits = 0x7f;
/** Marks of a length of two and of eight bytes behind it. */
export const length16 = 126;
export const length64 = 127;
const maxLength16 = 0xffff;
const maskingKeyBytes = 4;

/** Masks or unmasks the bytes from `start` to `end` by the four before them (section 5.3). */
export function mask(bytes: Uint8Array, start: number, end: number): void {
  const a = bytes[start - 4] as number;
  const b = bytes[start - 3] as number;
  const c = bytes[start - 2] as number;
  const d = bytes[start - 1] as number;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    bytes[at] = (bytes[at] as number) ^ a;
    bytes[at + 1] = (bytes[at + 1] as number) ^ b;
    bytes[at + 2] = (bytes[at + 2] as number) ^ c;
    bytes[at + 3] = (bytes[at + 3] as number) ^ d;
  }
  if (at < end) bytes[at] = (bytes[at] as number) ^ a;
  if (at + 1 < end) bytes[at + 1] = (bytes[at + 1] as number) ^ b;
  if (at + 2 < end) bytes[at + 2] = (bytes[at + 2] as number) ^ c;
}

/** Bytes of a server's frame around a message of `length` bytes. */
export function serverFrameBytes(length: number): number {
  return headerBytes(length) + length;
}

/** Writes a message as one frame of a server, unmasked, into `to` at `at`; returns the offset behind it. */
export function writeServerFrame(message: Buffer | string, binary: boolean, to: Buffer, at: number): number {
  if (typeof message !== 'string') {
    const start = writeHeader(to, at, binary ? binaryFrame : textFrame, message.length, 0);
    to.set(message, start);
    return start + message.length;
  }
  const start = writeHeader(to, at, textFrame, Buffer.byteLength(message), 0);
  return start + to.write(message, start);
}

/** Writes the frames of a client, each masked with a key that nobody can foresee (section 5.3). */
export class ClientFrames {
  // Filled anew when it is used up: the system's generator is too slow to be asked for every frame.
  readonly #keys = Buffer.alloc(4096);
  #next = this.#keys.length;

  /** One text frame of UTF-8, of the pieces put together. */
  text(head: Buffer, body: Buffer = nothing, tail: Buffer = nothing): Buffer {
    const length = head.length + body.length + tail.length;
    const frame = Buffer.allocUnsafe(headerBytes(length) + maskingKeyBytes + length);
    const key = writeHeader(frame, 0, textFrame, length, maskBit);
    const start = key + maskingKeyBytes;
    this.#writeKey(frame, key);
    frame.set(head, start);
    if (body.length > 0) frame.set(body, start + head.length);
    if (tail.length > 0) frame.set(tail, start + head.length + body.length);
    mask(frame, start, frame.length);
    return frame;
  }

  #writeKey(frame: Buffer, at: number): void {
    const keys = this.#keys;
    if (this.#next === keys.length) {
      randomFillSync(keys);
      this.#next = 0;
    }
    const next = this.#next;
    frame[at] = keys[next] as number;
    frame[at + 1] = keys[next + 1] as number;
    frame[at + 2] = keys[next + 2] as number;
    frame[at + 3] = keys[next + 3] as number;
    this.#next = next + maskingKeyBytes;
  }
}

const nothing = Buffer.alloc(0);

function headerBytes(length: number): number {
  if (length < length16) return 2;
  return length <= maxLength16 ? 4 : 10;
}

/** Returns the offset behind the header, masking key not included. */
function writeHeader(to: Buffer, at: number, opcode: number, length: number, masked: number): number {
  to[at] = fin | opcode;
  if (length < length16) {
    to[at + 1] = masked | length;
    return at + 2;
  }
  if (length <= maxLength16) {
    to[at + 1] = masked | length16;
    to[at + 2] = length >>> 8;
    to[at + 3] = length & 0xff;
    return at + 4;
  }
  to[at + 1] = masked | length64;
  to.writeUInt32BE(Math.floor(length / 2 ** 32), at + 2);
  to.writeUInt32BE(length >>> 0, at + 6);
  return at + 10;
}
