import type { AudioChunk } from '../../audio/chunk.ts';
import type { Clock, Timeout } from '../../base/clock.ts';
import { PatchcordError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { AudioSink } from '../../call/model-session.ts';
import { socketError } from './faults.ts';
import type { ConnectSocket, ModelSocket, SocketEnd, SocketEvents, SocketRequest } from './socket.ts';
import { append, type ClientEvent, readServerEvent, type ServerMessage, writeClientEvent } from './wire.ts';

export interface LinkEvents {
  message(message: ServerMessage): void;
  /** A frame that the protocol does not have; the link goes on. */
  nonsense(error: PatchcordError): void;
  /** The link is closed, once, and not by `close`. Nothing comes afterwards. */
  lost(error: PatchcordError): void;
}

export interface LinkOptions {
  readonly request: SocketRequest;
  readonly connect: ConnectSocket;
  readonly clock: Clock;
  readonly log: Logger;
  readonly events: LinkEvents;
}

/**
 * The API documents no ping; the server answers ours, and routers on the way see life. A connection that swallows
 * everything is noticed after both: no later than a caller notices that nobody answers.
 */
const pingEveryMs = 4000;
const pongWithinMs = 4000;
/** The server drops the connection without answering a close frame (see docs/models/openai.md). */
const closeWithinMs = 1500;
/** Audio beyond this is dropped instead of queued: a minute of pcm16, which is what may have been held before. */
const maxBufferedBytes = 4 * 1024 * 1024;
const stuckWithinMs = 10_000;
/** Chunks between two looks at what is unsent. */
const lookEvery = 16;
const maxNonsense = 20;

/** The socket of one session, its life signs and its bounds. Owns the socket and every timer around it. */
export class ModelLink implements SocketEvents, AudioSink {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #events: LinkEvents;
  readonly #socket: ModelSocket;
  #state: 'connecting' | 'open' | 'closing' | 'closed' = 'connecting';
  #timer: Timeout | undefined;
  #heard = false;
  #nonsense = 0;
  #stuckSince: number | undefined;
  #dropped = 0;
  #droppedBytes = 0;
  #sinceLook = 0;

  constructor(options: LinkOptions) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#events = options.events;
    this.#socket = options.connect(options.request, this);
  }

  get droppedBytes(): number {
    return this.#droppedBytes;
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  send(event: ClientEvent): void {
    if (this.#state === 'open') this.#socket.send(writeClientEvent(event));
  }

  appendAudio(audio: AudioChunk): void {
    if (this.#state !== 'open') return;
    // Looked at now and then: this runs fifty times a second and call.
    this.#sinceLook += 1;
    if (this.#stuckSince !== undefined || this.#sinceLook >= lookEvery) {
      this.#sinceLook = 0;
      if (this.#socket.bufferedAmount > maxBufferedBytes) {
        this.#droppedBytes += audio.byteLength;
        this.#stuck();
        return;
      }
      if (this.#stuckSince !== undefined) this.#unstuck();
    }
    this.#socket.send(append.head, audio.base64(), append.tail);
  }

  /** Ends the link within a bound; no event comes afterwards. */
  close(code = 1000): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    const wasOpen = this.#state === 'open';
    this.#timer?.cancel();
    this.#timer = undefined;
    if (!wasOpen) {
      this.#state = 'closed';
      this.#socket.terminate();
      return;
    }
    this.#state = 'closing';
    this.#timer = this.#clock.setTimeout(() => {
      this.#state = 'closed';
      this.#socket.terminate();
    }, closeWithinMs);
    this.#socket.close(code, '');
  }

  /** The socket's word, as are `message`, `pong` and `ended`. */
  opened(): void {
    if (this.#state !== 'connecting') return;
    this.#state = 'open';
    this.#timer = this.#clock.setTimeout(() => this.#ping(), pingEveryMs);
  }

  message(frame: Buffer, binary: boolean): void {
    if (this.#state !== 'open') return;
    this.#heard = true;
    if (binary) {
      this.#refuse(new PatchcordError('PATCHCORD_MESSAGE_BINARY'));
      return;
    }
    const message = readServerEvent(frame);
    if (message.type === 'malformed') this.#refuse(message.error);
    else this.#events.message(message);
  }

  pong(): void {
    this.#heard = true;
  }

  ended(end: SocketEnd): void {
    const before = this.#state;
    this.#state = 'closed';
    this.#timer?.cancel();
    this.#timer = undefined;
    if (before === 'connecting' || before === 'open') {
      this.#events.lost(socketError(end, before === 'open', this.#clock.epochMs()));
    }
  }

  #refuse(error: PatchcordError): void {
    this.#nonsense += 1;
    if (this.#nonsense < maxNonsense) {
      this.#events.nonsense(error);
      return;
    }
    const fatal = new PatchcordError(
      'PATCHCORD_MODEL_PROTOCOL',
      undefined,
      { frames: this.#nonsense },
      error,
    );
    this.#lose(fatal, 1002);
  }

  #ping(): void {
    this.#heard = false;
    this.#socket.ping();
    this.#timer = this.#clock.setTimeout(() => {
      if (!this.#heard) {
        this.#lose(new PatchcordError('PATCHCORD_MODEL_LOST', 'The speech model does not answer pings.'));
        return;
      }
      this.#ping();
    }, pongWithinMs);
  }

  #stuck(): void {
    const now = this.#clock.now();
    if (this.#stuckSince === undefined) {
      this.#stuckSince = now;
      this.#log.warn(
        { bufferedBytes: this.#socket.bufferedAmount },
        'the model reads too slowly, audio is dropped',
      );
    }
    this.#dropped += 1;
    if (now - this.#stuckSince < stuckWithinMs) return;
    this.#lose(
      new PatchcordError('PATCHCORD_MODEL_LOST', 'The speech model stopped reading.', {
        droppedChunks: this.#dropped,
      }),
    );
  }

  #unstuck(): void {
    this.#log.warn({ droppedChunks: this.#dropped }, 'the model reads again');
    this.#stuckSince = undefined;
    this.#dropped = 0;
  }

  #lose(error: PatchcordError, closeCode?: number): void {
    if (closeCode === undefined) {
      this.#timer?.cancel();
      this.#state = 'closed';
      this.#socket.terminate();
    } else this.close(closeCode);
    this.#events.lost(error);
  }
}
