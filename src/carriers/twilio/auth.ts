import { createHash, createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { parse as parseQuery, stringify as stringifyQuery } from 'node:querystring';
import { PatchcordError } from '../../base/errors.ts';
import type { Params, WebhookRequest } from '../carrier.ts';
import { sameText } from '../same-text.ts';
import { headerOf, readyToCheck, type SignatureSettings, shownUrl, toSocketUrl } from '../webhooks.ts';

/**
 * Twilio's documentation, "Webhooks security": X-Twilio-Signature is the base64 HMAC-SHA1, keyed with the auth
 * token, over the URL followed by every form field, sorted by name, as name and value.
 */
export function signatureOf(authToken: string, url: string, params: Params): string {
  let signed = url;
  for (const name of [...params.keys()].sort()) {
    for (const value of [...new Set(params.get(name))].sort()) signed += name + value;
  }
  return createHmac('sha1', authToken).update(signed, 'utf8').digest('base64');
}

/** Whether `signature` is right for any spelling of `url` that Twilio is known to sign. */
export function isSigned(authToken: string, signature: string, url: string, params: Params): boolean {
  return spellings(url).some((spelling) => sameText(signature, signatureOf(authToken, spelling, params)));
}

const noParams: Params = new Map();

/** The reason to refuse a webhook; undefined when it is genuine. `details.computedUrl` is what was checked against. */
export function refuseWebhook(
  request: WebhookRequest,
  settings: SignatureSettings,
): PatchcordError | undefined {
  if (settings.allowUnsigned) return undefined;
  const ready = readyToCheck(settings, 'Twilio');
  if (ready instanceof PatchcordError) return ready;
  const url = ready.publicUrl + request.target;
  const signature = headerOf(request.headers, 'x-twilio-signature');
  // Documentation, "Webhooks security": a body that is no form is signed by its hash in the URL.
  const bodyHash = new URLSearchParams(request.target.split('?')[1] ?? '').get('bodySHA256');
  const genuine =
    bodyHash === null
      ? isSigned(ready.authToken, signature, url, request.form)
      : isSigned(ready.authToken, signature, url, noParams) && sameText(bodyHash, sha256Of(request.rawBody));
  return genuine ? undefined : mismatch(signature, url);
}

/**
 * The reason to refuse a WebSocket upgrade; undefined when it is genuine. Twilio signs the address of the
 * `<Stream>` with its scheme `wss` and no parameters, with or without a slash at its end.
 */
export function refuseUpgrade(
  request: Pick<IncomingMessage, 'url' | 'headers'>,
  settings: SignatureSettings,
): PatchcordError | undefined {
  if (settings.allowUnsigned) return undefined;
  const ready = readyToCheck(settings, 'Twilio');
  if (ready instanceof PatchcordError) return ready;
  const url = toSocketUrl(ready.publicUrl) + (request.url ?? '/');
  const signature = headerOf(request.headers, 'x-twilio-signature');
  const candidates = [url, toggleTrailingSlash(url)];
  const genuine = candidates.some((candidate) => isSigned(ready.authToken, signature, candidate, noParams));
  return genuine ? undefined : mismatch(signature, url);
}

function mismatch(signature: string, url: string): PatchcordError {
  const what =
    signature === ''
      ? 'X-Twilio-Signature is missing'
      : 'X-Twilio-Signature does not match; compare computedUrl with the address configured at Twilio, and the auth token';
  return new PatchcordError('PATCHCORD_SIGNATURE_INVALID', what, { computedUrl: shownUrl(url) });
}

/** The URL without its port and with it, the same normalised, and those with the query written the old way. */
function spellings(url: string): string[] {
  const asReceived = [withoutPort(url), withPort(url)];
  if (!URL.canParse(url)) return asReceived;
  const normalised = new URL(url).toString();
  const portless = withoutPort(normalised);
  const ported = withPort(normalised);
  return [...new Set([...asReceived, portless, ported, withOldQuery(portless), withOldQuery(ported)])];
}

interface UrlParts {
  readonly beforePort: string;
  readonly port: string;
  readonly rest: string;
  readonly isHttps: boolean;
}

/** Cut by hand, because `URL` would rewrite characters that were signed as they are. */
function partsOf(url: string): UrlParts | undefined {
  const match = /^([a-z][a-z0-9+.-]*:\/\/(?:[^/?#]*@)?(?:\[[^\]/?#]*\]|[^:/?#@]*))(:[^/?#]*)?(.*)$/is.exec(
    url,
  );
  if (!match) return undefined;
  const [, beforePort = '', port = '', rest = ''] = match;
  return { beforePort, port, rest, isHttps: /^https:/i.test(url) };
}

function withoutPort(url: string): string {
  const parts = partsOf(url);
  return parts ? parts.beforePort + parts.rest : url;
}

/** Adds the port that Twilio takes for the default: 443 for https and 80 for all else, wss too. */
function withPort(url: string): string {
  const parts = partsOf(url);
  if (parts === undefined || parts.port.length > 0) return url;
  return `${parts.beforePort}:${parts.isHttps ? 443 : 80}${parts.rest}`;
}

/** The query written as `querystring` writes it: some of Twilio's back ends sign that form. */
function withOldQuery(url: string): string {
  const start = url.indexOf('?');
  if (start < 0 || start === url.length - 1) return url;
  return `${url.slice(0, start)}?${stringifyQuery(parseQuery(url.slice(start + 1)))}`;
}

function toggleTrailingSlash(url: string): string {
  const [address = '', ...query] = url.split('?');
  const toggled = address.endsWith('/') ? address.slice(0, -1) : `${address}/`;
  return [toggled, ...query].join('?');
}

function sha256Of(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex');
}
