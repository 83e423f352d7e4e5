import type { WebSocket } from 'ws';
import type { Clock, Timeout } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';

/** What a feed needs of a WebSocket; `ws` fits it. */
export type FeedSocket = Pick<WebSocket, 'bufferedAmount' | 'send' | 'ping' | 'close' | 'terminate' | 'on'>;

export interface FeedLimits {
  /** Bytes that may wait for a consumer, beyond what it was given when it came; then it is closed with 1013. */
  readonly bufferedBytes: number;
  readonly consumers: number;
  /** A consumer that has answered no ping for one to two such times is gone. */
  readonly pingMs: number;
  /** How long a consumer may take to close. */
  readonly closeMs: number;
}

export const feedLimits: FeedLimits = {
  bufferedBytes: 1_048_576,
  consumers: 100,
  pingMs: 30_000,
  closeMs: 2000,
};

interface Consumer<Filter> {
  readonly socket: FeedSocket;
  readonly filter: Filter;
  readonly allowedBytes: number;
  alive: boolean;
  closing: Timeout | undefined;
}

/**
 * Sends the same messages to many WebSockets. A message is encoded once; a consumer that falls behind is closed, as
 * nothing may wait for it; one that is silently gone is found by pings. What consumers send is not read.
 */
export class Feed<Filter> {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #limits: FeedLimits;
  readonly #consumers = new Set<Consumer<Filter>>();
  #pings: Timeout | undefined;

  constructor(clock: Clock, log: Logger, limits: FeedLimits = feedLimits) {
    this.#clock = clock;
    this.#log = log;
    this.#limits = limits;
  }

  get size(): number {
    return this.#consumers.size;
  }

  /** `first`: what this consumer alone is sent before all others. */
  add(socket: FeedSocket, filter: Filter, first: readonly string[] = []): void {
    socket.on('error', (error) => this.#log.debug({ error: error.message }, 'a feed socket failed'));
    if (this.#consumers.size >= this.#limits.consumers) {
      const consumer = { socket, filter, allowedBytes: 0, alive: true, closing: undefined };
      socket.on('close', () => this.#forget(consumer));
      this.#dismiss(consumer, 1013, 'too many listeners');
      return;
    }
    for (const text of first) socket.send(text, ignore);
    const consumer: Consumer<Filter> = {
      socket,
      filter,
      allowedBytes: this.#limits.bufferedBytes + socket.bufferedAmount,
      alive: true,
      closing: undefined,
    };
    this.#consumers.add(consumer);
    socket.on('close', () => this.#forget(consumer));
    socket.on('pong', () => {
      consumer.alive = true;
    });
    this.#pings ??= this.#clock.setTimeout(this.#ping, this.#limits.pingMs);
  }

  /** Sends to every consumer whose filter passes. */
  send(text: string, passes: (filter: Filter) => boolean = always): void {
    let bytes: Buffer | undefined;
    for (const consumer of this.#consumers) {
      if (consumer.closing !== undefined || !passes(consumer.filter)) continue;
      if (consumer.socket.bufferedAmount > consumer.allowedBytes) {
        this.#log.warn({ bufferedBytes: consumer.socket.bufferedAmount }, 'a feed consumer is too slow');
        this.#dismiss(consumer, 1013, 'too slow');
        continue;
      }
      bytes ??= Buffer.from(text);
      consumer.socket.send(bytes, { binary: false }, ignore);
    }
  }

  /** Closes every consumer, and takes no more time than `closeMs` for it. */
  close(): void {
    this.#pings?.cancel();
    this.#pings = undefined;
    for (const consumer of this.#consumers) this.#dismiss(consumer, 1001, 'the gateway is closing');
  }

  #dismiss(consumer: Consumer<Filter>, code: number, reason: string): void {
    if (consumer.closing !== undefined) return;
    consumer.closing = this.#clock.setTimeout(() => consumer.socket.terminate(), this.#limits.closeMs);
    consumer.socket.close(code, reason);
  }

  #forget(consumer: Consumer<Filter>): void {
    consumer.closing?.cancel();
    this.#consumers.delete(consumer);
    if (this.#consumers.size > 0) return;
    this.#pings?.cancel();
    this.#pings = undefined;
  }

  readonly #ping = (): void => {
    for (const consumer of this.#consumers) {
      if (!consumer.alive) {
        consumer.socket.terminate();
        // Not left to `close`, which a socket that was closed before it came here has behind it.
        this.#forget(consumer);
        continue;
      }
      consumer.alive = false;
      consumer.socket.ping(undefined, undefined, ignore);
    }
    this.#pings =
      this.#consumers.size > 0 ? this.#clock.setTimeout(this.#ping, this.#limits.pingMs) : undefined;
  };
}

function always(): boolean {
  return true;
}

/** A send that fails is followed by the socket's own `close`. */
function ignore(): void {
  return;
}
