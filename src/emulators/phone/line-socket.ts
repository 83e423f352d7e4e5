import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import type { Clock } from '../../base/clock.ts';
import { messageOf, PatchcordError } from '../../base/errors.ts';
import type { PhoneLine } from './line.ts';
import type { LineTransport } from './line-wire.ts';

export interface LineSocketOptions {
  readonly clock: Clock;
  /** What errors name: the path of the stream. */
  readonly path: string;
  /** Where the connection really goes. */
  readonly address: URL;
  readonly host: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly protocols?: readonly string[];
  readonly timeoutMs?: number;
  /** Takes the place of a connection over TCP. */
  readonly connect?: () => Duplex;
}

export interface LineSocket extends LineTransport {
  /** The subprotocol that the gateway chose; empty when none. */
  readonly protocol: string;
  /** Everything that comes, also what came before this call, goes to the line. */
  join(line: PhoneLine): void;
}

const closeWithinMs = 2_000;
const maxPayload = 16 * 1024 * 1024;
const maxEarly = 1_000;

/**
 * Opens a WebSocket as a carrier does. Rejects with PATCHCORD_NOT_FOUND when the gateway refuses the upgrade or does
 * not answer in time.
 */
export function openLineSocket(options: LineSocketOptions): Promise<LineSocket> {
  const { clock, path, address, host, headers, protocols = [], timeoutMs = 10_000, connect } = options;
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(address, [...protocols], {
      headers: { host, ...headers },
      perMessageDeflate: false,
      maxPayload,
      ...(connect === undefined ? {} : { createConnection: connect }),
    });
    const early = holdEarly(socket);
    const fail = (message: string, cause?: Error) => {
      deadline.cancel();
      reject(new PatchcordError('PATCHCORD_NOT_FOUND', `${path}: ${message}`, {}, cause));
      socket.terminate();
    };
    const deadline = clock.setTimeout(() => fail('no handshake in time'), timeoutMs);
    socket.on('unexpected-response', (_request, response) =>
      fail(`HTTP ${response.statusCode} at the upgrade`),
    );
    socket.on('error', (error) => fail(messageOf(error), error));
    socket.on('open', () => {
      deadline.cancel();
      resolve(wrap(clock, socket, early));
    });
  });
}

/** Frames that come in the same read as the handshake's answer, before anybody listens. */
function holdEarly(socket: WebSocket): { take(listener: (data: Buffer, isBinary: boolean) => void): void } {
  const held: [Buffer, boolean][] = [];
  let listener = (data: Buffer, isBinary: boolean) => {
    if (held.length < maxEarly) held.push([data, isBinary]);
  };
  socket.on('message', (data, isBinary) => listener(data as Buffer, isBinary));
  return {
    take(next) {
      listener = next;
      for (const [data, isBinary] of held.splice(0)) next(data, isBinary);
    },
  };
}

function wrap(clock: Clock, socket: WebSocket, early: ReturnType<typeof holdEarly>): LineSocket {
  return {
    protocol: socket.protocol,
    send: (frame) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(frame, { binary: typeof frame !== 'string' });
    },
    close: () => {
      socket.close(1000);
      const deadline = clock.setTimeout(() => socket.terminate(), closeWithinMs);
      socket.once('close', () => deadline.cancel());
    },
    destroy: () => {
      // A close in progress is left its two seconds; everything else ends now.
      if (socket.readyState === WebSocket.OPEN) socket.terminate();
    },
    bufferedBytes: () => socket.bufferedAmount,
    join: (line) => {
      early.take((data, isBinary) => line.receive(data, isBinary));
      if (socket.readyState === WebSocket.CLOSED) line.closed(1006);
      else socket.once('close', (code) => line.closed(code));
    },
  };
}
