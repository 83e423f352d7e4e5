import type { Duplex } from 'node:stream';
import type { PhoneLine } from '../phone/line.ts';
import { SeededRandom } from '../seeded-random.ts';
import { CoreCall, type CoreCallOptions, type CoreCallRecord } from './core-call.ts';
import { type Exchange, openExchange } from './exchange.ts';
import { AvrHttpWire } from './http-wire.ts';
import { OddChunks } from './odd-chunks.ts';
import type { AvrExchangeRecord } from './session-record.ts';

export interface FakeAvrHttpCallOptions extends CoreCallOptions {
  /** The body comes in pieces of sizes that nobody expects, odd ones among them. */
  readonly oddChunks?: boolean;
  /** A core that does not say which call it is. */
  readonly tellsUuid?: boolean;
  /** Takes the place of a connection over TCP. */
  readonly connect?: () => Duplex;
}

export interface AvrHttpCallRecord extends CoreCallRecord {
  readonly exchange: AvrExchangeRecord | undefined;
}

const answerEndsWithinMs = 2_000;
/** avr-core plays from a queue: what comes every 20 ms gets this much time to be late. */
const startDelayMs = 60;

/** A whole call of avr-core with a connector over HTTP. AVR, "STS HTTP protocol". Use once. */
export class FakeAvrHttpCall {
  readonly #options: FakeAvrHttpCallOptions;
  readonly #call: CoreCall;
  readonly #wire: AvrHttpWire;
  #exchange: Exchange | undefined;

  constructor(options: FakeAvrHttpCallOptions) {
    this.#options = options;
    this.#call = new CoreCall(options);
    this.#wire = new AvrHttpWire(() => options.clock.now());
  }

  get uuid(): string {
    return this.#call.uuid;
  }

  /** While there is one; also after its end. */
  get line(): PhoneLine | undefined {
    return this.#call.line;
  }

  /** Plays the call from the request to the end of its answer. Never rejects: what went wrong is on record. */
  async run(): Promise<AvrHttpCallRecord> {
    await this.#call.play({}, () => this.#connect());
    const exchange = this.#exchange;
    if (exchange === undefined) return { ...this.#call.record, exchange };
    const endedInOrder = await exchange.ended(answerEndsWithinMs);
    if (!endedInOrder) this.#call.failed('the answer did not end in order');
    const { record } = this.#call;
    const { startedAtMs, answeredAtMs = startedAtMs } = record;
    const { contentType } = exchange;
    const { pacing } = this.#wire;
    const answeredAfterMs = answeredAtMs - startedAtMs;
    return { ...record, exchange: { answeredAfterMs, contentType, pacing, endedInOrder } };
  }

  /** The caller hangs up. */
  hangUp(): void {
    this.#call.hangUp();
  }

  async #connect(): Promise<void> {
    const transport = await this.#openExchange();
    this.#exchange = transport;
    const player = { startDelayMs, ...this.#options.player };
    const endedBy = await this.#call.talk({ transport, wire: this.#wire, player });
    if (endedBy === 'network') this.#call.failed('the exchange was lost');
    // Its answer has ended before the caller: the request has nobody to go to.
    if (endedBy === 'gateway') transport.close();
  }

  #openExchange(): Promise<Exchange> {
    const { clock, gatewayUrl, publicUrl = gatewayUrl, path = '/speech-to-speech-stream' } = this.#options;
    const { oddChunks = false, tellsUuid = true, connect, seed = 1 } = this.#options;
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
