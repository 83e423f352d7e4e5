import type { IncomingMessage } from 'node:http';
import twilio from 'twilio';
import type { WebSocket } from 'ws';
import { TinyServer, type TinyServerOptions } from './tiny-server.ts';

export interface WebhookSeen {
  readonly path: string;
  readonly params: Record<string, string>;
  /** As Twilio's own validator judges it. */
  readonly signed: boolean;
  readonly host: string | undefined;
}

export interface TinyGatewayOptions extends TinyServerOptions {
  readonly authToken: string;
  /** What the gateway believes it is called: signatures are checked against it. Its own address unless set. */
  readonly publicUrl?: string;
  /** The TwiML for a webhook; `streamUrl` is the gateway's own. */
  readonly twiml?: (seen: WebhookSeen, streamUrl: string) => string;
  readonly contentType?: string;
  readonly status?: number;
}

/** A throw-away gateway of the plainest kind, so that the fake is judged by something that knows nothing of it. */
export async function tinyGateway(options: TinyGatewayOptions) {
  const webhooks: WebhookSeen[] = [];
  const upgrades: { path: string; signed: boolean; host: string | undefined }[] = [];
  const isSigned = (request: IncomingMessage, url: string, params: Record<string, string>) =>
    twilio.validateRequest(options.authToken, String(request.headers['x-twilio-signature']), url, params);
  const publicUrl = () => options.publicUrl ?? server.url;
  const socketUrl = () => publicUrl().replace('http', 'ws');
  const server = new TinyServer(options, {
    request: (request, body) => {
      const path = request.url ?? '';
      const params = Object.fromEntries(new URLSearchParams(body));
      const signed = isSigned(request, publicUrl() + path, params);
      const seen = { path, params, signed, host: request.headers.host };
      webhooks.push(seen);
      const stream = `${socketUrl()}/media-stream`;
      const plain = `<Response><Connect><Stream url="${stream}"><Parameter name="token" value="t1"/></Stream></Connect><Hangup/></Response>`;
      const { status, contentType = 'text/xml' } = options;
      return { status, contentType, body: options.twiml?.(seen, stream) ?? plain };
    },
    upgrade: (request) => {
      const path = request.url ?? '';
      const signed = isSigned(request, socketUrl() + path, {});
      upgrades.push({ path, signed, host: request.headers.host });
    },
  });
  await server.listen();
  const { url, frames, until, close } = server;
  return { url, webhooks, upgrades, frames, until, close };
}

export type TinyGateway = Awaited<ReturnType<typeof tinyGateway>>;

/** Sends an answer of `ms` of audio with a mark at its end. */
export function answer(socket: WebSocket, streamSid: unknown, ms: number, mark = 'end'): void {
  const payload = Buffer.alloc(ms * 8, 1).toString('base64');
  socket.send(JSON.stringify({ event: 'media', streamSid, media: { payload } }));
  socket.send(JSON.stringify({ event: 'mark', streamSid, mark: { name: mark } }));
}
