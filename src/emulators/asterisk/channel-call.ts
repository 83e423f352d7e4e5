import { randomInt } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { bytesPerFrame } from '../phone/caller-audio.ts';
import { openLineSocket } from '../phone/line-socket.ts';
import type { ControlFormat } from './channel-command.ts';
import { ChannelPlayer } from './channel-player.ts';
import { type ChannelFormat, ChannelWire, channelFormats } from './channel-wire.ts';
import { FakePhoneCall, type FakePhoneCallOptions } from './fake-phone-call.ts';
import type { PhonePacketsOptions } from './phone-packets.ts';

export interface FakeChannelCallOptions extends FakePhoneCallOptions, PhonePacketsOptions {
  /** Where the gateway listens: `http://127.0.0.1:5050`. */
  readonly gatewayUrl: string;
  /** Path and query of `uri` in websocket_client.conf; `/asterisk` unless set. */
  readonly path?: string;
  /** Of websocket_client.conf: HTTP Basic on the upgrade. */
  readonly username?: string;
  readonly password?: string;
  /** Name of the section in websocket_client.conf. */
  readonly connectionId?: string;
  /** `c(ulaw)` of the dial string; `ulaw` unless set. */
  readonly format?: ChannelFormat;
  /** `f(json)` of the dial string; `json` unless set. */
  readonly control?: ControlFormat;
  /** Writes events as the first versions did, without `channel_id` and `ptime`. */
  readonly early?: boolean;
  /** `n` of the dial string: the gateway answers the phone. */
  readonly answeredByGateway?: boolean;
  /** Frames before MEDIA_START. */
  readonly earlyFrames?: number;
  /** `v(name=value)` of the dial string, which are added to the URI. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Variables of the channel, as MEDIA_START tells them. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Takes the place of a connection over TCP. */
  readonly connect?: () => Duplex;
}

/** The whole Asterisk side of one call over a WebSocket channel against a gateway. Use once. */
export class FakeChannelCall extends FakePhoneCall {
  readonly channelId: string;
  readonly #options: FakeChannelCallOptions;

  constructor(options: FakeChannelCallOptions) {
    super(options);
    this.#options = options;
    this.channelId = `${Math.floor(options.clock.epochMs() / 1000)}.${randomInt(1, 1_000_000)}`;
  }

  protected override async dial(): Promise<void> {
    const { clock, gatewayUrl, format = 'ulaw', control = 'json', connectionId = 'gateway' } = this.#options;
    const { early = false, answeredByGateway = false, player: playerOptions, connect } = this.#options;
    const address = this.#address(gatewayUrl);
    const socket = await openLineSocket({
      clock,
      path: address.pathname,
      address,
      host: address.host,
      headers: this.#credentials(),
      protocols: ['media'],
      ...(connect === undefined ? {} : { connect }),
    });
    const player = new ChannelPlayer({
      clock,
      format: channelFormats[format],
      ...playerOptions,
      tell: (event) => this.line?.send(wire.event(event)),
    });
    const wire = new ChannelWire({
      ...this.#options,
      format,
      style: { format: control, early },
      player,
      facts: {
        connectionId,
        channel: `WebSocket/${connectionId}/0x${this.channelId.replaceAll('.', '')}`,
        channelId: this.channelId,
        variables: this.#variables(connectionId, format, control),
      },
      answered: () => this.answered(),
    });
    if (!answeredByGateway) this.answered();
    await this.talk({
      wire,
      transport: socket,
      join: (line) => socket.join(line),
      newPlayer: (events) => player.listen(events),
    });
  }

  #address(gatewayUrl: string): URL {
    const { path = '/asterisk', parameters = {} } = this.#options;
    const address = new URL(path, gatewayUrl);
    address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
    for (const [name, value] of Object.entries(parameters)) address.searchParams.append(name, value);
    return address;
  }

  #credentials(): Readonly<Record<string, string>> {
    const { username, password } = this.#options;
    if (username === undefined) return {};
    const pair = Buffer.from(`${username}:${password ?? ''}`).toString('base64');
    return { authorization: `Basic ${pair}` };
  }

  #variables(connectionId: string, format: ChannelFormat, control: ControlFormat): Record<string, string> {
    return {
      DIALEDPEERNUMBER: `${connectionId}/c(${format})f(${control})`,
      MEDIA_WEBSOCKET_CONNECTION_ID: connectionId,
      MEDIA_WEBSOCKET_OPTIMAL_FRAME_SIZE: String(bytesPerFrame(channelFormats[format])),
      ...this.#options.variables,
    };
  }
}
