import type { Socket } from 'node:net';
import type { Clock, Timeout } from '../../base/clock.ts';
import { PatchcordError } from '../../base/errors.ts';
import type { LegEnd } from '../../call/leg.ts';
import { FloodGauge, type FloodLimits } from '../flood-gauge.ts';
import { MalformedGauge, type MalformedLimits } from '../malformed-gauge.ts';
import { type AudioSocketMessage, audioFrame, FrameReader, hangUpFrame, refuseOpening } from './wire.ts';

/** A flood ends the connection, as does one malformed frame too many. */
export interface ConnectionLimits extends FloodLimits, MalformedLimits {
  /** From the connection to the frame with the UUID. */
  readonly uuidDeadlineMs: number;
  /** How long a peer may take to close after we did. */
  readonly closeDeadlineMs: number;
  /** Silence on the connection after which the peer is asked whether it is still there; a crashed one says nothing. */
  readonly keepAliveMs: number;
  /** Frames of audio that may wait, once the kernel takes no more, for a peer that does not read. */
  readonly backlogFrames: number;
}

/**
 * Real time is 50 frames a second, 100 from a 10 ms phone, and 96 kB at 48 kHz: the flood limits let a stall of
 * several seconds catch up. The backlog is a second and a half.
 */
export const connectionLimits: ConnectionLimits = {
  uuidDeadlineMs: 5_000,
  closeDeadlineMs: 2_000,
  keepAliveMs: 10_000,
  malformedFrames: 10,
  malformedWindowMs: 60_000,
  floodMessages: 2_000,
  floodBytes: 2_000_000,
  floodWindowMs: 4_000,
  backlogFrames: 75,
};

/** What a connection tells the leg that owns it. `ended` comes once and last, but not for a `close` of one's own. */
export interface ConnectionOwner {
  opened(): void;
  callerAudio(sampleRate: number, audio: Buffer): void;
  callerDigit(digit: string): void;
  ended(end: LegEnd): void;
}

export interface ConnectionHost {
  readonly clock: Clock;
  /** Finds the leg whose media this is; the error to refuse the connection with otherwise. */
  claim(uuid: string, connection: AudioSocketConnection): ConnectionOwner | PatchcordError;
  /** The connection has its leg, or is over. */
  settled(): void;
  /** Counts and logs what a peer did wrong. */
  refused(error: PatchcordError, fields: Readonly<Record<string, unknown>>): void;
  /** Asterisk reports an error of its own; told once for a connection. */
  complained(code: number | undefined): void;
}

/** Asterisk closes while it has not read everything: for the phone that is a hang-up like any other. */
const hangUpErrors: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED']);

/** One TCP connection of Asterisk from its start to its end: its deadlines and limits. Owns the socket and its timers. */
export class AudioSocketConnection {
  readonly #socket: Socket;
  readonly #host: ConnectionHost;
  readonly #limits: ConnectionLimits;
  readonly #reader = new FrameReader();
  readonly #flood: FloodGauge;
  readonly #malformed: MalformedGauge;
  readonly #closed: Promise<void>;
  #owner: ConnectionOwner | undefined;
  #state: 'waiting' | 'open' | 'closing' | 'closed' = 'waiting';
  #timer: Timeout | undefined;
  #unread = false;
  #complained = false;

