import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { connectWebSocket, type RawSocket, RawWebSocketServer } from './raw-socket.ts';
import { encodeFrame, FrameReader, FramingError, opcodes } from './raw-websocket.ts';

const key = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d);

function read(bytes: Buffer, expectMasked: boolean, chunkBytes = bytes.length): Array<[number, string]> {
  const seen: Array<[number, string]> = [];
  const onFrame = (opcode: number, payload: Buffer): void => void seen.push([opcode, payload.toString()]);
  const reader = new FrameReader({ expectMasked, onFrame });
  for (let at = 0; at < bytes.length; at += chunkBytes)
    reader.push(Buffer.from(bytes.subarray(at, at + chunkBytes)));
  return seen;
}

describe('raw framing', () => {
  it("writes the RFC's own examples (section 5.7)", () => {
    expect(encodeFrame(opcodes.text, 'Hello').toString('hex')).toBe('810548656c6c6f');
    expect(encodeFrame(opcodes.text, 'Hello', key).toString('hex')).toBe('818537fa213d7f9f4d5158');
    const long = encodeFrame(opcodes.binary, Buffer.alloc(65_536));
    expect(long.subarray(0, 10).toString('hex')).toBe('827f0000000000010000');
  });

  it.each([0, 1, 125, 126, 65_535, 65_536])('reads back %i bytes, however the stream is cut', (length) => {
    const text = 'x'.repeat(length);
    for (const chunkBytes of [1 + Math.floor(length / 3), 7_919, length + 20]) {
      expect(read(encodeFrame(opcodes.text, text), false, chunkBytes)).toEqual([[opcodes.text, text]]);
      expect(read(encodeFrame(opcodes.text, text, key), true, chunkBytes)).toEqual([[opcodes.text, text]]);
    }
  });

  it('reads several frames that arrive in single bytes', () => {
    const stream = Buffer.concat(['one', 'two', 'three'].map((text) => encodeFrame(opcodes.text, text, key)));
    expect(read(stream, true, 1).map(([, text]) => text)).toEqual(['one', 'two', 'three']);
  });

  it('joins fragments around a ping', () => {
    const stream = Buffer.from('0102486589017080036c6c6f', 'hex');
    expect(read(stream, false)).toEqual([
      [opcodes.ping, 'p'],
      [opcodes.text, 'Hello'],
    ]);
  });

  it('refuses what breaks the rules', () => {
    expect(() => read(encodeFrame(opcodes.text, 'a', key), false)).toThrow(FramingError);
    expect(() => read(encodeFrame(opcodes.text, 'a'), true)).toThrow(FramingError);
    expect(() => read(Buffer.from('c10161', 'hex'), false)).toThrow('reserved');
    expect(() => read(Buffer.from('800161', 'hex'), false)).toThrow('out of order');
    expect(() => read(Buffer.from('090170', 'hex'), false)).toThrow('control frame');
  });
});

describe('raw sockets', () => {
  const closers: Array<() => void> = [];
  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });

  function nextText(socket: RawSocket): Promise<string> {
    return new Promise((resolve) => {
      socket.listen({ message: (payload) => resolve(payload.toString()), closed: () => resolve('closed') });
    });
  }

  it('talk to a ws server as its client, and close in order', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    closers.push(() => server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const closed = new Promise<number>((resolve) => {
      server.once('connection', (peer) => {
        peer.on('message', (data: Buffer) => peer.send(`heard ${data.toString()}`));
        peer.once('close', resolve);
      });
    });
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const socket = await connectWebSocket({ host: '127.0.0.1', port, path: '/' });
    const answer = nextText(socket);
    socket.sendText('hello');
    expect(await answer).toBe('heard hello');
    socket.close(1000);
    expect(await closed).toBe(1000);
  });

  it('serve a ws client and tell path and headers', async () => {
    const seen: string[] = [];
    const server = await RawWebSocketServer.start((socket, { path, headers }) => {
      seen.push(path, headers.get('authorization') ?? '');
      socket.sendText('welcome');
    });
    closers.push(() => server.close());
    const url = `ws://127.0.0.1:${server.port}/v1/realtime?model=m`;
    const client = new WebSocket(url, { headers: { authorization: 'Bearer key' } });
    const greeting = await new Promise((resolve) =>
      client.once('message', (data: Buffer) => resolve(String(data))),
    );
    expect(greeting).toBe('welcome');
    expect(seen).toEqual(['/v1/realtime?model=m', 'Bearer key']);
    client.terminate();
  });

  it('say why a handshake was refused', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', verifyClient: () => false });
    closers.push(() => server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    await expect(connectWebSocket({ host: '127.0.0.1', port, path: '/' })).rejects.toThrow('401');
  });
});
