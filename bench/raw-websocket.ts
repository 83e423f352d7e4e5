/**
 * WebSocket framing by hand (RFC 6455 section 5), so that the load generator can send prebuilt buffers and
 * costs less than what it measures. Bytes in, bytes out: no sockets here.
 */

export const opcodes = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

/** Thrown when a peer breaks the framing rules. */
export class FramingError extends Error {
  override readonly name = 'FramingError';
}

/** Length of the header that announces `payloadBytes`, without a masking key. */
export function headerLength(payloadBytes: number): number {
  if (payloadBytes < 126) return 2;
  return payloadBytes < 65_536 ? 4 : 10;
}

/** Writes a final frame's header at the start of `target`; returns where the payload starts. */
export function writeHeader(
  target: Buffer,
  opcode: number,
  payloadBytes: number,
  maskKey?: Uint8Array,
): number {
  const maskBit = maskKey ? 0x80 : 0;
  let at = headerLength(payloadBytes);
  target[0] = 0x80 | opcode;
  if (payloadBytes < 126) {
    target[1] = maskBit | payloadBytes;
  } else if (payloadBytes < 65_536) {
    target[1] = maskBit | 126;
    target.writeUInt16BE(payloadBytes, 2);
  } else {
    target[1] = maskBit | 127;
    target.writeUInt32BE(Math.floor(payloadBytes / 2 ** 32), 2);
    target.writeUInt32BE(payloadBytes >>> 0, 6);
  }
  if (maskKey) {
    target.set(maskKey, at);
    at += 4;
  }
  return at;
}

/** XORs `length` bytes from `start` with the key, in place; masking and unmasking are the same. */
export function applyMask(bytes: Uint8Array, start: number, length: number, key: Uint8Array): void {
  const k0 = key[0] ?? 0;
  const k1 = key[1] ?? 0;
  const k2 = key[2] ?? 0;
  const k3 = key[3] ?? 0;
  const end = start + length;
  let at = start;
  for (; at + 3 < end; at += 4) {
    bytes[at] = (bytes[at] ?? 0) ^ k0;
    bytes[at + 1] = (bytes[at + 1] ?? 0) ^ k1;
    bytes[at + 2] = (bytes[at + 2] ?? 0) ^ k2;
    bytes[at + 3] = (bytes[at + 3] ?? 0) ^ k3;
  }
  for (let phase = 0; at < end; at++, phase++) bytes[at] = (bytes[at] ?? 0) ^ (key[phase] ?? 0);
}

/** One final frame. With a key the payload is masked, as a client must. */
export function encodeFrame(opcode: number, payload: string | Uint8Array, maskKey?: Uint8Array): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload) : payload;
  const frame = Buffer.allocUnsafe(headerLength(body.length) + (maskKey ? 4 : 0) + body.length);
  const at = writeHeader(frame, opcode, body.length, maskKey);
  frame.set(body, at);
  if (maskKey) applyMask(frame, at, body.length, maskKey);
  return frame;
}

/** Called per message or control frame. `payload` is valid only during the call. */
export type FrameHandler = (opcode: number, payload: Buffer) => void;

interface Header {
  readonly final: boolean;
  readonly opcode: number;
  readonly masked: boolean;
  readonly payloadStart: number;
  readonly end: number;
}

/** Cuts a byte stream into messages: joins split and fragmented frames and unmasks them. */
export class FrameReader {
  readonly #expectMasked: boolean;
  readonly #onFrame: FrameHandler;
  readonly #maxBytes: number;
  #rest: Buffer | undefined;
  #fragments: Buffer[] = [];
  #fragmentOpcode = 0;

  constructor(options: { expectMasked: boolean; onFrame: FrameHandler; maxBytes?: number }) {
    this.#expectMasked = options.expectMasked;
    this.#onFrame = options.onFrame;
    this.#maxBytes = options.maxBytes ?? 16 * 1024 * 1024;
  }

  /** Takes the next bytes of the stream. They may be unmasked in place. Throws `FramingError`. */
  push(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#rest) {
      bytes = Buffer.concat([this.#rest, chunk]);
      this.#rest = undefined;
    }
    let at = 0;
    while (at < bytes.length) {
      const header = this.#header(bytes, at);
      if (!header || header.end > bytes.length) break;
      this.#take(bytes, header);
      at = header.end;
    }
    if (at < bytes.length) this.#rest = Buffer.from(bytes.subarray(at));
  }

  #header(bytes: Buffer, at: number): Header | undefined {
    if (bytes.length - at < 2) return undefined;
    const first = bytes[at] ?? 0;
    const second = bytes[at + 1] ?? 0;
    if ((first & 0x70) !== 0) throw new FramingError('a reserved bit is set');
    const masked = (second & 0x80) !== 0;
    if (masked !== this.#expectMasked)
      throw new FramingError(masked ? 'frame is masked' : 'frame is not masked');
    const short = second & 0x7f;
    const lengthEnd = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
    const payloadStart = lengthEnd + (masked ? 4 : 0);
    if (bytes.length < payloadStart) return undefined;
    let length = short;
    if (short === 126) length = bytes.readUInt16BE(at + 2);
    else if (short === 127) length = bytes.readUInt32BE(at + 2) * 2 ** 32 + bytes.readUInt32BE(at + 6);
    if (length > this.#maxBytes) throw new FramingError(`frame of ${length} bytes is over the limit`);
    return {
      final: (first & 0x80) !== 0,
      opcode: first & 0x0f,
      masked,
      payloadStart,
      end: payloadStart + length,
    };
  }

  #take(bytes: Buffer, header: Header): void {
    const { payloadStart, end, opcode, final } = header;
    if (header.masked) {
      applyMask(bytes, payloadStart, end - payloadStart, bytes.subarray(payloadStart - 4, payloadStart));
    }
    const payload = bytes.subarray(payloadStart, end);
    if (opcode >= 0x8) {
      if (!final || payload.length > 125) throw new FramingError('a control frame is fragmented or too long');
      this.#onFrame(opcode, payload);
      return;
    }
    const continues = opcode === opcodes.continuation;
    if (continues !== this.#fragments.length > 0) throw new FramingError('fragments out of order');
    if (final && !continues) {
      this.#onFrame(opcode, payload);
      return;
    }
    if (!continues) this.#fragmentOpcode = opcode;
    this.#fragments.push(Buffer.from(payload));
    if (!final) return;
    const whole = Buffer.concat(this.#fragments);
    this.#fragments = [];
    this.#onFrame(this.#fragmentOpcode, whole);
  }
}
