import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import twilio from 'twilio';
import { type WebSocket, WebSocketServer } from 'ws';

export interface WebhookSeen {
  readonly path: string;
  readonly params: Record<string, string>;
  /** As Twilio's own validator judges it. */
  readonly signed: boolean;
  readonly host: string | undefined;
}

export interface TinyGatewayOptions {
  readonly authToken: string;
  /** What the gateway believes it is called: signatures are checked against it. Its own address unless set. */
  readonly publicUrl?: string;
  /** The TwiML for a webhook; `streamUrl` is the gateway's own. */
  readonly twiml?: (seen: WebhookSeen, streamUrl: string) => string;
  readonly contentType?: string;
  readonly status?: number;
  /** Refuses the upgrade with this status. */
  readonly refuseUpgrade?: number;
  readonly onStream?: (socket: WebSocket, frame: Record<string, unknown>) => void;
  readonly onOpen?: (socket: WebSocket) => void;
}

/** A throw-away gateway of the plainest kind, so that the fake is judged by something that knows nothing of it. */
export async function tinyGateway(options: TinyGatewayOptions) {
  const webhooks: WebhookSeen[] = [];
  const upgrades: { path: string; signed: boolean; host: string | undefined }[] = [];
  const frames: Record<string, unknown>[] = [];
  const waiting: { enough: () => boolean; resolve: () => void }[] = [];
  const noted = () => {
    for (const one of waiting.splice(0)) {
      if (one.enough()) one.resolve();
      else waiting.push(one);
    }
  };
  const server = createServer((request, response) => {
    void readForm(request).then((params) => {
      const path = request.url ?? '';
      const signature = String(request.headers['x-twilio-signature']);
      const signed = twilio.validateRequest(options.authToken, signature, publicUrl() + path, params);
      const seen = { path, params, signed, host: request.headers.host };
      webhooks.push(seen);
      const stream = `${publicUrl().replace('http', 'ws')}/media-stream`;
      const plain = `<Response><Connect><Stream url="${stream}"><Parameter name="token" value="t1"/></Stream></Connect><Hangup/></Response>`;
      response.writeHead(options.status ?? 200, { 'content-type': options.contentType ?? 'text/xml' });
      response.end(options.twiml?.(seen, stream) ?? plain);
      noted();
    });
  });
  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    const path = request.url ?? '';
    const signature = String(request.headers['x-twilio-signature']);
    const url = publicUrl().replace('http', 'ws') + path;
    upgrades.push({
      path,
      signed: twilio.validateRequest(options.authToken, signature, url, {}),
      host: request.headers.host,
    });
    if (options.refuseUpgrade !== undefined) {
      socket.end(`HTTP/1.1 ${options.refuseUpgrade} No\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (opened) => {
      opened.on('error', () => opened.terminate());
      options.onOpen?.(opened);
      opened.on('message', (data) => {
        const frame = JSON.parse(String(data)) as Record<string, unknown>;
        frames.push(frame);
        options.onStream?.(opened, frame);
        noted();
      });
      opened.on('close', noted);
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

export type TinyGateway = Awaited<ReturnType<typeof tinyGateway>>;

/** Sends an answer of `ms` of audio with a mark at its end. */
export function answer(socket: WebSocket, streamSid: unknown, ms: number, mark = 'end'): void {
  const payload = Buffer.alloc(ms * 8, 1).toString('base64');
  socket.send(JSON.stringify({ event: 'media', streamSid, media: { payload } }));
  socket.send(JSON.stringify({ event: 'mark', streamSid, mark: { name: mark } }));
}

async function readForm(request: IncomingMessage): Promise<Record<string, string>> {
  let body = '';
  for await (const part of request) body += String(part);
  return Object.fromEntries(new URLSearchParams(body));
}
