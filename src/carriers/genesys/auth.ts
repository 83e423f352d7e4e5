import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Clock } from '../../base/clock.ts';
import { PatchcordError } from '../../base/errors.ts';
import { sameText } from '../same-text.ts';
import { readSignature, signatureBase } from './http-signature.ts';
import { Nonces } from './nonces.ts';

export interface AuthSettings {
  /** Undefined: everybody is refused. */
  readonly apiKey: string | undefined;
  /** Base64, as Genesys gives it. Undefined: the key alone is checked. */
  readonly clientSecret: string | undefined;
  readonly publicUrl: string | undefined;
}

export interface UpgradeRefusal {
  readonly status: 400 | 401;
  readonly error: PatchcordError;
}

type UpgradeRequest = Pick<IncomingMessage, 'url' | 'headers'>;

/** What an upgrade has beside its key. The names are told in the refusal. */
const neededHeaders = [
  'audiohook-organization-id',
  'audiohook-correlation-id',
  'audiohook-session-id',
  'upgrade',
  'sec-websocket-version',
  'sec-websocket-key',
] as const;

/** AudioHook documentation, "Security": what a signature must cover. */
const signedComponents = [
  '@request-target',
  '@authority',
  'audiohook-organization-id',
  'audiohook-session-id',
  'audiohook-correlation-id',
  'x-api-key',
] as const;

/** How far the client's clock may be ahead of ours, and how old a signature may be, seconds. */
const skewS = 3;
const maxAgeS = 10;
const minNonceLength = 22;
const nonceLimits = { lifetimeMs: (skewS + maxAgeS + 2) * 1000, capacity: 10_000 };

/** Who may open a session. AudioHook documentation, "Security". */
export class UpgradeAuth {
  readonly #settings: AuthSettings;
  readonly #clock: Clock;
  readonly #nonces: Nonces;

  constructor(settings: AuthSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
    this.#nonces = new Nonces(clock, nonceLimits);
  }

  /** The reason to refuse an upgrade; undefined when it is genuine. Never throws. */
  refuse({ url = '/', headers }: UpgradeRequest): UpgradeRefusal | undefined {
    const { apiKey, clientSecret } = this.#settings;
    const key = headerOf(headers['x-api-key']);
    if (key === '') return unauthorized("Missing 'x-api-key' header");
    if (apiKey === undefined) return unauthorized('Invalid API Key', { setting: 'GENESYS_API_KEY' });
    if (!sameText(key, apiKey)) return unauthorized('Invalid API Key');
    const missing = neededHeaders.filter((name) => headerOf(headers[name]) === '');
    if (missing.length > 0) return invalid(`Missing required headers: ${missing.join(', ')}`);
    if (headerOf(headers.upgrade).toLowerCase() !== 'websocket')
      return invalid('The upgrade is not to websocket');
    if (headerOf(headers['sec-websocket-version']) !== '13')
      return invalid('The WebSocket version is not 13');
    if (clientSecret === undefined) return undefined;
    const wrong = this.#wrongSignature({ url, headers }, key, Buffer.from(clientSecret, 'base64'));
    if (wrong === undefined) return undefined;
    const details = { host: headerOf(headers.host), path: url.split('?', 1)[0] };
    return {
      status: 401,
      error: new PatchcordError('PATCHCORD_SIGNATURE_INVALID', `The signature is refused: ${wrong}`, details),
    };
  }

  /** What is wrong with the signature. */
  #wrongSignature(request: UpgradeRequest, key: string, secret: Buffer): string | undefined {
    if (secret.length === 0) return 'GENESYS_CLIENT_SECRET is empty';
    const { headers } = request;
    const signature = readSignature(headerOf(headers['signature-input']), headerOf(headers.signature));
    if (signature === undefined) return 'it is missing or malformed';
    const { components, parameters } = signature;
    const uncovered = signedComponents.filter((name) => !components.includes(name));
    if (uncovered.length > 0) return `it does not cover ${uncovered.join(', ')}`;
    const keyId = parameters.get('keyid');
    if (typeof keyId !== 'string' || !sameText(keyId, key)) return '`keyid` is not the API key';
    if (parameters.get('alg') !== 'hmac-sha256') return '`alg` is not hmac-sha256';
    const nonce = parameters.get('nonce');
    if (typeof nonce !== 'string' || nonce.length < minNonceLength) return '`nonce` is missing or too short';
    const untimely = this.#untimely(parameters.get('created'), parameters.get('expires'));
    if (untimely !== undefined) return untimely;
    const { publicUrl } = this.#settings;
    const hosts = authorities(headerOf(headers.host), publicUrl);
    const genuine = targets(request.url ?? '/', publicUrl).some((target) =>
      hosts.some((authority) => {
        const base = signatureBase(signature, (component) =>
          componentOf(component, headers, { target, authority }),
        );
        return base !== undefined && isSignedWith(secret, base, signature.signature);
      }),
    );
    if (!genuine) return 'it does not match';
    return this.#nonces.take(nonce) ? undefined : '`nonce` was used before';
  }

  /** Both are whole seconds since the epoch; `expires` may be left out. */
  #untimely(created: unknown, expires: unknown): string | undefined {
    const nowS = this.#clock.epochMs() / 1000;
    if (typeof created !== 'number') return '`created` is missing';
    if (created > nowS + skewS) return '`created` is in the future';
    if (nowS - created > maxAgeS) return 'it is too old';
    if (expires === undefined) return undefined;
    return typeof expires === 'number' && expires >= nowS ? undefined : 'it has expired';
  }
}

/** What of a request is signed under this name. Draft, sections 2.1 and 2.2. */
function componentOf(
  component: string,
  headers: IncomingHttpHeaders,
  { target, authority }: { readonly target: string; readonly authority: string },
): string | undefined {
  if (component === '@request-target') return target;
  if (component === '@authority') return authority;
  // A component is whatever the peer wrote, `constructor` too.
  if (!Object.hasOwn(headers, component)) return undefined;
  const value = headerOf(headers[component]).trim();
  return value === '' ? undefined : value;
}

/** A proxy may have taken away the path that our public address begins with, so that with it is tried too. */
function targets(target: string, publicUrl: string | undefined): string[] {
  const prefix = publicUrl !== undefined && URL.canParse(publicUrl) ? new URL(publicUrl).pathname : '/';
  return prefix === '/' ? [target] : [target, `${prefix.replace(/\/+$/, '')}${target}`];
}

/**
 * Draft, section 2.2.4: the host in lower case, without the port that is the scheme's own. A proxy may have put
 * another `Host` in, so that of our public address is tried too.
 */
function authorities(host: string, publicUrl: string | undefined): string[] {
  const given = host.trim().toLowerCase();
  const ours = publicUrl !== undefined && URL.canParse(publicUrl) ? [new URL(publicUrl).host] : [];
  return [...new Set([given.replace(/:(?:443|80)$/, ''), given, ...ours])].filter((each) => each !== '');
}

function isSignedWith(secret: Buffer, base: string, signature: Buffer): boolean {
  const right = createHmac('sha256', secret).update(base, 'utf8').digest();
  return right.length === signature.length && timingSafeEqual(right, signature);
}

function unauthorized(message: string, details: Record<string, unknown> = {}): UpgradeRefusal {
  return { status: 401, error: new PatchcordError('PATCHCORD_UNAUTHORIZED', message, details) };
}

function invalid(message: string): UpgradeRefusal {
  return { status: 400, error: new PatchcordError('PATCHCORD_REQUEST_INVALID', message) };
}

function headerOf(value: string | string[] | undefined): string {
  return typeof value === 'string' ? value : (value?.join(', ') ?? '');
}
