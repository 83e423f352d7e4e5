import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';

export type WireEvent = Readonly<Record<string, unknown>> & { readonly type: string };

export interface Delta {
  readonly itemId: string;
  readonly responseId: string;
  readonly audio: Buffer;
}

/** One session with the model as it went over the wire. */
export interface TappedSession {
  /** Client events other than appended audio, in order. */
  readonly asked: readonly WireEvent[];
  /** Server events other than audio. */
  readonly told: readonly WireEvent[];
  readonly deltas: readonly Delta[];
  /** The client's socket is closed. */
  readonly over: boolean;
  /** Every byte of caller audio. */
  callerAudio(): Buffer;
  /** Every byte of agent audio, of one item or of all. */
  agentAudio(itemId?: string): Buffer;
  askedFor(type: string): WireEvent[];
  toldOf(type: string): WireEvent[];
  /** Says something to the client that the model never said. */
  inject(frame: string | Buffer, binary?: boolean): void;
}

/** Stands between the gateway and a Realtime server, passes everything on untouched and remembers it. */
export interface ModelTap {
  /** Base URL to give to the gateway: `http://127.0.0.1:PORT/v1`. */
  readonly url: string;
  /** In the order in which they were accepted. */
  readonly sessions: readonly TappedSession[];
  session(index: number): TappedSession;
  close(): Promise<void>;
}

export async function startModelTap(targetWsUrl: string, changed: () => void): Promise<ModelTap> {
  const sessions: Session[] = [];
  const server = createServer();
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  const upstreams = new Set<WebSocket>();
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    const target = new URL(targetWsUrl);
    target.search = new URL(request.url ?? '/', 'http://tap').search;
    const { authorization } = request.headers;
    const upstream = new WebSocket(target, {
      headers: authorization === undefined ? {} : { authorization },
      perMessageDeflate: false,
    });
    upstreams.add(upstream);
    socket.once('close', () => upstream.terminate());
    upstream.on('error', () => socket.destroy());
    upstream.on('close', () => upstreams.delete(upstream));
    upstream.on('unexpected-response', (_request, response) => relayRefusal(response, socket));
    upstream.once('upgrade', () => {
      sockets.handleUpgrade(request, socket, head, (client) => {
        sessions.push(new Session(client, upstream, changed));
      });
    });
  });
  await listen(server);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    sessions,
    session(index) {
      const session = sessions[index];
      if (session === undefined) throw new Error(`there is no session ${index} with the model yet`);
      return session;
    },
    async close() {
      for (const upstream of upstreams) upstream.terminate();
      for (const client of sockets.clients) client.terminate();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

class Session implements TappedSession {
  readonly asked: WireEvent[] = [];
  readonly told: WireEvent[] = [];
  readonly deltas: Delta[] = [];
  over = false;
  readonly #client: WebSocket;
  readonly #appended: Buffer[] = [];

  constructor(client: WebSocket, upstream: WebSocket, changed: () => void) {
    this.#client = client;
    client.on('message', (data: Buffer, binary) => {
      if (upstream.readyState === WebSocket.OPEN) upstream.send(data, { binary });
      if (!binary) this.#noteAsked(JSON.parse(data.toString()) as WireEvent);
      changed();
    });
    upstream.on('message', (data: Buffer, binary) => {
      if (!binary) this.#noteTold(JSON.parse(data.toString()) as WireEvent);
      if (client.readyState === WebSocket.OPEN) client.send(data, { binary });
      changed();
    });
    client.on('error', () => client.terminate());
    client.on('close', () => {
      this.over = true;
      upstream.terminate();
      changed();
    });
    // `ws` answers a CLOSE frame by calling this method: the server shall do that, or not do it.
    const answer = client.close.bind(client);
    client.close = (code, reason) => pass(code ?? 1005, upstream.close.bind(upstream), reason);
    upstream.on('close', (code, reason) => {
      if (code === 1006) client.terminate();
      else pass(code, answer, reason);
    });
  }

  callerAudio(): Buffer {
    return Buffer.concat(this.#appended);
  }

  agentAudio(itemId?: string): Buffer {
    const wanted = this.deltas.filter((delta) => itemId === undefined || delta.itemId === itemId);
    return Buffer.concat(wanted.map(({ audio }) => audio));
  }

  askedFor(type: string): WireEvent[] {
    return this.asked.filter((event) => event.type === type);
  }

  toldOf(type: string): WireEvent[] {
    return this.told.filter((event) => event.type === type);
  }

  inject(frame: string | Buffer, binary = false): void {
    this.#client.send(frame, { binary });
  }

  #noteAsked(event: WireEvent): void {
    if (event.type === 'input_audio_buffer.append') {
      this.#appended.push(Buffer.from(String(event.audio), 'base64'));
    } else this.asked.push(event);
  }

  #noteTold(event: WireEvent): void {
    // The second name is that of the beta API.
    if (event.type !== 'response.output_audio.delta' && event.type !== 'response.audio.delta') {
      this.told.push(event);
      return;
    }
    this.deltas.push({
      itemId: String(event.item_id),
      responseId: String(event.response_id),
      audio: Buffer.from(String(event.delta), 'base64'),
    });
  }
}

/** 1005 stands for a close without a code and can't be sent (RFC 6455, section 7.4.1). */
function pass(code: number, close: WebSocket['close'], reason?: string | Buffer): void {
  if (code === 1005) close();
  else close(code, reason);
}

function relayRefusal(response: IncomingMessage, socket: Duplex): void {
  const retryAfter = response.headers['retry-after'];
  const parts: Buffer[] = [];
  response.on('data', (part: Buffer) => parts.push(part));
  response.on('end', () => {
    const body = Buffer.concat(parts);
    const lines = [
      `HTTP/1.1 ${response.statusCode} ${response.statusMessage}`,
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
      ...(retryAfter === undefined ? [] : [`Retry-After: ${retryAfter}`]),
      'Connection: close',
    ];
    socket.end(`${lines.join('\r\n')}\r\n\r\n${body.toString()}`);
  });
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
}
