import type { Socket } from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';

/** Both ends of a connection that needs no network and no time: what is written on one is read on the other. */
export interface MemoryConnection {
  readonly client: Socket;
  readonly server: Socket;
}

export function memoryConnection(): MemoryConnection {
  const [client, server] = duplexPair();
  return { client: asSocket(client), server: asSocket(server) };
}

/** A stream with what TCP sockets have besides; a connection that is reset just ends. */
function asSocket(stream: Duplex): Socket {
  const socket = stream as Socket;
  return Object.assign(socket, {
    setNoDelay: () => socket,
    setKeepAlive: () => socket,
    setTimeout: () => socket,
    ref: () => socket,
    unref: () => socket,
    resetAndDestroy: () => socket.destroy(),
    remoteAddress: '127.0.0.1',
  });
}

/** Lets what was written be read, and be answered: time stands still meanwhile. */
export async function passedOn(): Promise<void> {
  for (let round = 0; round < 2; round += 1) await new Promise((resolve) => setImmediate(resolve));
}
