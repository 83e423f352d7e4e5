import type { WebSocket } from 'ws';
import type { AudioChunk } from '../../audio/chunk.ts';
import { type AudioFormat, bytesPerMs } from '../../audio/format.ts';
import { PatchcordError } from '../../base/errors.ts';
import type { LegEnd } from '../../call/leg.ts';
import { MarksOut } from '../marks-out.ts';
import type { MediaMessage } from '../media-scan.ts';
import {
  closeCodes,
  MediaSocket,
  type MediaSocketHost,
  mediaSocketLimits,
  type Transport,
} from '../media-socket.ts';
import type { MediaStream, StreamOwner } from '../stream-leg.ts';
import { swapBytes } from './formats.ts';
import { MediaClock } from './media-clock.ts';
import { Reorder } from './reorder.ts';
import {
  readMessage,
  type StartMessage,
  type TelnyxMessage,
  writeClear,
  writeMark,
  writeMedia,
} from './wire.ts';

export interface TelnyxStreamOwner extends StreamOwner {
  readonly receives: AudioFormat;
  readonly sends: AudioFormat;
}

export interface StreamHost extends MediaSocketHost {
  /** `L16` comes and goes with the high byte first. */
  readonly bigEndian: boolean;
  /** Finds the leg whose media this is, by one of the tokens; the error to refuse the stream with otherwise. */
  claim(
    tokens: readonly string[],
    start: StartMessage,
    stream: TelnyxStream,
  ): TelnyxStreamOwner | PatchcordError;
  /** The socket was refused before a leg was claimed; the tokens may tell whose it was. */
  refusedUnclaimed(tokens: readonly string[], end: LegEnd): void;
  /** Telnyx complains of something it got. */
  complained(title: string, code: number | undefined): void;
}

/** Tokens that one peer may try: of the header, the address and `connected`. */
const maxTokens = 3;
/** Complaints of one stream that are logged. */
const maxComplaints = 5;

/** What is said on one media WebSocket: the order of messages, and whom they concern. */
export class TelnyxStream implements MediaStream {
  readonly #socket: MediaSocket;
  readonly #host: StreamHost;
  readonly #tokens: string[];
  readonly #reorder: Reorder<MediaMessage>;
  readonly #mediaClock = new MediaClock();
  readonly #marksOut: MarksOut;
  #owner: TelnyxStreamOwner | undefined;
  #receivesBytesPerMs = 0;
  #swapsReceived = false;
  #swapsSent = false;
  #complaints = 0;

  /** `tokens`: what the upgrade brought, of which any may be the right one. */
  constructor(
    socket: WebSocket,
    transport: Transport,
    host: StreamHost,
    tokens: readonly string[],
    limits = mediaSocketLimits,
  ) {
    this.#host = host;
    this.#tokens = [...tokens];
    this.#reorder = new Reorder(host.clock, (media) => this.#callerAudio(media));
    this.#socket = new MediaSocket(
      socket,
      transport,
      host,
      {
        message: (data, isBinary) => this.#message(data, isBinary),
        ended: (end) => this.#ended(end),
        // A peer that leaves in order without a `stop` has ended the stream all the same.
        endOfClose: (code) => ({ reason: code === closeCodes.normal ? 'hung-up' : 'connection-lost' }),
      },
      limits,
    );
    this.#marksOut = new MarksOut(this.#socket);
  }

  play(audio: AudioChunk): void {
    if (this.#owner === undefined) return;
    this.#socket.send(writeMedia(this.#swapsSent ? swapBytes(audio) : audio));
  }

  mark(name: string): void {
    if (this.#owner === undefined) return;
    this.#marksOut.sent();
    this.#socket.sendAlong(writeMark(name));
  }

  clear(): void {
    if (this.#owner === undefined) return;
    this.#socket.send(writeClear());
  }

  close(): Promise<void> {
    this.#owner = undefined;
    this.#reorder.close();
    return this.#socket.close();
  }

  #message(data: Buffer, isBinary: boolean): void {
    const message = readMessage(data, isBinary);
    if (message.type === 'malformed') this.#socket.malformed(message.error);
    else if (this.#owner === undefined) this.#opening(message);
    else this.#handle(message, this.#owner, data.length);
  }

  #opening(message: TelnyxMessage): void {
    switch (message.type) {
      case 'connected':
        if (message.token !== undefined && this.#tokens.length < maxTokens) this.#tokens.push(message.token);
        return;
      case 'start':
        this.#start(message);
        return;
      case 'error':
        this.#complaint(message.title, message.code);
        return;
      case 'unknown':
        return;
      default:
        this.#socket.refuse(new PatchcordError('PATCHCORD_MESSAGE_ORDER', `${message.type} before start`));
    }
  }

  #start(message: StartMessage): void {
    const owner = this.#host.claim(this.#tokens, message, this);
    if (owner instanceof PatchcordError) {
      this.#socket.refuse(owner);
      return;
    }
    this.#owner = owner;
    const { bigEndian } = this.#host;
    this.#receivesBytesPerMs = bytesPerMs(owner.receives);
    this.#swapsReceived = bigEndian && owner.receives.encoding === 'pcm16';
    this.#swapsSent = bigEndian && owner.sends.encoding === 'pcm16';
    this.#socket.opened(message.callControlId);
    owner.streamOpened();
  }

  #handle(message: TelnyxMessage, owner: TelnyxStreamOwner, bytes: number): void {
    switch (message.type) {
      case 'media':
        this.#media(message, owner);
        return;
      case 'mark':
        this.#marksOut.returned(bytes);
        owner.markPlayed(message.name);
        return;
      case 'dtmf':
        owner.callerDigit(message.digit);
        return;
      case 'error':
        this.#complaint(message.title, message.code);
        return;
      case 'stop':
        this.#reorder.flush();
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

  #media(message: MediaMessage, owner: TelnyxStreamOwner): void {
    if (!message.inbound) return;
    if (owner.receives.encoding === 'pcm16' && message.audio.byteLength % 2 !== 0) {
      const error = new PatchcordError('PATCHCORD_AUDIO_MALFORMED', '`media.payload` is not whole samples');
      this.#socket.malformed(error);
      return;
    }
    this.#reorder.push(message);
  }

  /** In its turn. */
  #callerAudio({ audio, timestampMs }: MediaMessage): void {
    const lengthMs = audio.byteLength / this.#receivesBytesPerMs;
    this.#owner?.callerAudio(
      this.#swapsReceived ? swapBytes(audio) : audio,
      this.#mediaClock.at(timestampMs, lengthMs),
    );
  }

  #complaint(title: string, code: number | undefined): void {
    this.#complaints += 1;
    if (this.#complaints <= maxComplaints) this.#host.complained(title, code);
  }

  #ended(end: LegEnd): void {
    const owner = this.#owner;
    this.#owner = undefined;
    this.#reorder.close();
    if (owner !== undefined) owner.streamEnded(end);
    else if (end.reason === 'protocol-error') this.#host.refusedUnclaimed(this.#tokens, end);
  }
}
