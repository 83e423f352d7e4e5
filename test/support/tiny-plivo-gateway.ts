import { createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { WebSocket } from 'ws';
import { type Frame, TinyServer, type TinyServerOptions } from './tiny-server.ts';

export interface PlivoWebhookSeen {
  readonly method: string;
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly signed: boolean;
  readonly host: string | undefined;
}

export interface TinyPlivoOptions extends TinyServerOptions {
  readonly authToken: string;
  /** What the gateway believes it is called. Its own address unless set. */
  readonly publicUrl?: string;
  /** The XML for a webhook; `streamUrl` is the gateway's own. */
  readonly xml?: (seen: PlivoWebhookSeen, streamUrl: string) => string;
  readonly contentType?: string;
  readonly status?: number;
}

/** A throw-away gateway of the plainest kind, so that the fake is judged by something that knows nothing of it. */
export async function tinyPlivoGateway(options: TinyPlivoOptions) {
  const webhooks: PlivoWebhookSeen[] = [];
  const upgrades: { path: string; signedFor: string | undefined }[] = [];
  const isSigned = (text: string, headers: IncomingHttpHeaders): boolean => {
    const nonce = String(headers['x-plivo-signature-v3-nonce']);
    const expected = createHmac('sha256', options.authToken).update(`${text}.${nonce}`).digest('base64');
    return headers['x-plivo-signature-v3'] === expected;
  };
  const publicUrl = () => options.publicUrl ?? server.url;
  const server = new TinyServer(options, {
    request: (request, body) => {
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
      const { status, contentType = 'text/xml' } = options;
      return { status, contentType, body: options.xml?.(seen, stream) ?? streamXml(stream) };
    },
    upgrade: (request) => {
      const path = request.url ?? '';
      const bare = publicUrl().replace(/^https?/, '') + path;
      const signedFor = [`https${bare}`, `http${bare}`, `wss${bare}`, `http${bare}/websocket`].find((text) =>
        isSigned(text, request.headers),
      );
      upgrades.push({ path, signedFor: signedFor?.slice(0, signedFor.indexOf(':')) });
    },
  });
  await server.listen();
  const { url, frames, until, close } = server;
  return { url, webhooks, upgrades, frames, until, close };
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
export function streamIdOf(frame: Frame): unknown {
  return frame.event === 'start' ? (frame.start as { streamId: string }).streamId : frame.streamId;
}
