import type { Clock, Timeout } from '../../base/clock.ts';
import type { NetworkConditions } from '../network.ts';
import type { Caller } from '../phone/caller.ts';
import { PhoneLine } from '../phone/line.ts';
import type { LineRecord } from '../phone/line-record.ts';
import type { LineTransport } from '../phone/line-wire.ts';
import type { MediaPlayerOptions } from '../phone/media-player.ts';
import type { CloseReason, SessionRecord } from './session-record.ts';
import type { GenesysWire } from './wire.ts';

export interface GenesysSessionOptions {
  readonly clock: Clock;
  readonly transport: LineTransport;
  readonly wire: GenesysWire;
  readonly caller: Caller;
  readonly network?: NetworkConditions;
  readonly player?: MediaPlayerOptions;
  readonly expectedMs?: number;
  /** Told once, when the session is over for whatever reason. */
  ended?(line: LineRecord): void;
}

const openedWithinMs = 5_000;
const firstPingMs = 1_000;
const pingEveryMs = 5_000;

/**
 * One session of Genesys without any socket: the line, and what Genesys does by itself. `opened` has 5 s; the first
 * ping goes out 1 s after it, another when its pong is there, then one every 5 s; a pong has until the next ping.
 */
export class GenesysSession {
  readonly line: PhoneLine;
  readonly #options: GenesysSessionOptions;
  #deadline: Timeout | undefined;
  #pings: Timeout | undefined;

  constructor(options: GenesysSessionOptions) {
    this.#options = options;
    const { clock, transport, wire, caller, network, player, expectedMs } = options;
    this.line = new PhoneLine({
      clock,
      transport,
      wire,
      caller,
      ...(network === undefined ? {} : { network }),
      ...(player === undefined ? {} : { player }),
      ...(expectedMs === undefined ? {} : { expectedMs }),
      ended: (record) => this.#ended(record),
    });
  }

  get record(): SessionRecord {
    return this.#options.wire.record;
  }

  /** To be called once, when the transport is open. */
  start(): void {
    this.#deadline = this.#options.clock.setTimeout(() => this.#openedOverdue(), openedWithinMs);
    this.#armPing(firstPingMs);
    this.line.start();
  }

  /** The flow holds the caller's audio back. */
  pause(): void {
    this.line.send(this.#options.wire.pause('client'));
  }

  resume(): void {
    this.line.send(this.#options.wire.resume('client'));
  }

  update(language: string): void {
    this.message('update', { language });
  }

  /** Error 429, although nothing may be wrong. */
  limit(retryAfterMs?: number): void {
    this.line.send(this.#options.wire.limit(retryAfterMs));
  }

  /** An error that ends nothing. */
  error(code: number, message: string): void {
    this.line.send(this.#options.wire.error(code, message));
  }

  /** Any message at all, in the envelope that is due. */
  message(type: string, parameters: object = {}): void {
    this.line.send(this.#options.wire.message(type, parameters));
  }

  /** Genesys ends the session for a reason of its own. */
  stop(reason: CloseReason): void {
    this.#options.wire.carrierReason = reason;
    this.line.stop('carrier');
  }

  #openedOverdue(): void {
    if (this.record.openedAtMs !== undefined) return;
    this.#fault('opened-late', `no opened within ${openedWithinMs / 1000} s`);
    this.error(408, 'Request timeout: open');
    this.stop('error');
  }

  #armPing(inMs: number): void {
    this.#pings = this.#options.clock.setTimeout(() => this.#pingDue(), inMs);
  }

  #pingDue(): void {
    const { wire } = this.#options;
    if (wire.awaitsPong) {
      this.#fault('no-pong', 'no pong by the time of the next ping');
      this.error(408, 'Request timeout: ping');
      this.stop('error');
      return;
    }
    const isOpened = this.record.openedAtMs !== undefined;
    if (isOpened) this.line.send(wire.ping());
    this.#armPing(isOpened ? pingEveryMs : firstPingMs);
  }

  #ended(record: LineRecord): void {
    this.#deadline?.cancel();
    this.#pings?.cancel();
    const { closeCode } = record;
    const byPeer = closeCode !== undefined && closeCode !== 1006;
    if (byPeer && this.record.closedAtMs === undefined) {
      this.#fault('closed-first', `the gateway closed the socket with ${closeCode}`);
    }
    this.#options.ended?.(record);
  }

  #fault(kind: string, detail: string): void {
    const { record } = this.line;
    record.violationCount += 1;
    record.violations.push({ kind, detail, atMs: this.#options.clock.now() });
  }
}
