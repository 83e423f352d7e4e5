import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { Clock, Timeout } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import { NetworkConditions } from '../network.ts';
import { Caller } from '../phone/caller.ts';
import { PhoneLine } from '../phone/line.ts';
import type { PhoneCallRecord } from '../phone/line-record.ts';
import { SeededRandom } from '../seeded-random.ts';
import type { AmiTarget } from './ami-helper.ts';
import type { FakeAvrCallOptions } from './call.ts';
import { type Exchange, openExchange } from './exchange.ts';
import { AvrHttpWire } from './http-wire.ts';
import { OddChunks } from './odd-chunks.ts';
import type { AvrExchangeRecord } from './session-record.ts';

export interface FakeAvrHttpCallOptions
  extends Omit<FakeAvrCallOptions, 'metadata' | 'tellsMetadata' | 'providerConfig'> {
  /** The body comes in pieces of sizes that nobody expects, odd ones among them. */
  readonly oddChunks?: boolean;
  /** A core that does not say which call it is. */
  readonly tellsUuid?: boolean;
  /** Takes the place of a connection over TCP. */
  readonly connect?: () => Duplex;
}

export interface AvrHttpCallRecord extends PhoneCallRecord {
  readonly uuid: string;
  readonly exchange: AvrExchangeRecord | undefined;
  readonly transfer: AmiTarget | undefined;
}

const defaultMaxCallMs = 120_000;
const answerEndsWithinMs = 2_000;
/** avr-core plays from a queue: what comes every 20 ms gets this much time to be late. */
const startDelayMs = 60;

/** A whole call of avr-core with a connector over HTTP. AVR, "STS HTTP protocol". Use once. */
export class FakeAvrHttpCall {
  readonly uuid: string;
  readonly #options: FakeAvrHttpCallOptions;
  readonly #clock: Clock;
  readonly #wire: AvrHttpWire;
  readonly #startedAtMs: number;
  #answeredAtMs: number | undefined;
  #failure: string | undefined;
  #transfer: AmiTarget | undefined;
  #exchange: Exchange | undefined;
  #line: PhoneLine | undefined;
  #hungUp = false;
  #limit: Timeout | undefined;

  constructor(options: FakeAvrHttpCallOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#startedAtMs = options.clock.now();
    this.uuid = options.uuid ?? randomUUID();
    this.#wire = new AvrHttpWire(() => this.#clock.now());
  }

  /** While there is one; also after its end. */
  get line(): PhoneLine | undefined {
    return this.#line;
  }

  /** Plays the call from the request to the end of its answer. Never rejects: what went wrong is on record. */
  async run(): Promise<AvrHttpCallRecord> {
    const removeChannel = this.#options.ami?.add(this.uuid, {
      hangUp: () => this.#line?.stop('gateway'),
      transfer: (target) => {
        this.#transfer = target;
        this.#line?.stop('gateway');
      },
    });
    try {
      await this.#connect();
    } catch (error) {
      this.#failure = messageOf(error);
    }
    removeChannel?.();
    this.#limit?.cancel();
    const endedInOrder = (await this.#exchange?.ended(answerEndsWithinMs)) ?? false;
    const answeredAtMs = this.#answeredAtMs;
    if (answeredAtMs !== undefined && !endedInOrder) this.#failure ??= 'the answer did not end in order';
    const exchange = this.#exchange;
    return {
      uuid: this.uuid,
      failure: this.#failure,
      startedAtMs: this.#startedAtMs,
      answeredAtMs,
      endedAtMs: this.#clock.now(),
      stream: this.#line?.record,
      exchange:
        exchange === undefined || answeredAtMs === undefined
          ? undefined
          : {
              answeredAfterMs: answeredAtMs - this.#startedAtMs,
              contentType: exchange.contentType,
              pacing: this.#wire.pacing,
              endedInOrder,
            },
      transfer: this.#transfer,
    };
  }

  /** The caller hangs up. */
  hangUp(): void {
    this.#hungUp = true;
    this.#line?.stop('caller');
  }

  async #connect(): Promise<void> {
    const { network, seed = 1, player, steps = [], background = 'silence' } = this.#options;
    const { maxCallMs = defaultMaxCallMs } = this.#options;
    const clock = this.#clock;
    this.#exchange = await this.#openExchange(seed);
    const exchange = this.#exchange;
    this.#answeredAtMs = clock.now();
    this.#limit = clock.setTimeout(() => this.hangUp(), maxCallMs);
    await new Promise<void>((resolve) => {
      const line = new PhoneLine({
        clock,
        transport: exchange,
        wire: this.#wire,
        caller: new Caller({ steps, background }),
        network: new NetworkConditions(clock, network, seed),
        player: { startDelayMs, ...player },
        expectedMs: maxCallMs,
        ended: ({ endedBy }) => {
          if (endedBy === 'network') this.#failure ??= 'the exchange was lost';
          // Its answer has ended before the caller: the request has nobody to go to.
          if (endedBy === 'gateway') exchange.close();
          resolve();
        },
      });
      this.#line = line;
      exchange.join(line);
      line.start();
      if (this.#hungUp) line.stop('caller');
    });
  }

  #openExchange(seed: number): Promise<Exchange> {
    const { clock, gatewayUrl, publicUrl = gatewayUrl, path = '/speech-to-speech-stream' } = this.#options;
    const { oddChunks = false, tellsUuid = true, connect } = this.#options;
    return openExchange({
      clock,
      address: new URL(path, gatewayUrl),
      host: new URL(publicUrl).host,
      headers: tellsUuid ? { 'x-uuid': this.uuid } : {},
      ...(connect === undefined ? {} : { connect }),
      ...(oddChunks ? { oddChunks: new OddChunks(new SeededRandom(seed)) } : {}),
    });
  }
}
