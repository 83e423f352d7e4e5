import type { WebSocket } from 'ws';
import type { AudioChunk } from '../../audio/chunk.ts';
import { type AudioFormat, bytesPerMs, bytesPerSample } from '../../audio/format.ts';
import { PatchcordError } from '../../base/errors.ts';
import type { LegEnd } from '../../call/leg.ts';
import { MarksOut } from '../marks-out.ts';
import type { MediaMessage } from '../media-scan.ts';
import {
  MediaSocket,
  type MediaSocketHost,
  type MediaSocketLimits,
  mediaSocketLimits,
  type Transport,
} from '../media-socket.ts';
import type { MediaStream, StreamOwner } from '../stream-leg.ts';
import { MediaClock } from './media-clock.ts';
import { type PlivoMessage, PlivoWriter, readMessage, type StartMessage } from './wire.ts';

export interface PlivoStreamOwner extends StreamOwner {
  /** Of the audio both ways. */
  readonly format: AudioFormat;
}

export interface StreamHost extends MediaSocketHost {
  /** Finds the leg whose media this is; the error to refuse the stream with otherwise. */
  claim(start: StartMessage, stream: PlivoStream): PlivoStreamOwner | PatchcordError;
  /** Plivo could not use what it was sent. */
  complained(event: string, reason: string): void;
}

/** The widest format fills 1.2 kB a frame, so that what counts first is messages: five times real time. */
export const plivoSocketLimits: MediaSocketLimits = { ...mediaSocketLimits, floodBytes: 1_500_000 };

/** A socket that was closed in order; all others broke. RFC 6455, section 7.4.1. */
const abnormalClosure = 1006;

/** What begins to be true with `start`. */
interface Opened {
  readonly owner: PlivoStreamOwner;
  readonly writer: PlivoWriter;
  readonly mediaClock: MediaClock;
  readonly bytesPerMs: number;
  readonly bytesPerSample: number;
}

/** What is said on one media WebSocket: the order of messages, and whom they concern. */
export class PlivoStream implements MediaStream {
  readonly #socket: MediaSocket;
  readonly #host: StreamHost;
  readonly #marksOut: MarksOut;
  #opened: Opened | undefined;
  #complained = false;

  constructor(socket: WebSocket, transport: Transport, host: StreamHost, limits = plivoSocketLimits) {
    this.#host = host;
    this.#socket = new MediaSocket(
      socket,
      transport,
      host,
      {
        message: (data, isBinary) => this.#message(data, isBinary),
        ended: (end) => this.#ended(end),
        // Plivo tells the end of a call by closing its socket.
        endOfClose: (code) => ({ reason: code === abnormalClosure ? 'connection-lost' : 'hung-up' }),
      },
      limits,
    );
    this.#marksOut = new MarksOut(this.#socket);
  }

  play(audio: AudioChunk): void {
    if (this.#opened !== undefined) this.#socket.send(this.#opened.writer.playAudio(audio));
  }

  /** Plivo calls it a checkpoint. */
  mark(name: string): void {
    if (this.#opened === undefined) return;
    this.#marksOut.sent();
    this.#socket.sendAlong(this.#opened.writer.checkpoint(name));
  }

  clear(): void {
    if (this.#opened === undefined) return;
    // Plivo reports none of them after it.
    this.#marksOut.forget();
    this.#socket.send(this.#opened.writer.clearAudio());
  }

  sendDigits(digits: string): void {
    if (this.#opened !== undefined) this.#socket.send(this.#opened.writer.sendDigits(digits));
  }

  close(): Promise<void> {
    this.#opened = undefined;
    return this.#socket.close();
  }

  #message(data: Buffer, isBinary: boolean): void {
    const message = readMessage(data, isBinary);
    if (message.type === 'malformed') this.#socket.malformed(message.error);
    else if (this.#opened === undefined) this.#opening(message);
    else this.#handle(message, this.#opened, data.length);
  }

  #opening(message: PlivoMessage): void {
    switch (message.type) {
      case 'unknown':
        return;
      case 'start':
        this.#start(message);
        return;
      default:
        this.#socket.refuse(new PatchcordError('PATCHCORD_MESSAGE_ORDER', `${message.type} before start`));
    }
  }

  #start(message: StartMessage): void {
    const owner = this.#host.claim(message, this);
    if (owner instanceof PatchcordError) {
      this.#socket.refuse(owner);
      return;
    }
    const { format } = owner;
    this.#opened = {
      owner,
      writer: new PlivoWriter(message.streamId, format),
      mediaClock: new MediaClock(),
      bytesPerMs: bytesPerMs(format),
      bytesPerSample: bytesPerSample(format),
    };
    this.#socket.opened(message.callId);
    owner.streamOpened();
  }

  #handle(message: PlivoMessage, opened: Opened, bytes: number): void {
    switch (message.type) {
      case 'media':
        if (message.inbound) this.#media(message, opened);
        return;
      case 'playedStream':
        this.#marksOut.returned(bytes);
        opened.owner.markPlayed(message.name);
        return;
      case 'dtmf':
        opened.owner.callerDigit(message.digit);
        return;
      case 'complaint':
        this.#complaint(message.event, message.reason);
        return;
      case 'stop':
        this.#socket.finished({ reason: 'hung-up' });
        return;
      case 'start':
        this.#socket.refuse(new PatchcordError('PATCHCORD_MESSAGE_ORDER', 'a second start'));
        return;
      case 'clearedAudio':
      case 'unknown':
      case 'malformed':
        return;
    }
  }

  #media({ audio, timestampMs }: MediaMessage, opened: Opened): void {
    if (audio.byteLength % opened.bytesPerSample !== 0) {
      this.#socket.malformed(new PatchcordError('PATCHCORD_AUDIO_MALFORMED', 'not whole samples'));
      return;
    }
    const lengthMs = audio.byteLength / opened.bytesPerMs;
    opened.owner.callerAudio(audio, opened.mediaClock.at(timestampMs, lengthMs));
  }

  /** One is told, not one per frame. */
  #complaint(event: string, reason: string): void {
    if (this.#complained) return;
    this.#complained = true;
    this.#host.complained(event, reason);
  }

  #ended(end: LegEnd): void {
    const opened = this.#opened;
    this.#opened = undefined;
    opened?.owner.streamEnded(end);
  }
}
