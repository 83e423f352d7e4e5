import type { Writable } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import type { Clock, Timeout } from '../base/clock.ts';
import { type ErrorCode, PatchcordError } from '../base/errors.ts';
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

const asText = { binary: false } as const;
const asBinary = { binary: true } as const;

/**
 * One media WebSocket from its upgrade to its close: its deadlines, limits and close codes, whatever is spoken on it.
 * Owns the socket and its timers.
 */
export class MediaSocket {
  readonly #socket: WebSocket;
  readonly #transport: Pick<Writable, 'cork' | 'uncork'>;
  readonly #host: MediaSocketHost;
  readonly #limits: MediaSocketLimits;
  readonly #flood: FloodGauge;
  readonly #malformed: MalformedGauge;
  readonly #closed: Promise<void>;
  #owner: MediaSocketOwner | undefined;
  #state: 'opening' | 'open' | 'closing' | 'closed' = 'opening';
  #timer: Timeout | undefined;
  #corked = false;
  #carrierCallId: string | undefined;
  #unread = false;

  /** `transport`: the connection below the WebSocket, held back so that frames written together leave together. */
  constructor(
    socket: WebSocket,
    transport: Pick<Writable, 'cork' | 'uncork'>,
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

  /** Writes a message; what is written in one turn of the event loop leaves together. */
  send(frame: Buffer | string, binary = false): void {
    if (!this.isOpen || this.#unread) return;
    if (!this.#corked) {
      this.#transport.cork();
      this.#corked = true;
      process.nextTick(this.#uncork);
    }
    this.#socket.send(frame, binary ? asBinary : asText);
    if (this.#socket.bufferedAmount <= this.#limits.backlogBytes) return;
    // The peer does not read; its close event, not this call, ends the leg.
    this.#unread = true;
    this.#socket.terminate();
  }

  /** What was held back in this turn of the event loop leaves now. */
  flush(): void {
    this.#uncork();
  }

  /** The message of now was asked for by us, such as a returned mark: it does not count as flood. */
  forgive(bytes: number): void {
    this.#flood.forgive(bytes);
  }

  /** One bad frame must not cost a call, but before `opened` and in numbers it is no carrier that speaks. */
  malformed(error: PatchcordError): void {
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
    if (this.#state !== 'opening' && this.#state !== 'open') return;
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
    this.#uncork();
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

  readonly #uncork = (): void => {
    if (!this.#corked) return;
    this.#corked = false;
    this.#transport.uncork();
  };
}
