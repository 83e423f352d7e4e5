import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { SystemClock } from '../../base/clock.ts';
import { FakeChannelCall, type FakeChannelCallOptions } from './channel-call.ts';

const clock = new SystemClock();

let server: Server;
let sockets: WebSocketServer;
let gatewayUrl: string;

beforeEach(async () => {
  server = createServer();
  sockets = new WebSocketServer({ server });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  gatewayUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => {
  for (const socket of sockets.clients) socket.terminate();
  sockets.close();
  server.closeAllConnections();
  server.close();
});

async function call(options: Partial<FakeChannelCallOptions> = {}) {
  const connection = once(sockets, 'connection');
  const fake = new FakeChannelCall({ clock, gatewayUrl, maxCallMs: 10_000, ...options });
  const done = fake.run();
  const [socket, request] = (await connection) as [WebSocket, IncomingMessage];
  const [first] = (await once(socket, 'message')) as [Buffer];
  return { fake, done, socket, request, first: first.toString() };
}

describe('a fake call over a WebSocket channel', () => {
  it('comes as Asterisk comes, and is hung up by command', async () => {
    const { fake, done, socket, request, first } = await call({
      path: '/asterisk?tenant=a',
      username: 'u',
      password: 'p',
      parameters: { caller: 'alice' },
      format: 'slin16',
      variables: { TENANT: 'a' },
    });
    expect(request.url).toBe('/asterisk?tenant=a&caller=alice');
    expect(request.headers).toMatchObject({
      authorization: `Basic ${Buffer.from('u:p').toString('base64')}`,
      'sec-websocket-protocol': 'media',
    });
    expect(request.headers['sec-websocket-extensions']).toBeUndefined();
    expect(request.headers.origin).toBeUndefined();
    expect(JSON.parse(first)).toMatchObject({
      event: 'MEDIA_START',
      connection_id: 'gateway',
      channel_id: fake.channelId,
      format: 'slin16',
      optimal_frame_size: 640,
      channel_variables: { TENANT: 'a', MEDIA_WEBSOCKET_OPTIMAL_FRAME_SIZE: '640' },
    });
    const closed = once(socket, 'close');
    socket.send(Buffer.alloc(6400, 0x20));
    socket.send('{"command":"HANGUP"}');
    expect((await closed)[0]).toBe(1000);
    const { failure, stream } = await done;
    expect(failure).toBeUndefined();
    expect(stream).toMatchObject({ endedBy: 'gateway', violationCount: 0 });
  });

  it('closes with 1000 when the caller hangs up', async () => {
    const { fake, done, socket, first } = await call({ control: 'plain-text' });
    expect(first).toMatch(
      /^MEDIA_START connection_id:gateway .* format:ulaw optimal_frame_size:160 ptime:20$/,
    );
    const closed = once(socket, 'close');
    fake.hangUp();
    expect((await closed)[0]).toBe(1000);
    expect(await done).toMatchObject({ failure: undefined, stream: { endedBy: 'caller' } });
  });

  it('is answered by the gateway where that is its part', async () => {
    const { done, socket } = await call({ answeredByGateway: true });
    socket.send('{"command":"ANSWER"}');
    const [, isBinary] = (await once(socket, 'message')) as [Buffer, boolean];
    expect(isBinary).toBe(true);
    socket.close(4000);
    const { failure, answeredAtMs, startedAtMs, stream } = await done;
    expect(failure).toBeUndefined();
    expect(answeredAtMs).toBeGreaterThanOrEqual(startedAtMs);
    expect(stream).toMatchObject({ endedBy: 'gateway', closeCode: 4000 });
  });

  it('says that it was refused', async () => {
    server.removeAllListeners('upgrade');
    server.on('upgrade', (_request: IncomingMessage, socket: Duplex) =>
      socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n'),
    );
    const { failure, stream } = await new FakeChannelCall({ clock, gatewayUrl }).run();
    expect(failure).toContain('HTTP 401');
    expect(stream).toBeUndefined();
  });

  it('tells what ended the call when Asterisk would have', async () => {
    const { done, socket } = await call();
    socket.send(Buffer.alloc(72_000));
    expect((await done).failure).toContain('Asterisk ended the call: message-too-large');
  });
});
