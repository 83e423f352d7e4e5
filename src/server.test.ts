import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLogger } from './base/logger.ts';
import { VirtualClock } from './base/virtual-clock.ts';
import { streamingServer } from './server.ts';

const clock = new VirtualClock();
const open: (Server | Socket)[] = [];
afterEach(() => {
  for (const each of open.splice(0)) {
    if ('destroy' in each) each.destroy();
    else each.close();
  }
});

/** Answers without looking at the body, as a refusal does. */
async function serve(): Promise<number> {
  const server = streamingServer([], { clock, log: silentLogger }, (_request, response) =>
    response.writeHead(401).end(),
  );
  // Not the idleness of a connection is to end it.
  server.keepAliveTimeout = 0;
  open.push(server);
  server.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function ask(port: number, request: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  open.push(socket);
  socket.write(request);
  const [answer] = await once(socket, 'data');
  expect(String(answer)).toContain('HTTP/1.1 401');
  return socket;
}

describe('a stream', () => {
  it('may last as long as a call: Node sets it no bound, but for its headers', () => {
    const server = streamingServer([], { clock, log: silentLogger }, () => undefined);
    expect([server.requestTimeout, server.headersTimeout]).toEqual([0, 15_000]);
  });
});

describe('an HTTP exchange that is no stream', () => {
  it.each([
    'GET',
    'POST',
  ])('of %s keeps no connection for a body that trickles in after its answer', async (method) => {
    const port = await serve();
    const socket = await ask(port, `${method} / HTTP/1.1\r\nHost: gw\r\nContent-Length: 100000\r\n\r\n`);
    socket.write('still');
    const closed = new Promise((resolve) => socket.once('close', resolve));
    // With what was not read it is a reset.
    socket.on('error', () => undefined);
    clock.advance(15_000);
    await closed;
  });

  it('whose body has come keeps its connection for the next one', async () => {
    const port = await serve();
    const socket = await ask(port, 'POST / HTTP/1.1\r\nHost: gw\r\nContent-Length: 2\r\n\r\n{}');
    clock.advance(15_000);
    socket.write('GET / HTTP/1.1\r\nHost: gw\r\n\r\n');
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toContain('HTTP/1.1 401');
  });
});

describe('an offer to upgrade', () => {
  it('to anything but a WebSocket is not taken up: the request is answered as it is', async () => {
    const port = await serve();
    await ask(port, 'GET / HTTP/1.1\r\nHost: gw\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
  });

  it('to a WebSocket is', async () => {
    const port = await serve();
    const socket = connect(port, '127.0.0.1');
    open.push(socket);
    socket.write('GET / HTTP/1.1\r\nHost: gw\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n');
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toContain('HTTP/1.1 101');
  });
});

describe('a connection', () => {
  it.runIf(process.platform === 'linux')('is asked by its kernel whether its peer still lives', async () => {
    const port = await serve();
    const socket = await ask(port, 'GET / HTTP/1.1\r\nHost: gw\r\n\r\n');
    const ends = [port, socket.localPort ?? 0].map((each) =>
      each.toString(16).toUpperCase().padStart(4, '0'),
    );
    // proc(5), /proc/net/tcp: the timer of a connection that is idle is 02 where keep-alive is on, and 00 where not.
    const timer = async (): Promise<string | undefined> => {
      const table = (await readFile('/proc/net/tcp', 'utf8'))
        .split('\n')
        .map((line) => line.trim().split(/\s+/));
      const ours = table.find(
        ([, local, remote]) => local?.endsWith(`:${ends[0]}`) && remote?.endsWith(`:${ends[1]}`),
      );
      return ours?.[5]?.split(':')[0];
    };
    await expect.poll(timer).toBe('02');
  });

  it('ends the connection of a stream that fails, and nothing else', async () => {
    const lines: object[] = [];
    const log = { ...silentLogger, error: (fields: object) => lines.push(fields) };
    const handle = (): never => {
      throw new Error('broken');
    };
    const server = streamingServer(
      [{ path: '/stream', method: 'POST', handle }],
      { clock, log },
      (_request, response) => response.end('fine'),
    );
    open.push(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await expect(fetch(`${url}/stream`, { method: 'POST' })).rejects.toThrow();
    expect(await (await fetch(url)).text()).toBe('fine');
    expect(lines).toEqual([{ code: 'PATCHCORD_INTERNAL', path: '/stream', error: 'broken' }]);
  });
});
