import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';

/** The HTTP status with which the gateway refuses this socket its upgrade. */
export async function refusedUpgrade(socket: WebSocket): Promise<number> {
  socket.on('error', () => socket.terminate());
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
  response.resume();
  socket.terminate();
  return response.statusCode ?? 0;
}
