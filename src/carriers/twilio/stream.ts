import type { Writable } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import type { AudioChunk } from '../../audio/chunk.ts';
import type { Clock, Timeout } from '../../base/clock.ts';
import { type ErrorCode, PatchcordError } from '../../base/errors.ts';
import type { LegEnd } from '../../call/leg.ts';
import { readMessage, type StartMessage, type TwilioMessage, TwilioWriter } from './wire.ts';

/** What an opened stream tells the leg that owns it. `streamEnded` comes once and last. */
export interface StreamOwner {
  streamOpened(): void;
  callerAudio(audio: AudioChunk, timestampMs: number | undefined): void;
  callerDigit(digit: string): void;
  markPlayed(name: string): void;
  streamEnded(end: LegEnd): void;
}

export interface StreamHost {
  readonly clock: Clock;
  /** Finds the leg whose media this is; the error to refuse the stream with otherwise. */
  claim(start: StartMessage, stream: TwilioStream): StreamOwner | PatchcordError;
  refused(error: PatchcordError, fields: Readonly<Record<string, unknown>>): void;
}

export interface StreamLimits {
  /** From the upgrade to `start`. */
  readonly startDeadlineMs: number;
  /** How long a peer may take to answer our close. */
  readonly closeDeadlineMs: number;
  /** Malformed frames that are passed over within `malformedWindowMs`; one more closes the stream. */
  readonly malformedFrames: number;
  readonly malformedWindowMs: number;
  /** More messages or bytes than these within `floodWindowMs` close the stream. */
  readonly floodMessages: number;
  readonly floodBytes: number;
  readonly floodWindowMs: number;
  /** Bytes that may wait for a peer that does not read. */
  readonly backlogBytes: number;
}

