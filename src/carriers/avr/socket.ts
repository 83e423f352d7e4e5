import type { WebSocket } from 'ws';
import type { AudioChunk } from '../../audio/chunk.ts';
import { messageOf, PatchcordError } from '../../base/errors.ts';
import type { LegEnd, PlaybackTraits } from '../../call/leg.ts';
import { MediaSocket, type MediaSocketHost, mediaSocketLimits, type Transport } from '../media-socket.ts';
import { EarlyMedia } from './early-media.ts';
import type { AvrLeg, AvrMedia } from './leg.ts';
import {
  type AvrMessage,
  frameBytes,
  type InitMessage,
  interruptionMessage,
  readMessage,
  readyMessage,
  writeAudio,
  writeError,
  writeTranscript,
} from './wire.ts';

/**
 * avr-core queues what it gets, plays it in its own time and can be told to drop it, but says nothing of what it
 * played. How much it queues is not known, so it is not sent more than some seconds ahead.
 */
const playback: PlaybackTraits = {
  buffering: 'queued',
  acknowledges: 'nothing',
  markEveryMs: 200,
  continuousMedia: false,
  delivery: { frameMs: 20, leadMs: 10_000, maxChunkMs: 1000 },
};

/** "Try again later", https://www.iana.org/assignments/websocket. */
const closeRefused = 1013;
/** Closes of a peer that hung up: normal, going away, and without a code. */
const closesOfHangUp: readonly number[] = [1000, 1001, 1005];

export interface AvrSocketHost extends MediaSocketHost {
  /** Makes the leg of a call that is named now, or says why there is to be none. */
  take(init: InitMessage, media: AvrMedia, early: EarlyMedia): AvrLeg | PatchcordError;
  debug(message: string, fields: object): void;
}

/** What is said on one WebSocket of avr-core, which is one call: the order of messages, and whom they concern. */
export class AvrSocket implements AvrMedia {
  readonly playback = playback;
  readonly #socket: MediaSocket;
  readonly #host: AvrSocketHost;
  readonly #early = new EarlyMedia();
  #leg: AvrLeg | undefined;

  constructor(socket: WebSocket, transport: Transport, host: AvrSocketHost, limits = mediaSocketLimits) {
    this.#host = host;
    this.#socket = new MediaSocket(
      socket,
      transport,
      host,
      {
        message: (data, isBinary) => this.#message(readMessage(data, isBinary)),
        ended: (end) => this.#ended(end),
        endOfClose: (code) => ({ reason: closesOfHangUp.includes(code) ? 'hung-up' : 'connection-lost' }),
      },
      limits,
    );
  }

  play(audio: AudioChunk): void {
    const pcm = audio.bytes();
    for (let at = 0; at < pcm.length; at += frameBytes) this.#socket.sendAlong(writeAudio(pcm, at));
    this.#socket.flush();
  }

  clear(): void {
    this.#socket.send(interruptionMessage);
  }

  transcript(role: 'user' | 'agent', text: string): void {
    this.#socket.send(writeTranscript(role, text));
  }

  failed(message: string): void {
    this.#socket.send(writeError(message));
  }

  close(): Promise<void> {
    this.#leg = undefined;
    return this.#socket.close();
  }

  #message(message: AvrMessage): void {
    switch (message.type) {
      case 'audio':
        if (this.#leg === undefined) this.#early.audio(message.audio);
        else this.#leg.audio(message.audio);
        return;
      case 'dtmf_digit':
        if (this.#leg === undefined) this.#early.digit(message.digit);
        else this.#leg.digit(message.digit);
        return;
      case 'init':
        this.#init(message);
        return;
      case 'reset':
        this.#leg?.reset();
        return;
      case 'ignored':
        this.#host.debug('a message was passed over', { what: message.what });
        return;
      case 'malformed':
        this.#socket.malformed(message.error);
        return;
    }
  }

  /** A peer may name its call again: it is told that the call is there, and gets no second one. */
  #init(init: InitMessage): void {
    if (this.#leg !== undefined) {
      if (this.#leg.isLive) this.#socket.send(readyMessage);
      return;
    }
    const leg = this.#host.take(init, this, this.#early);
    if (leg instanceof PatchcordError) {
      this.#host.refused(leg, { closed: true, closeCode: closeRefused });
      this.#socket.send(writeError(leg.message));
      this.#early.drop();
      this.#close(closeRefused, leg.code);
      return;
    }
    this.#leg = leg;
    this.#socket.opened(leg.carrierCallId);
  }

  /** A close cannot fail; this keeps the promise owned all the same. */
  #close(code: number, reason: string): void {
    this.#socket.close(code, reason).catch((thrown: unknown) => {
      this.#host.debug('closing a socket failed', { error: messageOf(thrown) });
    });
  }

  #ended(end: LegEnd): void {
    const leg = this.#leg;
    this.#leg = undefined;
    this.#early.drop();
    leg?.mediaEnded(end);
  }
}
