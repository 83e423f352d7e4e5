import type { PhoneLine } from '../phone/line.ts';
import { type LineSocket, openLineSocket } from '../phone/line-socket.ts';
import { CoreCall, type CoreCallOptions, type CoreCallRecord } from './core-call.ts';
import { connectorUrl, initMessage, resetMessage } from './core-message.ts';
import type { AvrSessionRecord } from './session-record.ts';
import { AvrWire } from './wire.ts';

export interface FakeAvrCallOptions extends CoreCallOptions {
  /** What the dialplan gave to avr-core besides `from` and `to`; it comes in the query. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** A core before 1.12 tells nothing but the uuid. */
  readonly tellsMetadata?: boolean;
  readonly providerConfig?: object;
}

export interface AvrCallRecord extends CoreCallRecord {
  readonly session: AvrSessionRecord;
}

/** A whole call of avr-core with a connector over WebSocket. AVR, "STS WebSocket protocol". Use once. */
export class FakeAvrCall {
  readonly #options: FakeAvrCallOptions;
  readonly #call: CoreCall;
  readonly #wire: AvrWire;
  #socket: LineSocket | undefined;

  constructor(options: FakeAvrCallOptions) {
    this.#options = options;
    this.#call = new CoreCall(options);
    const { providerConfig } = options;
    this.#wire = new AvrWire({
      uuid: this.uuid,
      ...(providerConfig === undefined ? {} : { providerConfig }),
    });
  }

  get uuid(): string {
    return this.#call.uuid;
  }

  /** While there is one; also after its end. */
  get line(): PhoneLine | undefined {
    return this.#call.line;
  }

  /** Plays the call from the connection to its close. Never rejects: what went wrong is on record. */
  async run(): Promise<AvrCallRecord> {
    const variables = { phoneNumber: this.#from, channel: `PJSIP/${this.#from}-00000001` };
    await this.#call.play(variables, () => this.#connect());
    this.#socket?.destroy();
    return { ...this.#call.record, session: this.#wire.record };
  }

  /** The caller hangs up. */
  hangUp(): void {
    this.#call.hangUp();
  }

  /** Says `init` once more, as some cores do. */
  initAgain(): void {
    this.line?.send(initMessage(this.uuid));
  }

  /** The conversation is to begin anew; known to one fork of avr-core. */
  reset(): void {
    this.line?.send(resetMessage);
  }

  get #from(): string {
    return this.#options.from ?? '+15550001111';
  }

  async #connect(): Promise<void> {
    const transport = await this.#openSocket();
    this.#socket = transport;
    if (this.#call.hungUp) return;
    const { player } = this.#options;
    const endedBy = await this.#call.talk({ transport, wire: this.#wire, player });
    if (endedBy === 'network') this.#call.failed('the socket was lost');
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
