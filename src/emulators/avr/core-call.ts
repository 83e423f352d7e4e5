import { randomUUID } from 'node:crypto';
import type { Clock, Timeout } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import { NetworkConditions, type NetworkOptions } from '../network.ts';
import { Caller, type CallerStep } from '../phone/caller.ts';
import { PhoneLine } from '../phone/line.ts';
import type { LineEnd, PhoneCallRecord } from '../phone/line-record.ts';
import type { LineTransport, LineWire } from '../phone/line-wire.ts';
import type { MediaPlayerOptions } from '../phone/media-player.ts';
import type { AmiTarget, FakeAmiHelper } from './ami-helper.ts';

export interface CoreCallOptions {
  readonly clock: Clock;
  /** Where the gateway listens: `http://127.0.0.1:5050`; `STS_URL` is the same as `ws://`. */
  readonly gatewayUrl: string;
  /** What the gateway is called by: the `Host` header; `gatewayUrl` unless set. */
  readonly publicUrl?: string;
  readonly path?: string;
  readonly uuid?: string;
  readonly from?: string;
  readonly to?: string;
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

export interface CoreCallRecord extends PhoneCallRecord {
  readonly uuid: string;
  /** Where the call was transferred to. */
  readonly transfer: AmiTarget | undefined;
}

interface Connection {
  /** Hands what comes to the line. */
  readonly transport: LineTransport & { join(line: PhoneLine): void };
  readonly wire: LineWire;
  readonly player?: MediaPlayerOptions | undefined;
}

const defaultMaxCallMs = 120_000;

/** A call at avr-core, whichever way it reaches its connector: its channel, its line, and what became of it. */
export class CoreCall {
  readonly uuid: string;
  readonly #options: CoreCallOptions;
  readonly #startedAtMs: number;
  #answeredAtMs: number | undefined;
  #failure: string | undefined;
  #transfer: AmiTarget | undefined;
  #line: PhoneLine | undefined;
  #hungUp = false;
  #limit: Timeout | undefined;

  constructor(options: CoreCallOptions) {
    this.#options = options;
    this.#startedAtMs = options.clock.now();
    this.uuid = options.uuid ?? randomUUID();
  }

  get line(): PhoneLine | undefined {
    return this.#line;
  }

  /** Whether the caller has hung up. */
  get hungUp(): boolean {
    return this.#hungUp;
  }

  get record(): CoreCallRecord {
    return {
      uuid: this.uuid,
      failure: this.#failure,
      startedAtMs: this.#startedAtMs,
      answeredAtMs: this.#answeredAtMs,
      endedAtMs: this.#options.clock.now(),
      stream: this.#line?.record,
      transfer: this.#transfer,
    };
  }

  hangUp(): void {
    this.#hungUp = true;
    this.#line?.stop('caller');
  }

  /** The first failure counts. */
  failed(what: string): void {
    this.#failure ??= what;
  }

  /** Plays the call while the helper knows its channel, under these variables. Never rejects. */
  async play(variables: Readonly<Record<string, string>>, connect: () => Promise<void>): Promise<void> {
    const removeChannel = this.#options.ami?.add(this.uuid, {
      hangUp: () => this.#line?.stop('gateway'),
      transfer: (target) => {
        this.#transfer = target;
        this.#line?.stop('gateway');
      },
      variables,
    });
    try {
      await connect();
    } catch (error) {
      this.failed(messageOf(error));
    }
    removeChannel?.();
    this.#limit?.cancel();
  }

  /** The connector has answered. Settles with who has ended the talk, when it is over. */
  talk({ transport, wire, player }: Connection): Promise<LineEnd | undefined> {
    const { clock, network, seed = 1, steps = [], background = 'silence' } = this.#options;
    const { maxCallMs = defaultMaxCallMs } = this.#options;
    this.#answeredAtMs = clock.now();
    this.#limit = clock.setTimeout(() => this.hangUp(), maxCallMs);
    return new Promise((resolve) => {
      const line = new PhoneLine({
        clock,
        transport,
        wire,
        caller: new Caller({ steps, background }),
        network: new NetworkConditions(clock, network, seed),
        ...(player === undefined ? {} : { player }),
        expectedMs: maxCallMs,
        ended: ({ endedBy }) => resolve(endedBy),
      });
      this.#line = line;
      transport.join(line);
      line.start();
      if (this.#hungUp) line.stop('caller');
    });
  }
}
