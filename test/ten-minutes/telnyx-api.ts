import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Served } from './house.ts';

export interface TelnyxApi extends Served {
  /** Path and query of the address that the gateway wants the media streamed to. */
  readonly streamPath: Promise<string>;
}

/** As much of Telnyx's API as it takes to be told where to stream to: every command is done. */
export async function serveTelnyxApi(): Promise<TelnyxApi> {
  const { promise: streamPath, resolve } = Promise.withResolvers<string>();
  const server = createServer((request, response) => {
    bodyOf(request).then(
      (body) => {
        if (typeof body.stream_url === 'string') {
          const { pathname, search } = new URL(body.stream_url);
          resolve(pathname + search);
        }
        response.setHeader('content-type', 'application/json');
        response.end('{"data":{"result":"ok"}}');
      },
      () => response.destroy(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    streamPath,
    env: { TELNYX_API_KEY: 'key-of-the-test', TELNYX_API_BASE_URL: `http://127.0.0.1:${port}/v2` },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  let body = '';
  for await (const part of request) body += String(part);
  return JSON.parse(body || '{}') as Readonly<Record<string, unknown>>;
}

/** An event of an incoming call, as Telnyx posts it. */
export function telnyxEvent(
  type: string,
  ids: { readonly callControlId: string; readonly callSessionId: string },
  { from, to }: { readonly from: string; readonly to: string },
): object {
  const { callControlId, callSessionId } = ids;
  const payload = {
    call_control_id: callControlId,
    call_session_id: callSessionId,
    call_leg_id: 'leg',
    connection_id: 'connection',
    direction: 'incoming',
    from,
    to,
  };
  const envelope = { record_type: 'event', id: `event-${type}`, occurred_at: '2026-01-01T00:00:00Z' };
  return { data: { ...envelope, event_type: type, payload }, meta: { attempt: 1 } };
}
