import type { Writable } from 'node:stream';
import { type RawData, WebSocket } from 'ws';
import type { Clock, Timeout } from '../base/clock.ts';
import { type ErrorCode, PatchcordError } from '../base/errors.ts';
import { serverFrameBytes, writeServerFrame } from '../base/websocket-frame.ts';
import type { LegEnd } from '../call/leg.ts';
import { FloodGauge, type FloodLimits } from './flood-gauge.ts';
import { MalformedGauge, type MalformedLimits } from './malformed-gauge.ts';

/** A flood closes the socket, as does one malformed frame too many. */
export interface MediaSocketLimits extends FloodLimits, MalformedLimits {
  /** From the upgrade to `opened`. */
  readonly startDeadlineMs: number;
  /** How long a peer may take to answer our close. */
  readonly closeDeadlineMs: number;
  /** Bytes that may wait for a peer that does not read. */
  readonly backlogBytes: number;
}

/** Real time is 50 messages and about 20 kB a second: the flood limits are five times that over four seconds. */
export const mediaSocketLimits: MediaSocketLimits = {
  startDeadlineMs: 10_000,
  closeDeadlineMs: 3_000,
  malformedFrames: 10,
  malformedWindowMs: 60_000,
  floodMessages: 1_000,
  floodBytes: 400_000,
  floodWindowMs: 4_000,
  backlogBytes: 4_194_304,
};

/** RFC 6455, section 7.4.1. */
export const closeCodes = {
  normal: 1000,
  unsupportedData: 1003,
  invalidPayload: 1007,
  policy: 1008,
} as const;

const closeCodeOf: Partial<Record<ErrorCode, number>> = {
  PATCHCORD_MESSAGE_BINARY: closeCodes.unsupportedData,
  PATCHCORD_MESSAGE_TEXT: closeCodes.unsupportedData,
  PATCHCORD_AUDIO_FORMAT: closeCodes.unsupportedData,
  PATCHCORD_MESSAGE_MALFORMED: closeCodes.invalidPayload,
  PATCHCORD_AUDIO_MALFORMED: closeCodes.invalidPayload,
};

/** What a socket tells the carrier's stream that owns it. `ended` comes once and last, but not for a `close` of one's own. */
export interface MediaSocketOwner {
  /** A whole message, within the limits. Not called any more once the socket is closing. */
  message(data: Buffer, isBinary: boolean): void;
  ended(end: LegEnd): void;
  /** What it means that the peer closed the socket with this code; unless given, that the connection was lost. */
  endOfClose?(code: number): LegEnd;
}

export interface MediaSocketHost {
  readonly clock: Clock;
  /** Counts and logs what a peer did wrong. */
  refused(error: PatchcordError, fields: Readonly<Record<string, unknown>>): void;
}

/** The connection below a WebSocket, as far as frames are written to it. */
export type Transport = Pick<Writable, 'write' | 'writableLength'>;

/**
 * One media WebSocket from its upgrade to its close: its deadlines, limits and close codes, whatever is spoken on it.
 * Owns the socket and its timers.
 */
export class MediaSocket {
  readonly #socket: WebSocket;
  readonly #transport: Transport;
  readonly #host: MediaSocketHost;
  readonly #limits: MediaSocketLimits;
  readonly #flood: FloodGauge;
  readonly #malformed: MalformedGauge;
  readonly #closed: Promise<void>;
  #owner: MediaSocketOwner | undefined;
  #state: 'opening' | 'open' | 'closing' | 'closed' = 'opening';
  #timer: Timeout | undefined;
  /** Text that leaves with the next frame, at the latest at the end of this turn of the event loop. */
  #waiting: (Buffer | string)[] = [];
  #carrierCallId: string | undefined;
  #unread = false;

  /** `transport`: the connection below the WebSocket, to which frames are written whole. */
  constructor(
    socket: WebSocket,
    transport: Transport,
    host: MediaSocketHost,
    owner: MediaSocketOwner,
    limits = mediaSocketLimits,
  ) {
    this.#socket = socket;
    this.#transport = transport;
    this.#host = host;
    this.#owner = owner;
    this.#limits = limits;
    this.#flood = new FloodGauge(host.clock, limits);
    this.#malformed = new MalformedGauge(host.clock, limits);
    this.#timer = host.clock.setTimeout(() => this.#startOverdue(), limits.startDeadlineMs);
    socket.on('message', this.#onMessage);
    socket.on('error', this.#onError);
    this.#closed = new Promise((resolve) => {
      socket.once('close', (code: number) => {
        this.#onClose(code);
        resolve();
      });
    });
  }

  /** Neither closing nor closed. */
  get isOpen(): boolean {
    return this.#state === 'opening' || this.#state === 'open';
  }

  /** Settles when the socket is closed. */
  get closed(): Promise<void> {
    return this.#closed;
  }

