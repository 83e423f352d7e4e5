import type { WebSocket } from 'ws';
import { AudioChunk } from '../../audio/chunk.ts';
import { type AudioFormat, bytesPerSample } from '../../audio/format.ts';
import { PatchcordError } from '../../base/errors.ts';
import type { LegEnd } from '../../call/leg.ts';
import {
  closeCodes,
  MediaSocket,
  type MediaSocketHost,
  type MediaSocketLimits,
  mediaSocketLimits,
  type Transport,
} from '../media-socket.ts';
import { type AsteriskMessage, CommandWriter, type MediaStart, readEvent } from './wire.ts';

/** What an opened stream tells the leg that owns it. `streamEnded` comes once and last. */
export interface StreamOwner {
  readonly receives: AudioFormat;
  streamOpened(): void;
  callerAudio(audio: AudioChunk): void;
  callerDigit(digit: string): void;
  markPlayed(name: string): void;
  /** Asterisk's queue is nearly full (false), or no longer. */
  flow(open: boolean): void;
  streamEnded(end: LegEnd): void;
}

export interface StreamHost extends MediaSocketHost {
  /** Makes the leg whose media this is; the error to refuse the stream with otherwise. */
  claim(start: MediaStart, stream: AsteriskStream): StreamOwner | PatchcordError;
  /** Asterisk did not take a command; told ten times for a stream at most. */
  complained(text: string): void;
}

/** As elsewhere, but for slin at 48 kHz, which is 384 kB in four seconds. */
export const asteriskLimits: MediaSocketLimits = { ...mediaSocketLimits, floodBytes: 1_920_000 };

/** RFC 6455, section 7.4.1: what Asterisk closes with when the phone has hung up, or when we have. */
const orderlyCloses: ReadonlySet<number> = new Set([closeCodes.normal, 1001]);
/** Caller audio that some versions send before MEDIA_START (issue 1712 of asterisk/asterisk); of more, the oldest goes. */
const maxEarlyBytes = 65_536;
const maxComplaints = 10;

/** What is said on one media WebSocket: the order of messages, and whom they concern. */
export class AsteriskStream {
  readonly #socket: MediaSocket;
  readonly #host: StreamHost;
  #owner: StreamOwner | undefined;
  #writer: CommandWriter | undefined;
  #early: Buffer[] = [];
  #earlyBytes = 0;
  #takesAudio = true;
  #complaints = 0;

  constructor(socket: WebSocket, transport: Transport, host: StreamHost, limits = asteriskLimits) {
    this.#host = host;
    this.#socket = new MediaSocket(
      socket,
      transport,
      host,
      {
        message: (data, isBinary) => this.#message(data, isBinary),
        ended: (end) => this.#ended(end),
        endOfClose: (code) => ({ reason: orderlyCloses.has(code) ? 'hung-up' : 'connection-lost' }),
      },
      limits,
    );
  }

  /** Picks the phone up, where the dial string says `n`; Asterisk drops the answer of a call that has one. */
  answer(): void {
    if (this.#writer !== undefined) this.#socket.send(this.#writer.answer());
  }

  /** Audio is bytes and commands are text: the one sent as the other is played as noise, or ignored. */
  play(audio: AudioChunk): void {
    if (this.#writer !== undefined) this.#socket.send(audio.bytes(), true);
  }

  mark(name: string): void {
    if (this.#writer !== undefined) this.#socket.sendAlong(this.#writer.mark(name));
  }

  /** Written when this returns. */
  clear(): void {
    if (this.#writer === undefined) return;
    this.#socket.send(this.#writer.flush());
    // Asterisk's queue is empty after a flush, and what it still says of a full one is taken back within a frame.
    this.#flow(true);
  }

  /** The leg's own, orderly end, so it is not told. Settles when the socket is closed, at the latest after the close deadline. */
  close(): Promise<void> {
    if (this.#writer !== undefined) this.#socket.send(this.#writer.hangUp());
    this.#forget();
    return this.#socket.close();
  }

  #message(data: Buffer, isBinary: boolean): void {
    if (isBinary) this.#media(data);
    else this.#event(readEvent(data));
  }

  /** A phone's packet, of any length; before MEDIA_START nothing tells of what codec. */
  #media(data: Buffer): void {
    const owner = this.#owner;
    if (owner === undefined) this.#keepEarly(data);
    else if (data.length % bytesPerSample(owner.receives) === 0)
      owner.callerAudio(AudioChunk.fromBytes(data));
    else {
      const what = 'an odd number of bytes is not 16-bit audio';
      this.#socket.malformed(new PatchcordError('PATCHCORD_AUDIO_MALFORMED', what));
    }
  }

  #keepEarly(data: Buffer): void {
    this.#early.push(data);
    this.#earlyBytes += data.length;
    while (this.#earlyBytes > maxEarlyBytes) this.#earlyBytes -= this.#early.shift()?.length ?? 0;
  }

  #event(message: AsteriskMessage): void {
    if (message.type === 'malformed') this.#socket.malformed(message.error);
    else if (this.#owner === undefined) this.#opening(message);
    else this.#handle(message, this.#owner);
  }

  #opening(message: AsteriskMessage): void {
    switch (message.type) {
      case 'start':
        this.#start(message);
        return;
      case 'other':
        return;
      default:
        this.#socket.refuse(
          new PatchcordError('PATCHCORD_MESSAGE_ORDER', `${message.type} before MEDIA_START`),
        );
    }
  }

  #start(message: MediaStart): void {
    const writer = new CommandWriter(message.control);
    const owner = this.#host.claim(message, this);
    if (owner instanceof PatchcordError) {
      this.#forget();
      this.#socket.send(writer.hangUp());
      this.#socket.refuse(owner);
      return;
    }
    this.#owner = owner;
    this.#writer = writer;
    this.#socket.opened();
    owner.streamOpened();
    const early = this.#early;
    this.#early = [];
    for (const data of early) if (this.#socket.isOpen) this.#media(data);
  }

  #handle(message: AsteriskMessage, owner: StreamOwner): void {
    switch (message.type) {
      case 'digit':
        owner.callerDigit(message.digit);
        return;
      case 'mark':
        owner.markPlayed(message.name);
        return;
      case 'hold':
        this.#flow(false);
        return;
      case 'go-on':
        this.#flow(true);
        return;
      case 'error':
        this.#complaints += 1;
        if (this.#complaints <= maxComplaints) this.#host.complained(message.text);
        return;
      case 'start':
        this.#socket.refuse(new PatchcordError('PATCHCORD_MESSAGE_ORDER', 'a second MEDIA_START'));
        return;
      case 'other':
      case 'malformed':
        return;
    }
  }

  #flow(open: boolean): void {
    if (this.#takesAudio === open) return;
    this.#takesAudio = open;
    this.#owner?.flow(open);
  }

  #forget(): void {
    this.#owner = undefined;
    this.#writer = undefined;
    this.#early = [];
  }

  #ended(end: LegEnd): void {
    const owner = this.#owner;
    this.#forget();
    owner?.streamEnded(end);
  }
}
