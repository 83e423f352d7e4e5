import { createHash, randomBytes } from 'node:crypto';
import net from 'node:net';
import { encodeFrame, FrameReader, FramingError, opcodes } from './raw-websocket.ts';

/** RFC 6455 section 1.3: the accept value is a hash of the client's key and this constant. */
function acceptFor(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

const headEnd = Buffer.from('\r\n\r\n');
const handshakeMs = 10_000;
const noMask = new Uint8Array(4);

export interface RawSocketHandlers {
  /** `payload` is valid only during the call. */
  message(payload: Buffer, isText: boolean): void;
  /** Once, whoever closes; `clean` when a close frame was seen. */
  closed(clean: boolean, problem: string | undefined): void;
}

/** One WebSocket connection over a plain TCP socket. Owns the socket. */
export class RawSocket {
  readonly #tcp: net.Socket;
  readonly #maskKey: Uint8Array | undefined;
  readonly #reader: FrameReader;
  #handlers: RawSocketHandlers | undefined;
  #early: Array<{ payload: Buffer; isText: boolean }> = [];
  #closeSeen = false;
  #closeSent = false;
  #problem: string | undefined;

  constructor(tcp: net.Socket, maskKey: Uint8Array | undefined) {
    this.#tcp = tcp;
    this.#maskKey = maskKey;
    this.#reader = new FrameReader({
      expectMasked: maskKey === undefined,
      onFrame: (opcode, payload) => this.#onFrame(opcode, payload),
    });
    tcp.setNoDelay(true);
    tcp.on('data', (chunk: Buffer) => this.feed(chunk));
    tcp.on('error', (error) => {
      this.#problem ??= error.message;
    });
    tcp.on('close', () => this.#handlers?.closed(this.#closeSeen, this.#problem));
  }

  /** The key that client frames are masked with; fixed per connection so that frames can be prebuilt. */
  get maskKey(): Uint8Array {
    return this.#maskKey ?? noMask;
  }

  /** True while written bytes wait in the process: a buffer that was written must not be changed then. */
  get backedUp(): boolean {
    return this.#tcp.writableLength > 0;
  }

  /** Sets who listens; messages that came before are handed over at once. */
  listen(handlers: RawSocketHandlers): void {
    this.#handlers = handlers;
    const early = this.#early;
    this.#early = [];
    for (const { payload, isText } of early) handlers.message(payload, isText);
    if (this.#tcp.destroyed) handlers.closed(this.#closeSeen, this.#problem);
  }

  feed(chunk: Buffer): void {
    try {
      this.#reader.push(chunk);
    } catch (error) {
      if (!(error instanceof FramingError)) throw error;
      this.#problem ??= error.message;
      this.#tcp.destroy();
    }
  }

  /** Writes a finished frame. */
  write(frame: Buffer): void {
    if (this.#tcp.writable) this.#tcp.write(frame);
  }

  sendText(text: string): void {
    this.write(encodeFrame(opcodes.text, text, this.#maskKey));
  }

  /** `bytes` may be changed afterwards. */
  sendBinary(bytes: Buffer): void {
    this.write(encodeFrame(opcodes.binary, bytes, this.#maskKey));
  }

  /** Sends a close frame and drops the connection when it is not answered in 2 s. */
  close(code = 1000): void {
    if (this.#closeSent || this.#tcp.destroyed) return;
    this.#sendClose(code);
    const bound = setTimeout(() => this.#tcp.destroy(), 2_000);
    bound.unref();
    this.#tcp.once('close', () => clearTimeout(bound));
  }

  destroy(): void {
    this.#tcp.destroy();
  }

  #sendClose(code: number): void {
    this.#closeSent = true;
    const body = Buffer.alloc(2);
    body.writeUInt16BE(code);
    this.write(encodeFrame(opcodes.close, body, this.#maskKey));
  }

  #onFrame(opcode: number, payload: Buffer): void {
    if (opcode === opcodes.text || opcode === opcodes.binary) {
      const isText = opcode === opcodes.text;
      if (this.#handlers) this.#handlers.message(payload, isText);
      else this.#early.push({ payload: Buffer.from(payload), isText });
    } else if (opcode === opcodes.ping) {
      this.write(encodeFrame(opcodes.pong, payload, this.#maskKey));
    } else if (opcode === opcodes.close) {
      this.#closeSeen = true;
      const code = payload.length >= 2 ? payload.readUInt16BE(0) : 1000;
      if (!this.#closeSent) {
        if (code !== 1000 && code !== 1001) this.#problem ??= `closed with ${code} ${payload.subarray(2)}`;
        this.#sendClose(1000);
      }
      this.#tcp.end();
    }
  }
}

export interface UpgradeRequest {
  readonly path: string;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
}

function parseHead(head: string): { firstLine: string; headers: Map<string, string> } {
  const [firstLine = '', ...lines] = head.split('\r\n');
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { firstLine, headers };
}

/** Collects bytes until the blank line that ends an HTTP head, then hands over head and rest, once. */
function readHead(tcp: net.Socket, done: (head: string, rest: Buffer) => void): void {
  let seen = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    seen = Buffer.concat([seen, chunk]);
    const end = seen.indexOf(headEnd);
    if (end < 0 && seen.length < 16_384) return;
    tcp.off('data', onData);
    done(seen.toString('latin1', 0, Math.max(0, end)), seen.subarray(end + headEnd.length));
  };
  tcp.on('data', onData);
}

/** Opens a client connection (RFC 6455 section 4.1). Rejects on anything but a correct 101, or after 10 s. */
export function connectWebSocket(options: {
  host: string;
  port: number;
  path: string;
  headers?: Readonly<Record<string, string>>;
}): Promise<RawSocket> {
  const key = randomBytes(16).toString('base64');
  const extra = Object.entries(options.headers ?? {}).map(([name, value]) => `${name}: ${value}\r\n`);
  const request = [
    `GET ${options.path} HTTP/1.1\r\nHost: ${options.host}:${options.port}\r\n`,
    `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n`,
    ...extra,
    '\r\n',
  ].join('');
  return new Promise((resolve, reject) => {
    const tcp = net.connect(options.port, options.host);
    const fail = (reason: string): void => {
      tcp.destroy();
      reject(new Error(`WebSocket to ${options.host}:${options.port}${options.path}: ${reason}`));
    };
    const bound = setTimeout(() => fail('no answer in 10 s'), handshakeMs);
    const onError = (error: Error): void => fail(error.message);
    const onClose = (): void => fail('closed during the handshake');
    tcp.once('error', onError);
    tcp.once('close', onClose);
    tcp.once('close', () => clearTimeout(bound));
    tcp.once('connect', () => tcp.write(request));
    readHead(tcp, (head, rest) => {
      clearTimeout(bound);
      tcp.off('close', onClose);
      tcp.off('error', onError);
      const { firstLine, headers } = parseHead(head);
      if (!/^HTTP\/1\.1 101\b/.test(firstLine)) {
        fail(firstLine);
        return;
      }
      if (headers.get('sec-websocket-accept') !== acceptFor(key)) {
        fail('wrong Sec-WebSocket-Accept');
        return;
      }
      const socket = new RawSocket(tcp, randomBytes(4));
      resolve(socket);
      if (rest.length > 0) socket.feed(rest);
    });
  });
}

/** Accepts WebSocket upgrades on an ephemeral port of 127.0.0.1 (RFC 6455 section 4.2). */
export class RawWebSocketServer {
  readonly #server: net.Server;
  readonly #open = new Set<net.Socket>();

  private constructor(onConnection: (socket: RawSocket, request: UpgradeRequest) => void) {
    this.#server = net.createServer((tcp) => {
      this.#open.add(tcp);
      tcp.once('close', () => this.#open.delete(tcp));
      const onError = (): void => void tcp.destroy();
      tcp.once('error', onError);
      readHead(tcp, (head, rest) => {
        const { firstLine, headers } = parseHead(head);
        const key = headers.get('sec-websocket-key');
        const path = firstLine.split(' ')[1];
        if (!key || !path) {
          tcp.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
          return;
        }
        tcp.off('error', onError);
        const accept = `Sec-WebSocket-Accept: ${acceptFor(key)}\r\n\r\n`;
        tcp.write(
          `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${accept}`,
        );
        const socket = new RawSocket(tcp, undefined);
        onConnection(socket, { path, headers });
        if (rest.length > 0) socket.feed(rest);
      });
    });
  }

  static async start(
    onConnection: (socket: RawSocket, request: UpgradeRequest) => void,
  ): Promise<RawWebSocketServer> {
    const server = new RawWebSocketServer(onConnection);
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject);
      server.#server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, resolve);
    });
    return server;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  close(): void {
    this.#server.close();
    for (const tcp of this.#open) tcp.destroy();
  }
}