  /**
   * The peer has said whose media this is, `carrierCallId` where the carrier's own log lines do not name it: the start
   * deadline is kept, and single malformed frames are passed over.
   */
  opened(carrierCallId?: string): void {
    if (this.#state !== 'opening') return;
    this.#carrierCallId = carrierCallId;
    this.#state = 'open';
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Writes a message now; `binary` says what a Buffer is, a string is always text. */
  send(message: Buffer | string, binary = false): void {
    if (this.isOpen && !this.#unread) this.#write(message, binary);
  }

  /** The same for what is in no hurry, such as marks: it leaves with what is sent next, or after this turn. */
  sendAlong(message: Buffer | string): void {
    if (!this.isOpen || this.#unread) return;
    this.#waiting.push(message);
    if (this.#waiting.length === 1) process.nextTick(this.#afterTurn);
  }

  /** What waits leaves now. */
  flush(): void {
    if (this.#waiting.length > 0) this.#write(undefined, false);
  }

  /** The message of now was asked for by us, such as a returned mark: it does not count as flood. */
  forgive(bytes: number): void {
    this.#flood.forgive(bytes);
  }

  /** One bad frame must not cost a call, but before `opened` and in numbers it is no carrier that speaks. */
  malformed(error: PatchcordError): void {
    if (this.#state === 'opening' && error.code === 'PATCHCORD_AUDIO_MALFORMED') {
      // Whatever is wrong with audio, here it is too early.
      this.refuse(new PatchcordError('PATCHCORD_MESSAGE_ORDER', 'audio before start'));
      return;
    }
    const passesOver = this.#malformed.passesOver();
    const tolerated =
      passesOver && this.#state === 'open' && closeCodeOf[error.code] !== closeCodes.unsupportedData;
    if (tolerated) this.#refused(error, { closed: false });
    else this.refuse(error);
  }

  /** Ends the socket because of what the peer did. */
  refuse(error: PatchcordError): void {
    if (!this.isOpen) return;
    const closeCode = closeCodeOf[error.code] ?? closeCodes.policy;
    this.#refused(error, { closed: true, closeCode });
    this.#end({ reason: 'protocol-error', error }, closeCode, error.code);
  }

  /** The peer's orderly end, as its protocol tells it: the owner is told. */
  finished(end: LegEnd): void {
    this.#end(end, closeCodes.normal, '');
  }

  /** The owner's own, orderly end, so it is not told. Settles when the socket is closed, at the latest after the close deadline. */
  close(closeCode: number = closeCodes.normal, reason = ''): Promise<void> {
    this.#owner = undefined;
    this.#end({ reason: 'hung-up' }, closeCode, reason);
    return this.#closed;
  }

  readonly #onMessage = (data: RawData, isBinary: boolean): void => {
    if (!this.isOpen) return;
    // `ws` gives a Buffer for every message of a socket whose binaryType was left alone.
    if (!Buffer.isBuffer(data)) return;
    if (this.#flood.floods(1, data.length)) {
      this.refuse(new PatchcordError('PATCHCORD_PEER_FLOOD'));
      return;
    }
    this.#owner?.message(data, isBinary);
  };

  #startOverdue(): void {
    const waitedMs = this.#limits.startDeadlineMs;
    this.refuse(new PatchcordError('PATCHCORD_MESSAGE_ORDER', `no start within ${waitedMs} ms`));
  }

  /** What `ws` itself finds wrong; it sends the close frame (1002, 1007, 1009) on its own. */
  readonly #onError = (thrown: Error): void => {
    const code = 'code' in thrown ? String(thrown.code) : '';
    if (!code.startsWith('WS_ERR')) {
      this.#end({ reason: 'connection-lost' }, undefined, '');
      return;
    }
    const error = new PatchcordError(
      code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'
        ? 'PATCHCORD_MESSAGE_TOO_LARGE'
        : 'PATCHCORD_MESSAGE_MALFORMED',
      thrown.message,
    );
    if (this.isOpen) this.#refused(error, { closed: true });
    this.#end({ reason: 'protocol-error', error }, undefined, '');
  };

  #onClose(code: number): void {
    this.#end(this.#owner?.endOfClose?.(code) ?? { reason: 'connection-lost' }, undefined, '');
    this.#state = 'closed';
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#socket.off('message', this.#onMessage);
    this.#socket.off('error', this.#onError);
  }

  #end(end: LegEnd, closeCode: number | undefined, reason: string): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    this.#state = 'closing';
    this.flush();
    this.#timer?.cancel();
    this.#timer = this.#host.clock.setTimeout(() => this.#socket.terminate(), this.#limits.closeDeadlineMs);
    if (closeCode !== undefined) this.#socket.close(closeCode, reason);
    const owner = this.#owner;
    this.#owner = undefined;
    owner?.ended(end);
  }

  /** Which call it was can be told once its peer has said so. */
  #refused(error: PatchcordError, fields: Readonly<Record<string, unknown>>): void {
    const id = this.#carrierCallId;
    this.#host.refused(error, id === undefined ? fields : { ...fields, carrierCallId: id });
  }

  readonly #afterTurn = (): void => this.flush();

  /** What waits, and the message behind it, in one piece: one system call. */
  #write(message: Buffer | string | undefined, binary: boolean): void {
    const waiting = this.#waiting;
    if (waiting.length > 0) this.#waiting = [];
    // A connection that is closing takes no more; its close event, not this call, ends the leg.
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    let bytes = message === undefined ? 0 : serverFrameBytes(lengthOf(message));
    for (const text of waiting) bytes += serverFrameBytes(lengthOf(text));
    const frames = Buffer.allocUnsafe(bytes);
    let at = 0;
    for (const text of waiting) at = writeServerFrame(text, false, frames, at);
    if (message !== undefined) writeServerFrame(message, binary, frames, at);
    this.#transport.write(frames);
    if (this.#transport.writableLength <= this.#limits.backlogBytes) return;
    // The peer does not read.
    this.#unread = true;
    this.#socket.terminate();
  }
}

function lengthOf(message: Buffer | string): number {
  return typeof message === 'string' ? Buffer.byteLength(message) : message.length;
}
