import type { IncomingMessage } from 'node:http';
import type { Carrier, CarrierHost, SocketRoute, StreamRoute } from '../carrier.ts';
import { missingSettings } from '../missing-settings.ts';
import { accessTo } from './access.ts';
import { AmiHelper } from './ami.ts';
import { AvrCalls } from './calls.ts';
import { partyOf, queryOf } from './party.ts';
import { AvrSocket } from './socket.ts';
import { AvrStream, refuseExchange } from './stream.ts';
import { readUuid } from './wire.ts';

export interface AvrSettings {
  /** A port of AVR's own, where any path is taken; undefined: AVR is served on the gateway's port alone. */
  readonly port?: number | undefined;
  /** Addresses and networks from which avr-core may connect. */
  readonly allow: readonly string[];
  /** The AMI helper, `http://127.0.0.1:6006`. */
  readonly amiUrl: string;
}

const name = 'avr';
/** A message of avr-core holds 20 ms and stays below 500 bytes; this is three seconds. */
const maxMessageBytes = 65_536;
const streamPath = '/speech-to-speech-stream';

/** Agent Voice Response: avr-core's client for speech-to-speech, over WebSocket or HTTP, docs/carriers/avr.md. */
export function avrCarrier(settings: AvrSettings, host: CarrierHost): Carrier {
  const calls = new AvrCalls(host, new AmiHelper(settings.amiUrl, host.clock));
  const refusePeer = accessTo(settings.allow, host.publicUrl);
  const socket = socketRoute(host, calls, refusePeer);
  const stream = streamRoute(host, calls, refusePeer);
  return {
    name,
    webhooks: [],
    sockets: [socket],
    streams: [stream],
    ...(settings.port === undefined
      ? {}
      : {
          listeners: [
            {
              kind: 'http' as const,
              name: 'AVR_PORT',
              port: settings.port,
              sockets: [{ ...socket, below: true }],
              streams: [stream],
            },
          ],
        }),
    dialMissing: [],
    inboundMissing: missingSettings({ AVR_ALLOW: settings.allow.length > 0 }),
    close() {
      // What there is belongs to calls.
    },
  };
}

type RefusePeer = ReturnType<typeof accessTo>;

function socketRoute(host: CarrierHost, calls: AvrCalls, refusePeer: RefusePeer): SocketRoute {
  return {
    path: '/',
    maxPayloadBytes: maxMessageBytes,
    recognises: () => true,
    authorize(request) {
      const error = refusePeer(request);
      if (error === undefined) return { accept: true };
      host.refused(name, error, { status: 403, ...error.details });
      return { accept: false, status: 403, error };
    },
    connect(socket, request) {
      const query = queryOf(request.url);
      new AvrSocket(socket, request.socket, {
        clock: host.clock,
        take: ({ uuid = readUuid(query.get('uuid')), fields }, media, early) =>
          calls.take({ uuid, party: partyOf(query, fields), media, early }),
        refused: (error, fields) => host.refused(name, error, { ...error.details, ...fields }),
        debug: (message, fields) => host.log.debug({ carrier: name, ...fields }, message),
      });
    },
  };
}

function streamRoute(host: CarrierHost, calls: AvrCalls, refusePeer: RefusePeer): StreamRoute {
  return {
    path: streamPath,
    method: 'POST',
    handle(request, response) {
      const refusal = refusePeer(request);
      if (refusal !== undefined) {
        host.refused(name, refusal, { status: 403, ...refusal.details });
        refuseExchange(request, response, 403, refusal, host.clock);
        return;
      }
      const query = queryOf(request.url);
      const uuid = headerUuid(request) ?? readUuid(query.get('uuid'));
      new AvrStream(request, response, {
        clock: host.clock,
        take: (media, early) => calls.take({ uuid, party: partyOf(query, new Map()), media, early }),
        refused: (error, fields) => host.refused(name, error, { ...error.details, ...fields }),
      });
    },
  };
}

/** Connectors read `X-UUID`; AVR's other parts write the same id as `X-AVR-UUID`. */
function headerUuid({ headers }: IncomingMessage): string | undefined {
  return readUuid(headers['x-uuid']) ?? readUuid(headers['x-avr-uuid']);
}
