import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../base/clock.ts';
import { PatchcordError } from '../base/errors.ts';
import { silentLogger } from '../base/logger.ts';
import type { SocketRoute } from './carrier.ts';
import { SocketServer } from './socket-server.ts';

const closed: SocketRoute = {
  path: '/closed',
  maxPayloadBytes: 1024,
  recognises: () => true,
  authorize: () => ({ accept: false, status: 401, error: new PatchcordError('PATCHCORD_UNAUTHORIZED') }),
  connect: () => undefined,
};

let http: Server;
afterEach(() => http.close());

async function serve(routes: readonly SocketRoute[]): Promise<number> {
  const sockets = new SocketServer(routes, new SystemClock(), silentLogger);
  http = createServer();
  http.on('upgrade', sockets.upgrade);
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return (http.address() as AddressInfo).port;
}

/** Asks for an upgrade and never closes its own side; resolves with the answer once the server has closed its side. */
function askAndStay(port: number, path: string): Promise<{ answer: string; socket: Socket }> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    let answer = '';
    socket.on('data', (data) => {
      answer += data.toString('latin1');
    });
    socket.on('error', reject);
    socket.on('end', () => resolve({ answer, socket }));
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
  });
}

const connections = (): Promise<number> =>
  new Promise((resolve, reject) => {
    http.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });

describe('a refused upgrade', () => {
  it('is answered no sooner than its route says', async () => {
    const delayed: SocketRoute = {
      ...closed,
      authorize: () => ({
        accept: false,
        status: 401,
        error: new PatchcordError('PATCHCORD_UNAUTHORIZED'),
        delayMs: 100,
      }),
    };
    const port = await serve([delayed]);
    const startedAt = performance.now();
    const { answer, socket } = await askAndStay(port, '/closed');
    expect(performance.now() - startedAt).toBeGreaterThan(95);
    expect(answer).toContain('HTTP/1.1 401');
    await expect.poll(connections).toBe(0);
    socket.destroy();
  });

  it.each([
    ['/closed', '401', 'PATCHCORD_UNAUTHORIZED'],
    ['/nothing', '404', 'PATCHCORD_NOT_FOUND'],
  ])('of %s is answered %s and keeps no socket, even with a peer that never says goodbye', async (path, status, code) => {
    const port = await serve([closed]);
    const asked = await Promise.all(Array.from({ length: 10 }, () => askAndStay(port, path)));
    for (const { answer } of asked) {
      expect(answer).toContain(`HTTP/1.1 ${status}`);
      expect(answer).toContain(code);
    }
    await expect.poll(connections).toBe(0);
    for (const { socket } of asked) socket.destroy();
  });
});
