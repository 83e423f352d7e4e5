import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { messageOf, PatchcordError } from '../base/errors.ts';
import type { Carrier, CarrierHost, SocketRoute } from './carrier.ts';

interface ServedRoute {
  readonly carrier: string;
  readonly route: SocketRoute;
  readonly server: WebSocketServer;
}

/** Serves the WebSocket addresses of all carriers on the upgrades of an HTTP server. Owns no open socket. */
export class CarrierSockets {
  readonly #routes: readonly ServedRoute[];
  readonly #host: Pick<CarrierHost, 'refused'>;

  constructor(carriers: readonly Carrier[], host: Pick<CarrierHost, 'refused'>) {
    this.#host = host;
    this.#routes = carriers.flatMap((carrier) =>
      carrier.sockets.map((route) => ({
        carrier: carrier.name,
        route,
        server: new WebSocketServer({
          noServer: true,
          clientTracking: false,
          perMessageDeflate: false,
          maxPayload: route.maxPayloadBytes,
        }),
      })),
    );
  }

  /** False: the address is none of a carrier's, and the request is untouched. */
  upgrade(request: IncomingMessage, connection: Duplex, head: Buffer): boolean {
    const path = pathOf(request);
    const onPath = this.#routes.filter(({ route }) => isOn(route, path));
    const [first] = onPath;
    if (first === undefined) return false;
    const served = onPath.find(({ route }) => route.recognises(request));
    if (served === undefined) {
      const error = new PatchcordError('PATCHCORD_SIGNATURE_INVALID', 'the upgrade carries no signature');
      this.#refuse(connection, 401, first.carrier, error);
      return true;
    }
    const { carrier, route, server } = served;
    const decision = route.authorize(request);
    if (!decision.accept) {
      this.#refuse(connection, decision.status, carrier, decision.error);
      return true;
    }
    server.handleUpgrade(request, connection, head, (socket) => {
      try {
        route.connect(socket, request);
      } catch (thrown) {
        const error = new PatchcordError('PATCHCORD_INTERNAL', messageOf(thrown), {}, thrown);
        this.#host.refused(carrier, error);
        socket.terminate();
      }
    });
    return true;
  }

  #refuse(connection: Duplex, status: number, carrier: string, error: PatchcordError): void {
    this.#host.refused(carrier, error, { status, ...error.details });
    const head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\nContent-Type: text/plain\r\n`;
    connection.once('error', () => connection.destroy());
    connection.once('finish', () => connection.destroy());
    connection.end(`${head}Content-Length: ${error.code.length}\r\n\r\n${error.code}`);
  }
}

/** Without a slash at its end, which some carriers add. */
function pathOf(request: IncomingMessage): string {
  const path = (request.url ?? '/').split('?')[0] ?? '/';
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

function isOn(route: SocketRoute, path: string): boolean {
  return path === route.path || (route.below === true && path.startsWith(`${route.path}/`));
}
