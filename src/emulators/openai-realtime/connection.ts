import { type RawData, WebSocket } from 'ws';
import type { Clock, Timeout } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { betaEvent } from './beta-names.ts';
import type { ServerEvent } from './events.ts';
import type { Faults } from './faults.ts';
import type { Ids } from './ids.ts';
import type { Transport } from './session.ts';

/** A client that takes nothing any more is cut off here. */
const mostUnsentBytes = 64 * 1024 * 1024;
const mostDelayedEvents = 100_000;
const closeDeadlineMs = 5000;

interface Delayed {
  readonly at: number;
  readonly frame: string;
}

export interface ConnectionOptions {
  readonly socket: WebSocket;
  readonly clock: Clock;
  readonly log: Logger;
  readonly ids: Ids;
  readonly faults: () => Faults;
  readonly onText: (text: string) => void;
  readonly onBinary: () => void;
  readonly onClosed: (code: number) => void;
}

/** One client's socket: events as text frames, and the faults that lie in the transport. Owns the socket. */
export class Connection implements Transport {
  readonly #options: ConnectionOptions;
  readonly #socket: WebSocket;
  readonly #delayed: Delayed[] = [];
  #delay: Timeout | undefined;
  #deadline: Timeout | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#socket = options.socket;
    const { socket } = options;
    socket.on('message', (data: RawData, isBinary: boolean) => {
      if (isBinary) options.onBinary();
      else options.onText(textOf(data));
    });
    socket.on('error', (error) =>
      options.log.debug({ error: error.message }, 'the socket of a client failed'),
    );
    socket.on('close', (code) => {
      this.#delay?.cancel();
      this.#deadline?.cancel();
      options.onClosed(code);
    });
    // `ws` answers a CLOSE frame by calling this method: with the fault, TCP is dropped instead.
    const answerClose = socket.close.bind(socket);
    socket.close = (code, reason) => {
      if (options.faults().noCloseReply === true) socket.terminate();
      else answerClose(code, reason);
    };
    this.#answerClose = answerClose;
  }

  readonly #answerClose: (code?: number, reason?: string | Buffer) => void;

  send(event: ServerEvent): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    const { faults, ids, clock } = this.#options;
    const { betaNames, eventDelayMs } = faults();
    const named = betaNames === true ? betaEvent(event) : event;
    if (named === undefined) return;
    const frame = JSON.stringify({ event_id: ids.next('event'), ...named });
    if (eventDelayMs === undefined && this.#delayed.length === 0) {
      this.#write(frame);
      return;
    }
    if (this.#delayed.length >= mostDelayedEvents) {
      this.drop();
      return;
    }
    this.#delayed.push({ at: clock.now() + (eventDelayMs ?? 0), frame });
    if (this.#delay === undefined) this.#flushLater();
  }

  close(code: number, reason: string): void {
    // A frame of close holds 123 bytes of reason.
    this.#flush(Number.POSITIVE_INFINITY);
    this.#answerClose(code, reason.slice(0, 120));
    this.#deadline ??= this.#options.clock.setTimeout(() => this.drop(), closeDeadlineMs);
  }

  drop(): void {
    this.#socket.terminate();
  }

  #flushLater(): void {
    const first = this.#delayed[0];
    if (first === undefined) return;
    const { clock } = this.#options;
    this.#delay = clock.setTimeout(
      () => {
        this.#delay = undefined;
        this.#flush(clock.now());
        this.#flushLater();
      },
      Math.max(0, first.at - clock.now()),
    );
  }

  #flush(until: number): void {
    while (this.#delayed[0] !== undefined && this.#delayed[0].at <= until) {
      const next = this.#delayed.shift();
      if (next !== undefined) this.#write(next.frame);
    }
  }

  #write(frame: string): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    this.#socket.send(frame);
    if (this.#socket.bufferedAmount <= mostUnsentBytes) return;
    this.#options.log.warn(
      { unsentBytes: this.#socket.bufferedAmount },
      'a client reads too slowly and is cut off',
    );
    this.drop();
  }
}

function textOf(data: RawData): string {
  if (Buffer.isBuffer(data)) return data.toString('utf8');
  return Array.isArray(data) ? Buffer.concat(data).toString('utf8') : Buffer.from(data).toString('utf8');
}
