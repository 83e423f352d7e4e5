import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Faults } from './faults.ts';

const keyProtocol = 'openai-insecure-api-key.';
const betaProtocol = 'openai-beta.realtime-v1';

export interface Refusal {
  readonly status: number;
  readonly code: string | null;
  readonly message: string;
  readonly retryAfterS?: number;
}

export interface Admission {
  readonly model: string;
  readonly type: 'realtime' | 'transcription';
  readonly isBeta: boolean;
}

const reasons: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
};

/**
 * Judges a handshake by path, key and query, after the Realtime guide, "Connect via WebSocket": the key comes as a
 * bearer token or, from browsers, as a subprotocol.
 */
export function admit(
  request: IncomingMessage,
  url: URL,
  apiKeys: readonly string[] | undefined,
  faults: Faults,
): Admission | Refusal {
  if (faults.handshakeStatus !== undefined) return faultRefusal(faults.handshakeStatus, faults.retryAfterS);
  if (!/\/realtime\/?$/.test(url.pathname)) {
    return { status: 404, code: null, message: `Invalid URL (GET ${url.pathname})` };
  }
  const protocols = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((entry) => entry.trim());
  const key = keyOf(request, protocols);
  if (apiKeys !== undefined && (key === undefined || !apiKeys.includes(key))) {
    return { status: 401, code: 'invalid_api_key', message: 'Incorrect API key provided.' };
  }
  if (url.searchParams.has('call_id')) {
    return { status: 404, code: 'call_id_not_found', message: 'No session found for the provided call_id.' };
  }
  const isBeta = request.headers['openai-beta'] !== undefined || protocols.includes(betaProtocol);
  if (url.searchParams.get('intent') === 'transcription') {
    return { model: url.searchParams.get('model') ?? '', type: 'transcription', isBeta };
  }
  const model = url.searchParams.get('model');
  if (model === null || model === '') {
    return {
      status: 400,
      code: 'missing_required_parameter',
      message: "Missing required parameter: 'model'.",
    };
  }
  return { model, type: 'realtime', isBeta };
}

/** Answers a handshake with an HTTP error and closes the connection. */
export function refuse(socket: Duplex, refusal: Refusal): void {
  const { status, code, message, retryAfterS } = refusal;
  const type = status >= 500 ? 'server_error' : 'invalid_request_error';
  const body = JSON.stringify({ error: { message, type, param: null, code } });
  const head = [
    `HTTP/1.1 ${status} ${reasons[status] ?? 'Error'}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    ...(retryAfterS === undefined ? [] : [`Retry-After: ${retryAfterS}`]),
  ];
  // A half-open socket would stay for ever with a peer that never says goodbye.
  socket.once('finish', () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function keyOf(request: IncomingMessage, protocols: readonly string[]): string | undefined {
  const bearer = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return bearer;
  return protocols.find((entry) => entry.startsWith(keyProtocol))?.slice(keyProtocol.length);
}

function faultRefusal(status: number, retryAfterS: number | undefined): Refusal {
  const known: Readonly<Record<number, string>> = { 401: 'invalid_api_key', 429: 'rate_limit_exceeded' };
  const refusal = { status, code: known[status] ?? null, message: 'The emulator was told to refuse.' };
  return retryAfterS === undefined ? refusal : { ...refusal, retryAfterS };
}
