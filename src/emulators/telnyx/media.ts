import { randomUUID } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { NetworkConditions, type NetworkOptions } from '../network.ts';
import type { Caller } from '../phone/caller.ts';
import type { GatewayHttp } from '../phone/gateway-http.ts';
import { PhoneLine } from '../phone/line.ts';
import type { LineRecord } from '../phone/line-record.ts';
import { openLineSocket } from '../phone/line-socket.ts';
import type { MediaPlayerOptions } from '../phone/media-player.ts';
import type { StreamRequest } from './commands.ts';
import { TelnyxWire, type TelnyxWireOptions } from './wire.ts';

export interface MediaOptions {
  readonly clock: Clock;
  readonly http: GatewayHttp;
  readonly caller: Caller;
  readonly asked: StreamRequest;
  readonly streamId: string;
  /** What `start` says of the call. */
  readonly call: Pick<TelnyxWireOptions, 'callControlId' | 'callSessionId' | 'from' | 'to' | 'clientState'>;
  readonly byteOrder: TelnyxWireOptions['byteOrder'];
  readonly network: NetworkOptions | undefined;
  readonly seed: number;
  readonly player: MediaPlayerOptions | undefined;
  readonly expectedMs: number;
  ended(record: LineRecord): void;
}

/** Opens the media socket; the line is to be started. Rejects with PATCHCORD_NOT_FOUND where the gateway refuses it. */
export async function openMedia(options: MediaOptions): Promise<PhoneLine> {
  const { clock, http, caller, asked, streamId, call, byteOrder, network, seed, player } = options;
  const url = new URL(asked.url);
  const headers: Record<string, string> = { 'user-agent': 'telnyx-media' };
  if (asked.authToken !== undefined) headers['x-telnyx-streaming-auth-token'] = asked.authToken;
  const socket = await openLineSocket({ clock, path: url.pathname, ...http.route(url), headers });
  const { inbound, outbound, authToken, customParameters } = asked;
  const wire = new TelnyxWire({
    ...call,
    streamId,
    userId: randomUUID(),
    customParameters,
    authToken,
    inbound,
    outbound,
    ...(byteOrder === undefined ? {} : { byteOrder }),
    epochMs: () => clock.epochMs(),
  });
  const line = new PhoneLine({
    clock,
    transport: socket,
    wire,
    caller,
    network: new NetworkConditions(clock, network, seed),
    ...(player === undefined ? {} : { player }),
    expectedMs: options.expectedMs,
    ended: options.ended,
  });
  socket.join(line);
  return line;
}
