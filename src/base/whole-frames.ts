import { isUtf8 } from 'node:buffer';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import {
  binaryFrame,
  closeFrame,
  continuationFrame,
  fin,
  firstControlFrame,
  length16,
  length64,
  lengthBits,
  mask,
  maskBit,
  opcodeBits,
  textFrame,
} from './websocket-frame.ts';

export interface WholeFramesOptions {
  /** Which end of the WebSocket we are: clients mask what they send, servers do not (RFC 6455, section 5.1). */
  readonly role: 'server' | 'client';
  /** Longer messages are left to `ws`, which has its own limit. */
  readonly maxBytes: number;
}

/**
 * A short cut on a WebSocket's way in. Nearly all that media sockets carry is whole messages of one frame, one or more
 * to a read; these are unmasked where they lie and given to the `message` listeners at once. Everything else (a message
 * in pieces, control frames, whatever breaks the protocol) goes to `ws` untouched, which stays the one that
 * knows the protocol. Both see one order: from the first byte that is not for the short cut, the rest of a read is for
 * `ws`, and the short cut counts along until it is at the beginning of a message again.
 *
 * To be called when the socket has opened and before anything is read. Where `ws` does not listen as expected, nothing
 * is changed.
 */
export function readWholeFrames(socket: WebSocket, transport: Duplex, options: WholeFramesOptions): void {
  const listeners = transport.listeners('data');
  const [pass] = listeners;
  if (listeners.length !== 1 || pass === undefined) return;
  const frames = new WholeFrames(socket, (bytes) => void pass.call(transport, bytes), options);
  transport.off('data', pass as (chunk: Buffer) => void);
  transport.on('data', frames.read);
  // `ws` reads no further either.
  socket.once('error', () => transport.off('data', frames.read));
}

type MessageListener = (this: WebSocket, message: Buffer, isBinary: boolean) => void;

class WholeFrames {
  readonly #socket: WebSocket;
  readonly #pass: (bytes: Buffer) => void;
  readonly #maskBit: number;
  readonly #maxBytes: number;
  /** Bytes that `ws` still has to get of the frame that it is reading. */
  #owed = 0;
  /** What `ws` has got of a header whose length can't be read yet. */
  #header: Buffer | undefined;
  /** `ws` holds the beginning of a message whose end is to come. */
  #inMessage = false;
  /** `ws` is reading the peer's close frame, or has read it. */
  #closing = false;
  /** The only one who listens to messages, while there is only one: to ask the emitter for every frame takes longer. */
  #listener: MessageListener | undefined;

  constructor(socket: WebSocket, pass: (bytes: Buffer) => void, { role, maxBytes }: WholeFramesOptions) {
    this.#socket = socket;
    this.#pass = pass;
    this.#maskBit = role === 'server' ? maskBit : 0;
    this.#maxBytes = maxBytes;
    const forget = (): void => {
      this.#listener = undefined;
    };
    socket.on('newListener', forget);
    socket.on('removeListener', forget);
  }

  readonly read = (chunk: Buffer): void => {
    if (this.#isOver) return;
    let at = 0;
    if (this.#owed === 0 && this.#header === undefined && !this.#inMessage) {
      while (at < chunk.length) {
        const next = this.#take(chunk, at);
        if (next < 0) break;
        at = next;
      }
      if (at === chunk.length) return;
    }
    const rest = at === 0 ? chunk : chunk.subarray(at);
    this.#countAlong(rest);
    this.#pass(rest);
  };

  /** The peer's close frame is read: what comes behind it concerns nobody. */
  get #isOver(): boolean {
    return this.#closing && this.#owed === 0;
  }

  /** Gives the message that begins at `start` to its listeners; the offset behind it, or -1 when it is for `ws`. */
  #take(chunk: Buffer, start: number): number {
    const first = chunk[start] as number;
    const isText = first === (fin | textFrame);
    if ((!isText && first !== (fin | binaryFrame)) || start + 2 > chunk.length) return -1;
    const second = chunk[start + 1] as number;
    if ((second & maskBit) !== this.#maskBit) return -1;
    let at = start + 2;
    let length = second & lengthBits;
    if (length === length16) {
      if (start + 4 > chunk.length) return -1;
      length = ((chunk[start + 2] as number) << 8) | (chunk[start + 3] as number);
      at = start + 4;
    } else if (length === length64) return -1;
    if (this.#maskBit !== 0) at += 4;
    const end = at + length;
    if (end > chunk.length || length > this.#maxBytes) return -1;
    if (this.#maskBit !== 0) mask(chunk, at, end);
    const message = chunk.subarray(at, end);
    if (isText && !isUtf8(message)) {
      // For `ws` to see as it came.
      if (this.#maskBit !== 0) mask(chunk, at, end);
      return -1;
    }
    this.#tell(message, !isText);
    return end;
  }

  /** As the emitter would. */
  #tell(message: Buffer, isBinary: boolean): void {
    const socket = this.#socket;
    if (this.#listener === undefined) {
      const listeners = socket.rawListeners('message') as MessageListener[];
      if (listeners.length !== 1) {
        socket.emit('message', message, isBinary);
        return;
      }
      this.#listener = listeners[0] as MessageListener;
    }
    this.#listener.call(socket, message, isBinary);
  }

  /** Follows the frames in `bytes`, which are for `ws`. */
  #countAlong(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#owed > 0) {
        const step = Math.min(this.#owed, bytes.length - at);
        this.#owed -= step;
        at += step;
        if (this.#isOver) return;
        continue;
      }
      const known = this.#header;
      const header = known === undefined ? bytes.subarray(at, at + maxHeader) : joined(known, bytes, at);
      const length = frameLength(header);
      if (length === undefined) {
        // A copy: the read's own buffer is not to be kept for it.
        this.#header = Buffer.from(header);
        return;
      }
      this.#header = undefined;
      this.#note(header[0] as number);
      this.#owed = length - (known?.length ?? 0);
    }
  }

  #note(first: number): void {
    const opcode = first & opcodeBits;
    if (opcode === closeFrame) this.#closing = true;
    if (opcode >= firstControlFrame) return;
    if (opcode === continuationFrame || (first & fin) === 0) this.#inMessage = (first & fin) === 0;
  }
}

/** Two bytes, the longest length and the mask. */
const maxHeader = 14;

function joined(head: Buffer, bytes: Buffer, at: number): Buffer {
  return Buffer.concat([head, bytes.subarray(at, at + maxHeader - head.length)]);
}

/** Header and payload of the frame that begins with these bytes; undefined while its length is not among them. */
function frameLength(header: Buffer): number | undefined {
  if (header.length < 2) return undefined;
  const second = header[1] as number;
  const maskBytes = (second & maskBit) === 0 ? 0 : 4;
  const short = second & lengthBits;
  if (short < length16) return 2 + maskBytes + short;
  if (short === length16) return header.length < 4 ? undefined : 4 + maskBytes + header.readUInt16BE(2);
  if (header.length < 10) return undefined;
  return 10 + maskBytes + header.readUInt32BE(2) * 2 ** 32 + header.readUInt32BE(6);
}
