import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

export interface PlivoWebhookSeen {
  readonly method: string;
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly signed: boolean;
  readonly host: string | undefined;
}

export interface TinyPlivoOptions {
  readonly authToken: string;
  /** What the gateway believes it is called. Its own address unless set. */
  readonly publicUrl?: string;
  /** The XML for a webhook; `streamUrl` is the gateway's own. */
  readonly xml?: (seen: PlivoWebhookSeen, streamUrl: string) => string;
  readonly contentType?: string;
  readonly status?: number;
  readonly refuseUpgrade?: number;
  readonly onStream?: (socket: WebSocket, frame: Readonly<Record<string, unknown>>) => void;
}

/** A throw-away gateway of the plainest kind, so that the fake is judged by something that knows nothing of it. */
export async function tinyPlivoGateway(options: TinyPlivoOptions) {
  const webhooks: PlivoWebhookSeen[] = [];
  const upgrades: { path: string; signedFor: string | undefined }[] = [];
  const frames: Record<string, unknown>[] = [];
  const waiting: { enough: () => boolean; resolve: () => void }[] = [];
  const noted = () => {
    for (const one of waiting.splice(0)) {
      if (one.enough()) one.resolve();
      else waiting.push(one);
    }
  };
  const isSigned = (text: string, headers: IncomingHttpHeaders): boolean => {
    const nonce = String(headers['x-plivo-signature-v3-nonce']);
    const expected = createHmac('sha256', options.authToken).update(`${text}.${nonce}`).digest('base64');
    return headers['x-plivo-signature-v3'] === expected;
  };
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => {
      body += String(part);
    });
    request.on('end', () => {
      const path = request.url ?? '';
      const posted = Object.fromEntries(new URLSearchParams(body));
      const url = new URL(path, publicUrl());
      const sorted = Object.entries(posted).sort(([a], [b]) => (a < b ? -1 : 1));
      const query = [...url.searchParams].sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, v]) => `${k}=${v}`);
      const ofQuery = query.length === 0 && sorted.length === 0 ? '' : `?${query.join('&')}`;
      const ofForm = sorted.map(([name, value]) => name + value).join('');
      const text =
        publicUrl() + url.pathname + ofQuery + (query.length > 0 && ofForm !== '' ? '.' : '') + ofForm;
      const seen: PlivoWebhookSeen = {
        method: request.method ?? '',
        path,
        params: { ...Object.fromEntries(url.searchParams), ...posted },
        signed: isSigned(text, request.headers),
        host: request.headers.host,
      };
      webhooks.push(seen);
      const stream = `${publicUrl().replace('http', 'ws')}/media-stream`;
      response.writeHead(options.status ?? 200, { 'content-type': options.contentType ?? 'text/xml' });
      response.end(options.xml?.(seen, stream) ?? streamXml(stream));
      noted();
    });
  });
  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    const path = request.url ?? '';
    const bare = publicUrl().replace(/^https?/, '') + path;
    const signedFor = [`https${bare}`, `http${bare}`, `wss${bare}`, `http${bare}/websocket`].find((text) =>
      isSigned(text, request.headers),
    );
    upgrades.push({ path, signedFor: signedFor?.slice(0, signedFor.indexOf(':')) });
    if (options.refuseUpgrade !== undefined) {
      socket.end(`HTTP/1.1 ${options.refuseUpgrade} No\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (opened) => {
      opened.on('error', () => opened.terminate());
      opened.on('message', (data) => {
        const frame = JSON.parse(String(data)) as Record<string, unknown>;
        frames.push(frame);
        options.onStream?.(opened, frame);
        noted();
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const publicUrl = () => options.publicUrl ?? url;
  return {
    url,
    webhooks,
    upgrades,
    frames,
    /** Resolves as soon as what was received is enough. */
    until: (enough: () => boolean) =>
      new Promise<void>((resolve) => {
        waiting.push({ enough, resolve });
        noted();
      }),
    close: async () => {
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

export type TinyPlivo = Awaited<ReturnType<typeof tinyPlivoGateway>>;

export function streamXml(
  url: string,
  attributes = 'contentType="audio/x-mulaw;rate=8000"',
  after = '',
): string {
  return `<Response><Stream bidirectional="true" keepCallAlive="true" ${attributes}>${url}</Stream>${after}</Response>`;
}

/** Sends an answer of `ms` of µ-law with a checkpoint at its end. */
export function answer(socket: WebSocket, streamId: unknown, ms: number, name = 'end'): void {
  const payload = Buffer.alloc(ms * 8, 1).toString('base64');
  const media = { contentType: 'audio/x-mulaw', sampleRate: 8000, payload };
  socket.send(JSON.stringify({ event: 'playAudio', media }));
  socket.send(JSON.stringify({ event: 'checkpoint', streamId, name }));
}

/** The stream's id, which `start` alone has inside. */
export function streamIdOf(frame: Readonly<Record<string, unknown>>): unknown {
  return frame.event === 'start' ? (frame.start as { streamId: string }).streamId : frame.streamId;
}
