import { randomUUID } from 'node:crypto';
import type { Clock, Timeout } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import { NetworkConditions, type NetworkOptions } from '../network.ts';
import { Caller, type CallerStep } from '../phone/caller.ts';
import { PhoneLine } from '../phone/line.ts';
import type { PhoneCallRecord } from '../phone/line-record.ts';
import { type LineSocket, openLineSocket } from '../phone/line-socket.ts';
import type { MediaPlayerOptions } from '../phone/media-player.ts';
import type { AmiTarget, FakeAmiHelper } from './ami-helper.ts';
import { connectorUrl, initMessage, resetMessage } from './core-message.ts';
import type { AvrSessionRecord } from './session-record.ts';
import { AvrWire } from './wire.ts';

export interface FakeAvrCallOptions {
  readonly clock: Clock;
  /** Where the gateway listens: `http://127.0.0.1:5050`; `STS_URL` is the same as `ws://`. */
  readonly gatewayUrl: string;
  /** What the gateway is called by: the `Host` header; `gatewayUrl` unless set. */
  readonly publicUrl?: string;
  readonly path?: string;
  readonly uuid?: string;
  readonly from?: string;
  readonly to?: string;
  /** What the dialplan gave to avr-core besides `from` and `to`; it comes in the query. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** A core before 1.12 tells nothing but the uuid. */
  readonly tellsMetadata?: boolean;
  readonly providerConfig?: object;
  /** The helper that knows the call's channel while it lasts. */
  readonly ami?: FakeAmiHelper;
  readonly steps?: readonly CallerStep[];
  readonly background?: 'silence' | 'noise';
  readonly network?: NetworkOptions;
  readonly seed?: number;
  readonly player?: MediaPlayerOptions;
  /** The caller hangs up this long after avr-core has connected; 120 s unless set. */
  readonly maxCallMs?: number;
}

export interface AvrCallRecord extends PhoneCallRecord {
  readonly uuid: string;
  readonly session: AvrSessionRecord;
  /** Where the call was transferred to. */
  readonly transfer: AmiTarget | undefined;
}

const defaultMaxCallMs = 120_000;

/** A whole call of avr-core with a connector over WebSocket. AVR, "STS WebSocket protocol". Use once. */
export class FakeAvrCall {
  readonly uuid: string;
  readonly #options: FakeAvrCallOptions;
  readonly #clock: Clock;
  readonly #wire: AvrWire;
  readonly #startedAtMs: number;
  #answeredAtMs: number | undefined;
  #failure: string | undefined;
  #transfer: AmiTarget | undefined;
  #socket: LineSocket | undefined;
  #line: PhoneLine | undefined;
  #hungUp = false;
  #limit: Timeout | undefined;

  constructor(options: FakeAvrCallOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#startedAtMs = options.clock.now();
    this.uuid = options.uuid ?? randomUUID();
    const { providerConfig } = options;
    this.#wire = new AvrWire({
      uuid: this.uuid,
      ...(providerConfig === undefined ? {} : { providerConfig }),
    });
  }

  /** While there is one; also after its end. */
  get line(): PhoneLine | undefined {
    return this.#line;
  }

  /** Plays the call from the connection to its close. Never rejects: what went wrong is on record. */
  async run(): Promise<AvrCallRecord> {
    const removeChannel = this.#options.ami?.add(this.uuid, {
      hangUp: () => this.#line?.stop('gateway'),
      transfer: (target) => {
        this.#transfer = target;
        this.#line?.stop('gateway');
      },
      variables: { phoneNumber: this.#from, channel: `PJSIP/${this.#from}-00000001` },
    });
    try {
      await this.#connect();
    } catch (error) {
      this.#failure = messageOf(error);
    }
    removeChannel?.();
    this.#limit?.cancel();
    this.#socket?.destroy();
    return {
      uuid: this.uuid,
      failure: this.#failure,
      startedAtMs: this.#startedAtMs,
      answeredAtMs: this.#answeredAtMs,
      endedAtMs: this.#clock.now(),
      stream: this.#line?.record,
      session: this.#wire.record,
      transfer: this.#transfer,
    };
  }

  /** The caller hangs up. */
  hangUp(): void {
    this.#hungUp = true;
    this.#line?.stop('caller');
  }

  /** Says `init` once more, as some cores do. */
  initAgain(): void {
    this.#line?.send(initMessage(this.uuid));
  }

  /** The conversation is to begin anew; known to one fork of avr-core. */
  reset(): void {
    this.#line?.send(resetMessage);
  }

  get #from(): string {
    return this.#options.from ?? '+15550001111';
  }

  async #connect(): Promise<void> {
    const { network, seed = 1, player, steps = [], background = 'silence' } = this.#options;
    const { maxCallMs = defaultMaxCallMs } = this.#options;
    const clock = this.#clock;
    this.#socket = await this.#openSocket();
    const socket = this.#socket;
    if (this.#hungUp) return;
    this.#answeredAtMs = clock.now();
    this.#limit = clock.setTimeout(() => this.hangUp(), maxCallMs);
    await new Promise<void>((resolve) => {
      const line = new PhoneLine({
        clock,
        transport: socket,
        wire: this.#wire,
        caller: new Caller({ steps, background }),
        network: new NetworkConditions(clock, network, seed),
        ...(player === undefined ? {} : { player }),
        expectedMs: maxCallMs,
        ended: ({ endedBy }) => {
          if (endedBy === 'network') this.#failure ??= 'the socket was lost';
          resolve();
        },
      });
      this.#line = line;
      socket.join(line);
      line.start();
    });
  }

  #openSocket(): Promise<LineSocket> {
    const { clock, gatewayUrl, publicUrl = gatewayUrl, path = '/', to = '+15550002222' } = this.#options;
    const { metadata = {}, tellsMetadata = true } = this.#options;
    const base = new URL(path, gatewayUrl.replace(/^http/, 'ws')).href;
    const told = { from: this.#from, to, uniqueid: `${Math.floor(clock.epochMs() / 1000)}.1`, ...metadata };
    const address = new URL(connectorUrl(base, tellsMetadata ? told : {}));
    const host = new URL(publicUrl).host;
    return openLineSocket({ clock, path: address.pathname, address, host, headers: {} });
  }
}
