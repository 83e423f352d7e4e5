import type { WebSocket } from 'ws';
import type { AudioChunk } from '../../audio/chunk.ts';
import { PatchcordError } from '../../base/errors.ts';
import type { LegEnd } from '../../call/leg.ts';
import { MarksOut } from '../marks-out.ts';
import type { MalformedMessage } from '../media-json.ts';
import {
  MediaSocket,
  type MediaSocketHost,
  type MediaSocketOwner,
  mediaSocketLimits,
  type Transport,
} from '../media-socket.ts';
import type { MediaStream, StreamOwner } from '../stream-leg.ts';
import {
  type MalformedStart,
  readMessage,
  type StartMessage,
  type TwilioMessage,
  TwilioWriter,
} from './wire.ts';

export interface StreamHost extends MediaSocketHost {
  /** Finds the leg whose media this is; the error to refuse the stream with otherwise. */
  claim(start: StartMessage, stream: TwilioStream): StreamOwner | PatchcordError;
  /** No stream will come for the call of this token. */
  forgo(token: string, error: PatchcordError): void;
}

/** What is said on one media WebSocket: the order of messages, and whom they concern. */
export class TwilioStream implements MediaStream, MediaSocketOwner {
  readonly #socket: MediaSocket;
  readonly #host: StreamHost;
  readonly #marksOut: MarksOut;
  #owner: StreamOwner | undefined;
  #writer: TwilioWriter | undefined;

  constructor(socket: WebSocket, transport: Transport, host: StreamHost, limits = mediaSocketLimits) {
    this.#host = host;
    this.#socket = new MediaSocket(socket, transport, host, this, limits);
    this.#marksOut = new MarksOut(this.#socket);
  }

  play(audio: AudioChunk): void {
    if (this.#writer !== undefined) this.#socket.send(this.#writer.media(audio));
  }

  mark(name: string): void {
    if (this.#writer === undefined) return;
    this.#marksOut.sent();
    this.#socket.sendAlong(this.#writer.mark(name));
  }

  clear(): void {
    if (this.#writer === undefined) return;
    this.#socket.send(this.#writer.clear());
  }

  close(): Promise<void> {
    this.#owner = undefined;
    this.#writer = undefined;
    return this.#socket.close();
  }

  message(data: Buffer, isBinary: boolean): void {
    const message = readMessage(data, isBinary);
    if (message.type === 'malformed') this.#malformed(message);
    else if (this.#owner === undefined) this.#opening(message);
    else this.#handle(message, this.#owner, data.length);
  }

  #malformed(message: MalformedMessage | MalformedStart): void {
    this.#socket.malformed(message.error);
    if (this.#owner !== undefined || !('token' in message) || message.token === undefined) return;
    this.#host.forgo(message.token, message.error);
  }

  #opening(message: TwilioMessage): void {
    switch (message.type) {
      case 'connected':
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
    this.#owner = owner;
    this.#writer = new TwilioWriter(message.streamSid);
    this.#socket.opened(message.callSid);
    owner.streamOpened();
  }

  #handle(message: TwilioMessage, owner: StreamOwner, bytes: number): void {
    switch (message.type) {
      case 'media':
        if (message.inbound) owner.callerAudio(message.audio, message.timestampMs);
        return;
      case 'mark':
        this.#marksOut.returned(bytes);
        owner.markPlayed(message.name);
        return;
      case 'dtmf':
        owner.callerDigit(message.digit);
        return;
      case 'stop':
        this.#socket.finished({ reason: 'hung-up' });
        return;
      case 'start':
        this.#socket.refuse(new PatchcordError('PATCHCORD_MESSAGE_ORDER', 'a second start'));
        return;
      case 'connected':
      case 'unknown':
      case 'malformed':
        return;
    }
  }

  ended(end: LegEnd): void {
    const owner = this.#owner;
    this.#owner = undefined;
    this.#writer = undefined;
    owner?.streamEnded(end);
  }
}