  constructor(socket: Socket, host: ConnectionHost, limits = connectionLimits) {
    this.#socket = socket;
    this.#host = host;
    this.#limits = limits;
    this.#flood = new FloodGauge(host.clock, limits);
    this.#malformed = new MalformedGauge(host.clock, limits);
    this.#timer = host.clock.setTimeout(() => this.#uuidOverdue(), limits.uuidDeadlineMs);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, limits.keepAliveMs);
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('error', this.#onError);
    this.#closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#onClose();
        resolve();
      });
    });
  }

  get isOpen(): boolean {
    return this.#state === 'waiting' || this.#state === 'open';
  }

  /** Writes one frame of audio in one piece. Only this and a hang-up may ever be sent: all else ends the call in Asterisk. */
  play(kind: number, audio: Buffer): void {
    if (!this.isOpen || this.#unread || audio.length === 0) return;
    const frame = audioFrame(kind, audio);
    this.#socket.write(frame);
    if (this.#socket.writableLength <= this.#limits.backlogFrames * frame.length) return;
    // The peer does not read; its close event, not this call, ends the leg.
    this.#unread = true;
    this.#socket.destroy();
  }

  /** Ends the connection because of what the peer did. */
  refuse(error: PatchcordError): void {
    if (!this.isOpen) return;
    this.#host.refused(error, { closed: true });
    this.#end({ reason: 'protocol-error', error }, hangUpFrame());
  }

  /** The owner's own, orderly end, so it is not told. Settles when the connection is closed, at the latest after the close deadline. */
  close(): Promise<void> {
    this.#owner = undefined;
    this.#end({ reason: 'hung-up' }, hangUpFrame());
    return this.#closed;
  }

  /** Cuts a connection that has no leg yet. */
  abandon(): void {
    this.#socket.destroy();
  }

  readonly #onData = (bytes: Buffer): void => {
    if (!this.isOpen) return;
    if (this.#flood.floods(0, bytes.length)) {
      this.#flooded();
      return;
    }
    this.#reader.read(bytes, this.#message);
    if (this.#state !== 'waiting') return;
    const error = refuseOpening(this.#reader.unfinished);
    if (error !== undefined) this.refuse(error);
  };

  readonly #message = (message: AudioSocketMessage): void => {
    if (!this.isOpen) return;
    if (this.#flood.floods(1, 0)) this.#flooded();
    else if (this.#owner === undefined) this.#opening(message);
    else this.#handle(message, this.#owner);
  };

  #opening(message: AudioSocketMessage): void {
    switch (message.type) {
      case 'uuid':
        this.#open(message.uuid);
        return;
      case 'malformed':
        this.refuse(message.error);
        return;
      default:
        this.refuse(new PatchcordError('PATCHCORD_MESSAGE_ORDER', `${message.type} before the UUID`));
    }
  }

  #open(uuid: string): void {
    const owner = this.#host.claim(uuid, this);
    if (owner instanceof PatchcordError) {
      this.refuse(owner);
      return;
    }
    this.#owner = owner;
    this.#state = 'open';
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#host.settled();
    owner.opened();
  }

  #handle(message: AudioSocketMessage, owner: ConnectionOwner): void {
    switch (message.type) {
      case 'audio':
        if (message.audio.length > 0) owner.callerAudio(message.sampleRate, message.audio);
        return;
      case 'digit':
        owner.callerDigit(message.digit);
        return;
      case 'hang-up':
        this.#end({ reason: 'hung-up' });
        return;
      case 'error':
        if (!this.#complained) this.#host.complained(message.code);
        this.#complained = true;
        return;
      case 'malformed':
        if (this.#malformed.passesOver()) this.#host.refused(message.error, { closed: false });
        else this.refuse(message.error);
        return;
      case 'uuid':
        this.refuse(new PatchcordError('PATCHCORD_MESSAGE_ORDER', 'a second UUID'));
        return;
      case 'unknown':
        return;
    }
  }

  #flooded(): void {
    this.refuse(new PatchcordError('PATCHCORD_PEER_FLOOD'));
  }

  #uuidOverdue(): void {
    const waitedMs = this.#limits.uuidDeadlineMs;
    this.refuse(new PatchcordError('PATCHCORD_MESSAGE_ORDER', `no UUID within ${waitedMs} ms`));
  }

  /** Asterisk never says that the phone hung up: it closes, and that is all. */
  readonly #onEnd = (): void => {
    this.#end({ reason: 'hung-up' });
  };

  /** The close event follows. */
  readonly #onError = (thrown: Error): void => {
    const code = 'code' in thrown ? String(thrown.code) : '';
    this.#end({ reason: hangUpErrors.has(code) ? 'hung-up' : 'connection-lost' });
  };

  #onClose(): void {
    this.#end({ reason: 'connection-lost' });
    this.#state = 'closed';
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#host.settled();
  }

  /** `farewell`: the last that a peer which still listens is told. */
  #end(end: LegEnd, farewell?: Buffer): void {
    if (!this.isOpen) return;
    this.#state = 'closing';
    this.#timer?.cancel();
    this.#timer = this.#host.clock.setTimeout(() => this.#socket.destroy(), this.#limits.closeDeadlineMs);
    if (farewell === undefined) this.#socket.end();
    else this.#socket.end(farewell);
    const owner = this.#owner;
    this.#owner = undefined;
    owner?.ended(end);
  }
}
