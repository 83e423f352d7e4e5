import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { messageOf } from '../../base/errors.ts';
import type { PhoneCallRecord } from '../phone/line-record.ts';
import { AudioSocketConnection, openAudioSocket } from './audiosocket-connection.ts';
import { AudioSocketWire, type AudioSocketWireOptions } from './audiosocket-wire.ts';
import { FakePhoneCall, type FakePhoneCallOptions } from './fake-phone-call.ts';

export interface FakeAudioSocketCallOptions
  extends FakePhoneCallOptions,
    Omit<AudioSocketWireOptions, 'uuid' | 'awaitsPayload'> {
  readonly host: string;
  readonly port: number;
  /** Made up unless set. */
  readonly uuid?: string;
  /**
   * What speaks AudioSocket in Asterisk: the application in the dialplan, which gives a call up after two seconds in
   * which neither side sends, or the channel driver, which does not. `application` unless set.
   */
  readonly spokenBy?: 'application' | 'channel';
  /** What the gateway sees of a caller who hangs up: FIN, or RST as when Asterisk has not read all. FIN unless set. */
  readonly hangsUpWith?: 'fin' | 'rst';
  /** Takes the place of a connection over TCP. */
  readonly connect?: () => Socket;
}

/** What phones keep against jitter, and how far a gateway may run ahead of real time before they drop audio. */
const jitterBufferMs = 60;
const maxAheadMs = 200;

/** The whole Asterisk side of one AudioSocket call against a gateway. Use once. */
export class FakeAudioSocketCall extends FakePhoneCall {
  readonly uuid: string;
  readonly #options: FakeAudioSocketCallOptions;

  constructor(options: FakeAudioSocketCallOptions) {
    super(options);
    this.#options = options;
    this.uuid = options.uuid ?? randomUUID();
  }

  override async run(): Promise<PhoneCallRecord> {
    const record = await super.run();
    const { stream } = record;
    const arrivals = (stream?.media ?? []).map(({ receivedAtMs }) => receivedAtMs);
    const frameGapsMs = arrivals.slice(1).map((atMs, before) => atMs - (arrivals[before] ?? atMs));
    const refused = stream?.endedBy === 'gateway' && arrivals.length === 0;
    const failure = refused ? 'the gateway hung up before it sent any audio' : record.failure;
    return { ...record, failure, frameGapsMs };
  }

  protected override async dial(): Promise<void> {
    const { clock, host, port, spokenBy = 'application', hangsUpWith = 'fin', player } = this.#options;
    const socket = await this.#connected(host, port);
    const transport = new AudioSocketConnection({
      clock,
      socket,
      watchesActivity: spokenBy === 'application',
      hangsUpWith,
    });
    const wire = new AudioSocketWire({
      ...this.#options,
      uuid: this.uuid,
      awaitsPayload: (awaits) => transport.awaitsPayload(awaits),
    });
    this.answered();
    await this.talk({
      wire,
      transport,
      join: (line) => transport.join(line),
      player: { startDelayMs: jitterBufferMs, maxQueuedMs: jitterBufferMs + maxAheadMs, ...player },
    });
  }

  async #connected(host: string, port: number): Promise<Socket> {
    const { clock, connect } = this.#options;
    if (connect !== undefined) return connect();
    try {
      return await openAudioSocket(clock, host, port);
    } catch (error) {
      throw new Error(`AudioSocket at ${host}:${port}: ${messageOf(error)}`, { cause: error });
    }
  }
}