/** Real time is 50 messages and about 20 kB a second: the flood limits are five times that over four seconds. */
export const streamLimits: StreamLimits = {
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
const closeCodes = {
  normal: 1000,
  unsupportedData: 1003,
  invalidPayload: 1007,
  policy: 1008,
} as const;

const closeCodeOf: Partial<Record<ErrorCode, number>> = {
  PATCHCORD_MESSAGE_BINARY: closeCodes.unsupportedData,
  PATCHCORD_AUDIO_FORMAT: closeCodes.unsupportedData,
  PATCHCORD_MESSAGE_MALFORMED: closeCodes.invalidPayload,
  PATCHCORD_AUDIO_MALFORMED: closeCodes.invalidPayload,
};

/** A returned mark is our own name in an envelope of some hundred bytes; anything longer counts as flood. */
const maxReturnedMarkBytes = 1024;

const asText = { binary: false } as const;

/** One media WebSocket from its upgrade to its close: order, limits and close codes. Owns the socket and its timers. */
export class TwilioStream {
  readonly #socket: WebSocket;
  readonly #transport: Pick<Writable, 'cork' | 'uncork'>;
  readonly #host: StreamHost;
  readonly #limits: StreamLimits;
  readonly #closed: Promise<void>;
  #timer: Timeout | undefined;
  #state: 'opening' | 'open' | 'closing' | 'closed' = 'opening';
  #owner: StreamOwner | undefined;
  #writer: TwilioWriter | undefined;
  #corked = false;
  #malformed = 0;
  #malformedSince = 0;
  #messages = 0;
  #bytes = 0;
  /** Marks that we sent and that have not come back: a `clear` returns all of them at once. */
  #marksOut = 0;
  #countingSince: number;

  /** `transport`: the connection below the WebSocket, held back so that frames written together leave together. */
  constructor(
    socket: WebSocket,
    transport: Pick<Writable, 'cork' | 'uncork'>,
    host: StreamHost,
    limits = streamLimits,
  ) {
    this.#socket = socket;
    this.#transport = transport;
    this.#host = host;
    this.#limits = limits;
    this.#countingSince = host.clock.now();
    this.#timer = host.clock.setTimeout(() => this.#startOverdue(), limits.startDeadlineMs);
    socket.on('message', this.#onMessage);
    socket.on('error', this.#onError);
    this.#closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#onClose();
        resolve();
      });
    });
  }

  play(audio: AudioChunk): void {
    if (this.#writer !== undefined) this.#send(this.#writer.media(audio));
  }

  mark(name: string): void {
    if (this.#writer === undefined) return;
    this.#marksOut += 1;
    this.#send(this.#writer.mark(name));
  }

  /** Leaves no frame behind: what was held back is written now, and the `clear` after it. */
  clear(): void {
    if (this.#writer === undefined) return;
    this.#send(this.#writer.clear());
    this.#uncork();
  }

  /** The leg's own, orderly end, so it is not told. Settles when the socket is closed, at the latest after the close deadline. */
  close(): Promise<void> {
    this.#owner = undefined;
    this.#end({ reason: 'hung-up' }, closeCodes.normal, '');
    return this.#closed;
  }

  readonly #onMessage = (data: RawData, isBinary: boolean): void => {
    if (this.#state !== 'opening' && this.#state !== 'open') return;
    // `ws` gives a Buffer for every message of a socket whose binaryType was left alone.
    if (!Buffer.isBuffer(data)) return;
    const message = readMessage(data, isBinary);
    if (!this.#isOwnMark(message, data.length) && this.#floods(data.length)) {
      this.#refuse(new PatchcordError('PATCHCORD_PEER_FLOOD'));
      return;
    }
    if (message.type === 'malformed') {
      this.#onMalformed(message.error);
      return;
    }
    if (this.#owner === undefined) this.#opening(message);
    else this.#handle(message, this.#owner);
  };

  #opening(message: TwilioMessage): void {
    switch (message.type) {
      case 'connected':
      case 'unknown':
        return;
      case 'start':
        this.#start(message);
        return;
      default:
        this.#refuse(new PatchcordError('PATCHCORD_MESSAGE_ORDER', `${message.type} before start`));
    }
  }

  #start(message: StartMessage): void {
    const owner = this.#host.claim(message, this);
    if (owner instanceof PatchcordError) {
      this.#refuse(owner);
      return;
    }
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#owner = owner;
    this.#writer = new TwilioWriter(message.streamSid);
    this.#state = 'open';
    owner.streamOpened();
  }

  #handle(message: TwilioMessage, owner: StreamOwner): void {
    switch (message.type) {
      case 'media':
        if (message.inbound) owner.callerAudio(message.audio, message.timestampMs);
        return;
      case 'mark':
        owner.markPlayed(message.name);
        return;
      case 'dtmf':
        owner.callerDigit(message.digit);
        return;
      case 'stop':
        this.#end({ reason: 'hung-up' }, closeCodes.normal, '');
        return;
      case 'start':
        this.#refuse(new PatchcordError('PATCHCORD_MESSAGE_ORDER', 'a second start'));
        return;
      case 'connected':
      case 'unknown':
      case 'malformed':
        return;
    }
  }

  /** One bad frame must not cost a call, but before `start` and in numbers it is no Twilio that speaks. */
  #onMalformed(error: PatchcordError): void {
    const now = this.#host.clock.now();
    if (this.#malformed === 0 || now - this.#malformedSince > this.#limits.malformedWindowMs) {
      this.#malformed = 0;
      this.#malformedSince = now;
    }
    this.#malformed += 1;
    const tolerated =
      this.#state === 'open' &&
      error.code !== 'PATCHCORD_MESSAGE_BINARY' &&
      this.#malformed <= this.#limits.malformedFrames;
    if (tolerated) this.#host.refused(error, { closed: false });
    else this.#refuse(error);
  }

  /** Whether this is the return of a mark that we sent: the peer may send as many of these as it got. */
  #isOwnMark(message: TwilioMessage, bytes: number): boolean {
    if (message.type !== 'mark' || this.#marksOut === 0 || bytes > maxReturnedMarkBytes) return false;
    this.#marksOut -= 1;
    return true;
  }

  /** Reads the clock only when a whole window's worth has come in. */
  #floods(bytes: number): boolean {
    this.#messages += 1;
    this.#bytes += bytes;
    if (this.#messages < this.#limits.floodMessages && this.#bytes < this.#limits.floodBytes) return false;
    const now = this.#host.clock.now();
    const tooSoon = now - this.#countingSince < this.#limits.floodWindowMs;
    this.#messages = 0;
    this.#bytes = 0;
    this.#countingSince = now;
    return tooSoon;
  }

  #startOverdue(): void {
    const waitedMs = this.#limits.startDeadlineMs;
    this.#refuse(new PatchcordError('PATCHCORD_MESSAGE_ORDER', `no start within ${waitedMs} ms`));
  }

  #refuse(error: PatchcordError): void {
    const closeCode = closeCodeOf[error.code] ?? closeCodes.policy;
    this.#host.refused(error, { closed: true, closeCode });
    this.#end({ reason: 'protocol-error', error }, closeCode, error.code);
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
    if (this.#state === 'opening' || this.#state === 'open') this.#host.refused(error, { closed: true });
    this.#end({ reason: 'protocol-error', error }, undefined, '');
  };

  readonly #onClose = (): void => {
    this.#end({ reason: 'connection-lost' }, undefined, '');
    this.#state = 'closed';
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#socket.off('message', this.#onMessage);
    this.#socket.off('error', this.#onError);
  };

  #end(end: LegEnd, closeCode: number | undefined, reason: string): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    this.#state = 'closing';
    this.#uncork();
    this.#timer?.cancel();
    this.#timer = this.#host.clock.setTimeout(() => this.#socket.terminate(), this.#limits.closeDeadlineMs);
    if (closeCode !== undefined) this.#socket.close(closeCode, reason);
    const owner = this.#owner;
    this.#owner = undefined;
    this.#writer = undefined;
    owner?.streamEnded(end);
  }

  #send(frame: Buffer): void {
    if (!this.#corked) {
      this.#transport.cork();
      this.#corked = true;
      process.nextTick(this.#uncork);
    }
    this.#socket.send(frame, asText);
    if (this.#socket.bufferedAmount <= this.#limits.backlogBytes) return;
    // The peer does not read; its close event, not this call, ends the leg.
    this.#writer = undefined;
    this.#socket.terminate();
  }

  readonly #uncork = (): void => {
    if (!this.#corked) return;
    this.#corked = false;
    this.#transport.uncork();
  };
}
