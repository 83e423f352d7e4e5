import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Clock } from '../base/clock.ts';
import { PatchcordError } from '../base/errors.ts';
import { AccessKeys, sessionCookie } from './access-keys.ts';
import { FailedAttempts } from './failed-attempts.ts';
import { type AccessRequest, isLocal, originHost } from './local-request.ts';

export interface AccessOptions {
  readonly clock: Clock;
  /** Never empty: where none is configured, the gateway makes one and prints it. */
  readonly keys: readonly string[];
  /** Origin as browsers see it when a proxy changes the Host header, e.g. `https://gw.example.com`. */
  readonly publicUrl?: string;
  /** How long a browser stays signed in, milliseconds; 12 hours unless set. */
  readonly sessionMs?: number;
}

export interface AccessRefusal {
  readonly allowed: false;
  readonly status: 401 | 403 | 429;
  /** `PATCHCORD_UNAUTHORIZED`, or `PATCHCORD_PEER_FLOOD` with `details.waitMs` after too many wrong keys. */
  readonly error: PatchcordError;
}

export type AccessDecision =
  | { readonly allowed: true; readonly how: 'local' | 'key' | 'session' }
  | AccessRefusal;

/** The answer to `GET /?key=...`: headers of a 303 to `/`, or a refusal. */
export type SignIn =
  | { readonly allowed: true; readonly headers: Readonly<Record<string, string>> }
  | AccessRefusal;

const hour = 3_600_000;

/**
 * Who may use the REST API, the console, the events and the softphone: a truly local request, who shows a key
 * (`Authorization: Bearer KEY`), and a browser that has shown one at `/?key=KEY`. Carriers' own routes don't ask here.
 */
export class Access {
  readonly #keys: AccessKeys;
  readonly #failed: FailedAttempts;
  readonly #publicHost: string | undefined;
  readonly #sessionMs: number;

  constructor(options: AccessOptions) {
    this.#sessionMs = options.sessionMs ?? 12 * hour;
    this.#keys = new AccessKeys(options.clock, options.keys, this.#sessionMs);
    this.#failed = new FailedAttempts(options.clock);
    this.#publicHost = options.publicUrl === undefined ? undefined : originHost(options.publicUrl);
  }

  decide(request: AccessRequest): AccessDecision {
    if (isLocal(request)) return { allowed: true, how: 'local' };
    const { authorization } = request.headers;
    if (authorization !== undefined) return this.#byKey(request, bearerOf(authorization));
    const session = cookieOf(request.headers, sessionCookie);
    if (session !== undefined && this.#keys.acceptsSession(session)) return this.#bySession(request);
    return refusal(401, 'This request needs an API key: Authorization: Bearer KEY.');
  }

  /** Undefined: the request brings no key in its address and is served (or refused) as any other. */
  signIn(request: AccessRequest): SignIn | undefined {
    const url = URL.parse(request.url, 'http://localhost');
    const key = url?.pathname === '/' ? url.searchParams.get('key') : null;
    if (request.method !== 'GET' || key === null) return undefined;
    const decision = this.#byKey(request, key);
    if (!decision.allowed) return decision;
    const session = this.#keys.session(key) ?? '';
    return {
      allowed: true,
      headers: {
        location: '/',
        'set-cookie': this.#cookie(session, isSecure(request)),
        // The address holds a key: no cache and no other site shall see it.
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
      },
    };
  }

  #byKey(request: AccessRequest, key: string | undefined): AccessDecision {
    // First of all: behind a tunnel all peers are one, and whoever guesses there must not lock out who knows.
    if (key !== undefined && this.#keys.accepts(key)) return { allowed: true, how: 'key' };
    const waitMs = this.#failed.waitMs(request.peerAddress);
    if (waitMs > 0) {
      const error = new PatchcordError('PATCHCORD_PEER_FLOOD', 'Too many wrong keys; try again later.', {
        waitMs: Math.ceil(waitMs),
      });
      return { allowed: false, status: 429, error };
    }
    this.#failed.failed(request.peerAddress);
    return refusal(401, 'The API key is not valid.');
  }

  /** A browser sends the cookie whoever's page asks it to; what matters is done for our own page only. */
  #bySession(request: AccessRequest): AccessDecision {
    const reads = request.method === 'GET' || request.method === 'HEAD';
    const { origin, upgrade } = request.headers;
    const needsOrigin = !reads || upgrade !== undefined;
    if (origin === undefined ? needsOrigin : !this.#isOwn(originHost(origin), request.headers.host)) {
      return refusal(403, "A signed-in browser may do this only from the gateway's own page.");
    }
    return { allowed: true, how: 'session' };
  }

  #isOwn(from: string | undefined, host: string | undefined): boolean {
    if (from === undefined) return false;
    return from === withoutDefaultPort(host) || from === this.#publicHost;
  }

  #cookie(session: string, secure: boolean): string {
    const maxAge = Math.floor(this.#sessionMs / 1000);
    const attributes = `Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAge}${secure ? '; Secure' : ''}`;
    return `${sessionCookie}=${session}; ${attributes}`;
  }
}

/** What `Access` needs of a request or of an upgrade. */
export function accessRequest(message: IncomingMessage): AccessRequest {
  return {
    peerAddress: message.socket.remoteAddress,
    method: message.method ?? 'GET',
    url: message.url ?? '/',
    headers: message.headers,
  };
}

function refusal(status: 401 | 403, message: string): AccessRefusal {
  return { allowed: false, status, error: new PatchcordError('PATCHCORD_UNAUTHORIZED', message) };
}

function bearerOf(authorization: string): string | undefined {
  return /^bearer +([\x21-\x7e]+) *$/i.exec(authorization)?.[1];
}

function cookieOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  for (const pair of headers.cookie?.split(';') ?? []) {
    const at = pair.indexOf('=');
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return undefined;
}

/** Whether the browser's side of the way is encrypted. Only a hint: a cookie without `Secure` is the worst it can do. */
function isSecure(request: AccessRequest): boolean {
  const proto = request.headers['x-forwarded-proto'];
  const first = (Array.isArray(proto) ? proto[0] : proto)?.split(',')[0]?.trim().toLowerCase();
  if (first !== undefined) return first === 'https';
  return /\bproto="?https\b/i.test(request.headers.forwarded ?? '');
}

function withoutDefaultPort(host: string | undefined): string | undefined {
  return host === undefined ? undefined : originHost(`http://${host.replace(/:443$/, '')}`);
}
