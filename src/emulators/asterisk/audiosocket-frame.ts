/**
 * AudioSocket as Asterisk speaks it. Every frame is a kind, a length of two bytes (big-endian) and that many bytes.
 * Asterisk documentation, "AudioSocket", section "Protocol"; the kinds are those of Asterisk's `res_audiosocket.h`.
 */
const kinds = { hangUp: 0x00, uuid: 0x01, digit: 0x03 } as const;

/** Kind of signed 16-bit little-endian audio, by its samples per second. */
const audioKinds: ReadonlyMap<number, number> = new Map([
  [8000, 0x10],
  [12_000, 0x11],
  [16_000, 0x12],
  [24_000, 0x13],
  [32_000, 0x14],
  [44_100, 0x15],
  [48_000, 0x16],
  [96_000, 0x17],
  [192_000, 0x18],
]);

const headerBytes = 3;
const maxPayloadBytes = 65_535;

/** The kind of audio at this rate; undefined where AudioSocket has none. */
export function audioKind(sampleRate: number): number | undefined {
  return audioKinds.get(sampleRate);
}

/** Samples per second of a kind of audio; undefined for every other kind. */
export function rateOfKind(kind: number): number | undefined {
  for (const [rate, of] of audioKinds) if (of === kind) return rate;
  return undefined;
}

/** The first frame: whose audio follows. `uuid` is in the form 8-4-4-4-12. */
export function uuidFrame(uuid: string): Buffer {
  return frame(kinds.uuid, Buffer.from(uuid.replaceAll('-', ''), 'hex'));
}

export function digitFrame(digit: string): Buffer {
  return frame(kinds.digit, Buffer.from(digit, 'latin1'));
}

export function audioFrame(kind: number, audio: Uint8Array): Buffer {
  return frame(kind, audio);
}

/** Asterisk itself never sends it: it just closes. Gateways do. */
export function hangUpFrame(): Buffer {
  return frame(kinds.hangUp, Buffer.alloc(0));
}

export function frame(kind: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(headerBytes + payload.length);
  bytes.writeUInt8(kind, 0);
  bytes.writeUInt16BE(Math.min(payload.length, maxPayloadBytes), 1);
  bytes.set(payload, headerBytes);
  return bytes;
}

/** What a gateway sent. After `hang-up` and `fatal` Asterisk reads no more. */
export type GatewayFrame =
  | { readonly type: 'audio'; readonly sampleRate: number; readonly audio: Buffer }
  | { readonly type: 'hang-up' }
  | { readonly type: 'fatal'; readonly violation: 'forbidden-kind' | 'empty-audio'; readonly detail: string };

/**
 * Takes what a gateway writes apart. Asterisk, `res_audiosocket.c`, receiving a frame: a hang-up ends the session
 * whatever its length; of the rest only audio is taken, and none of length 0. Never throws.
 */
export class GatewayFrameReader {
  #held: Buffer = Buffer.alloc(0);
  #over = false;

  /** The frames that are complete with these bytes. */
  read(bytes: Buffer): GatewayFrame[] {
    const frames: GatewayFrame[] = [];
    let rest = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    while (!this.#over && rest.length >= headerBytes) {
      const found = this.#next(rest);
      if (found === undefined) break;
      frames.push(found.frame);
      rest = rest.subarray(found.length);
    }
    // A copy: the memory of a read belongs to the socket.
    this.#held = this.#over || rest.length === 0 ? Buffer.alloc(0) : Buffer.from(rest);
    return frames;
  }

  /** A header has come, and its payload only in part or not at all: Asterisk waits for the rest no longer than 5 ms. */
  get waitsForPayload(): boolean {
    return this.#held.length >= headerBytes;
  }

  /** Bytes of a frame that has not come whole. */
  get heldBytes(): number {
    return this.#held.length;
  }

  #next(rest: Buffer): { readonly frame: GatewayFrame; readonly length: number } | undefined {
    const kind = rest.readUInt8(0);
    const length = rest.readUInt16BE(1);
    if (kind === kinds.hangUp) return this.#last({ type: 'hang-up' });
    const sampleRate = rateOfKind(kind);
    if (sampleRate === undefined) {
      const detail = `kind 0x${kind.toString(16).padStart(2, '0')}`;
      return this.#last({ type: 'fatal', violation: 'forbidden-kind', detail });
    }
    if (length === 0) {
      return this.#last({ type: 'fatal', violation: 'empty-audio', detail: 'audio of length 0' });
    }
    const end = headerBytes + length;
    if (rest.length < end) return undefined;
    const audio = Buffer.from(rest.subarray(headerBytes, end));
    return { frame: { type: 'audio', sampleRate, audio }, length: end };
  }

  #last(frame: GatewayFrame): { readonly frame: GatewayFrame; readonly length: number } {
    this.#over = true;
    return { frame, length: headerBytes };
  }
}
