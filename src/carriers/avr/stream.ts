import type { IncomingMessage, ServerResponse } from 'node:http';
import { AudioChunk } from '../../audio/chunk.ts';
import type { Clock } from '../../base/clock.ts';
import { PatchcordError } from '../../base/errors.ts';
import type { LegEnd, PlaybackTraits } from '../../call/leg.ts';
import { FloodGauge, type FloodLimits } from '../flood-gauge.ts';
import { EarlyMedia } from './early-media.ts';
import type { AvrLeg, AvrMedia } from './leg.ts';

/** Nothing can be taken back of what is written, so it is written when it is to be heard. */
const playback: PlaybackTraits = {
  buffering: 'paced',
  acknowledges: 'nothing',
  markEveryMs: 200,
  continuousMedia: false,
  delivery: { frameMs: 20 },
};

/** A flood ends the exchange; real time is 64,000 bytes in four seconds. */
export interface AvrStreamLimits extends FloodLimits {
  /** How long the peer may take to end its side after we have ended ours. */
  readonly closeDeadlineMs: number;
  /** Bytes that may wait for a peer that does not read: 16 seconds. */
  readonly backlogBytes: number;
}

export const avrStreamLimits: AvrStreamLimits = {
  closeDeadlineMs: 3000,
  // A body comes in pieces of any size.
  floodMessages: Number.POSITIVE_INFINITY,
  floodBytes: 400_000,
  floodWindowMs: 4000,
  backlogBytes: 262_144,
};

export interface AvrStreamHost {
  readonly clock: Clock;
  /** Makes the leg, or says why there is to be none. */
  take(media: AvrMedia, early: EarlyMedia): AvrLeg | PatchcordError;
  /** Counts and logs what a peer did wrong. */
  refused(error: PatchcordError, fields: Readonly<Record<string, unknown>>): void;
}

/** Refuses an exchange before its first byte, as the connectors before us did. The peer may then end its side for a while. */
export function refuseExchange(
  request: IncomingMessage,
  response: ServerResponse,
  status: 403 | 500,
  error: PatchcordError,
  clock: Clock,
): void {
  request.on('error', () => response.destroy());
  response.on('error', () => response.destroy());
  request.resume();
  const body = JSON.stringify({ message: error.message, code: error.code });
  response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  endWithin(request, clock, avrStreamLimits.closeDeadlineMs);
}

/** The answer has ended; a peer that does not end its request is cut off. */
function endWithin(request: IncomingMessage, clock: Clock, deadlineMs: number): void {
  if (request.closed) return;
  const deadline = clock.setTimeout(() => request.destroy(), deadlineMs);
  request.once('close', () => deadline.cancel());
}

/**
 * One call as an HTTP exchange: the request's body is the caller's audio, the answer's the agent's, both raw 16 bit
 * at 8 kHz and both open as long as the call. Owns request and answer from the first byte of the answer on.
 */
export class AvrStream implements AvrMedia {
  readonly playback = playback;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #host: AvrStreamHost;
  readonly #limits: AvrStreamLimits;
  readonly #early = new EarlyMedia();
  readonly #flood: FloodGauge;
  readonly #closed: Promise<void>;
  #leg: AvrLeg | undefined;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #unread = false;
  /** The first half of a sample whose second half has not come yet. */
  #half: Buffer | undefined;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    host: AvrStreamHost,
    limits = avrStreamLimits,
  ) {
    this.#request = request;
    this.#response = response;
    this.#host = host;
    this.#limits = limits;
    this.#flood = new FloodGauge(host.clock, limits);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#closed = promise;
    response.once('close', () => {
      this.#onClose();
      resolve();
    });
    const leg = host.take(this, this.#early);
    if (leg instanceof PatchcordError) {
      this.#state = 'closing';
      host.refused(leg, { status: 500 });
      refuseExchange(request, response, 500, leg, host.clock);
      return;
    }
    this.#leg = leg;
    // What failed ends in the answer's `close`.
    response.on('error', () => response.destroy());
    request.on('error', () => response.destroy());
    request.on('data', this.#onData);
    request.once('end', () => this.#finish({ reason: 'hung-up' }));
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache',
      connection: 'keep-alive',
    });
    response.flushHeaders();
  }

  play(audio: AudioChunk): void {
    if (this.#state !== 'open' || this.#unread) return;
    this.#response.write(audio.bytes());
    if (this.#response.writableLength <= this.#limits.backlogBytes) return;
    // The peer does not read; the answer's close, not this call, ends the leg.
    this.#unread = true;
    this.#response.destroy();
  }

  clear(): void {
    // Only the frame that sounds now is at avr-core, and nothing could take that back.
  }

  transcript(): void {
    // The answer is audio and nothing else.
  }

  failed(): void {
    // The status is long written, and the answer is audio: it ends in order.
  }

  close(): Promise<void> {
    this.#leg = undefined;
    this.#finish({ reason: 'hung-up' });
    return this.#closed;
  }

  readonly #onData = (data: Buffer): void => {
    if (this.#state !== 'open') return;
    if (this.#flood.floods(0, data.length)) {
      const error = new PatchcordError('PATCHCORD_PEER_FLOOD');
      this.#host.refused(error, { closed: true });
      this.#finish({ reason: 'protocol-error', error });
      return;
    }
    const pcm = this.#wholeSamples(data);
    if (pcm.length > 0) this.#leg?.audio(AudioChunk.fromBytes(pcm));
  };

  /** Pieces of a stream end where the network likes. */
  #wholeSamples(data: Buffer): Buffer {
    const all = this.#half === undefined ? data : Buffer.concat([this.#half, data]);
    const end = all.length - (all.length % 2);
    this.#half = end < all.length ? Buffer.from(all.subarray(end)) : undefined;
    return all.subarray(0, end);
  }

  /** Ends the answer in order; the owner, where there is one still, is told. */
  #finish(end: LegEnd): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#response.end();
    const { clock } = this.#host;
    const { closeDeadlineMs } = this.#limits;
    endWithin(this.#request, clock, closeDeadlineMs);
    // A peer that has ended its side may still not read ours.
    const deadline = clock.setTimeout(() => this.#response.destroy(), closeDeadlineMs);
    this.#response.once('close', () => deadline.cancel());
    this.#tell(end);
  }

  #onClose(): void {
    const wasOpen = this.#state === 'open';
    this.#state = 'closed';
    if (wasOpen) this.#tell({ reason: 'connection-lost' });
  }

  #tell(end: LegEnd): void {
    const leg = this.#leg;
    this.#leg = undefined;
    this.#early.drop();
    leg?.mediaEnded(end);
  }
}
