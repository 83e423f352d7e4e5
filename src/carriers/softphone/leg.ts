import { randomUUID } from 'node:crypto';
import type { WebSocket } from 'ws';
import type { AudioChunk } from '../../audio/chunk.ts';
import { type AudioFormat, pcm16At } from '../../audio/format.ts';
import type { Clock, Timeout } from '../../base/clock.ts';
import { PatchcordError } from '../../base/errors.ts';
import type { CallEndReason } from '../../call/events.ts';
import type { HangUpReason, Leg, LegEnd, LegEvents, PlaybackTraits } from '../../call/leg.ts';
import type { Party } from '../../call/party.ts';
import {
  encodeClear,
  encodeEnded,
  encodeError,
  encodeMark,
  encodeStarted,
  type SoftphoneRate,
} from './wire.ts';

export interface SoftphoneLimits {
  /** From our close frame to the socket being cut when the peer does not answer it. */
  readonly closeDeadlineMs: number;
  /** Bytes that may wait in our socket for a peer that does not read; more ends the call. */
  readonly maxUnsentBytes: number;
  /** Marks that may be on their way at once; past that the oldest is taken for lost. */
  readonly maxPendingMarks: number;
}

/** The page queues what it gets, returns marks as they are rendered, and drops them at a clear. */
const playback: PlaybackTraits = {
  buffering: 'queued',
  acknowledges: 'marks',
  markEveryMs: 100,
  continuousMedia: true,
  delivery: {},
};

const endReasons: Readonly<Record<HangUpReason, CallEndReason>> = {
  agent: 'agent-hung-up',
  'no-input': 'no-input',
  'max-duration': 'max-duration',
  operator: 'operator',
  'model-failed': 'model-failed',
  drain: 'drain',
  'answer-timeout': 'answer-timeout',
  'media-lost': 'media-lost',
  'internal-error': 'internal-error',
};

/** One browser's call. Owns its socket from the `start` message on; the carrier feeds it parsed frames. */
export class SoftphoneLeg implements Leg {
  readonly carrier = 'softphone';
  readonly carrierCallId = `softphone-${randomUUID()}`;
  readonly party: Party = { direction: 'inbound', variables: {} };
  readonly receives: AudioFormat;
  readonly sends: AudioFormat;
  readonly playback = playback;
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  readonly #limits: SoftphoneLimits;
  readonly #pendingMarks = new Set<string>();
  readonly #closed: Promise<void>;
  #events: LegEvents | undefined;
  #closeTimer: Timeout | undefined;
  #ended = false;

  constructor(socket: WebSocket, sampleRate: SoftphoneRate, clock: Clock, limits: SoftphoneLimits) {
    this.#socket = socket;
    this.#clock = clock;
    this.#limits = limits;
    this.receives = pcm16At(sampleRate);
    this.sends = pcm16At(sampleRate);
    this.#closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#closeTimer?.cancel();
        this.#end({ reason: 'connection-lost' });
        resolve();
      });
    });
  }

  get ended(): boolean {
    return this.#ended;
  }

  attach(events: LegEvents): void {
    this.#events = events;
  }

  /** The gateway took the call: tells the page, then lets media flow. */
  begin(callId: string): void {
    if (this.#ended) return;
    this.#send(encodeStarted(callId));
    this.#events?.answered();
    this.#events?.connected();
  }

  takeAudio(chunk: AudioChunk): void {
    if (!this.#ended) this.#events?.audio(chunk);
  }

  takeDigit(digit: string): void {
    if (!this.#ended) this.#events?.digit(digit);
  }

  /** A name that we did not send, or that a clear has voided, proves nothing and goes no further. */
  takeMark(name: string): void {
    if (!this.#ended && this.#pendingMarks.delete(name)) this.#events?.played({ type: 'mark', name });
  }

  takeHangUp(): void {
    if (this.#ended) return;
    this.#send(encodeEnded('caller-hung-up'));
    this.#end({ reason: 'hung-up' });
    this.#close(1000);
  }

  /** Ends the call because of what the peer did: it is told the code, then the socket is closed. */
  fail(error: PatchcordError, closeCode: number): void {
    if (this.#ended) return;
    this.#send(encodeError(error));
    this.#end({ reason: 'protocol-error', error });
    this.#close(closeCode);
  }

  /** The socket itself broke the protocol; `ws` has closed it already. */
  lose(error: PatchcordError): void {
    this.#end({ reason: 'protocol-error', error });
  }

  play(audio: AudioChunk): void {
    if (this.#ended || audio.byteLength === 0) return;
    this.#socket.send(audio.bytes());
    this.#checkUnsent();
  }

  mark(name: string): void {
    if (this.#ended) return;
    if (this.#pendingMarks.size >= this.#limits.maxPendingMarks) {
      for (const oldest of this.#pendingMarks) {
        this.#pendingMarks.delete(oldest);
        break;
      }
    }
    this.#pendingMarks.add(name);
    this.#send(encodeMark(name));
  }

  clear(): void {
    if (this.#ended) return;
    this.#pendingMarks.clear();
    this.#send(encodeClear());
  }

  async hangUp(reason: HangUpReason): Promise<void> {
    if (!this.#ended) {
      this.#send(encodeEnded(endReasons[reason]));
      this.#end({ reason: 'hung-up' });
      this.#close(1000);
    }
    await this.#closed;
  }

  #send(text: string): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(text);
  }

  /** A browser that stopped reading must not make the gateway hold its call's audio without end. */
  #checkUnsent(): void {
    if (this.#socket.bufferedAmount <= this.#limits.maxUnsentBytes) return;
    const error = new PatchcordError('PATCHCORD_PEER_FLOOD', 'the browser does not read what it is sent');
    this.#end({ reason: 'connection-lost', error });
    this.#socket.terminate();
  }

  #end(end: LegEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#pendingMarks.clear();
    this.#events?.ended(end);
  }

  #close(code: number): void {
    this.#socket.close(code);
    this.#closeTimer ??= this.#clock.setTimeout(() => this.#socket.terminate(), this.#limits.closeDeadlineMs);
  }
}
