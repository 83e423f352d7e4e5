import { createHmac } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { PatchcordError } from '../../base/errors.ts';
import type { Params, WebhookRequest } from '../carrier.ts';
import { sameText } from '../same-text.ts';
import { paramsOf, readyToCheck, type SignatureSettings, shownUrl, toSocketUrl } from '../webhooks.ts';

type Method = WebhookRequest['method'];

const noParams: Params = new Map();

/**
 * What Plivo signs of a request, but for the nonce. Documentation: "Signature validation", V3: the address, its query
 * decoded and sorted, and the form fields sorted, as names and values without anything between. Where there is a form,
 * the `?` stands even before an empty query, and a `.` ends one that is not.
 */
export function signedText(method: Method, url: string, form: Params = noParams): string {
  const [address, encoded] = cutQuery(url);
  const query = sorted(paramsOf(encoded), '=').join('&');
  if (method === 'GET' || form.size === 0) return query === '' ? address : `${address}?${query}`;
  return `${address}?${query}${query === '' ? '' : '.'}${sorted(form, '').join('')}`;
}

/** X-Plivo-Signature-V3: base64 HMAC-SHA256, keyed with the auth token, over the signed text, a dot and the nonce. */
export function signatureOf(authToken: string, text: string, nonce: string): string {
  return createHmac('sha256', authToken).update(`${text}.${nonce}`, 'utf8').digest('base64');
}

/** The reason to refuse a webhook; undefined when it is genuine. `details.computedUrl` is what was checked against. */
export function refuseWebhook(
  request: WebhookRequest,
  settings: SignatureSettings,
): PatchcordError | undefined {
  if (settings.allowUnsigned) return undefined;
  const ready = readyToCheck(settings, 'Plivo');
  if (ready instanceof PatchcordError) return ready;
  const url = ready.publicUrl + request.target;
  const texts = spellings(url).map((spelling) => signedText(request.method, spelling, request.form));
  return refusal(request.headers, texts, ready.authToken, url);
}

/**
 * The reason to refuse a WebSocket upgrade; undefined when it is genuine. Plivo signs it as a GET, but its packages
 * disagree on the address: on live calls it was seen as `http`, port and query as in the XML; one package has `https`,
 * another puts `/websocket` behind it, or behind its query.
 */
export function refuseUpgrade(
  request: Pick<IncomingMessage, 'url' | 'headers'>,
  settings: SignatureSettings,
): PatchcordError | undefined {
  if (settings.allowUnsigned) return undefined;
  const ready = readyToCheck(settings, 'Plivo');
  if (ready instanceof PatchcordError) return ready;
  const url = ready.publicUrl + (request.url ?? '/');
  const texts = new Set(upgradeSpellings(url).map((spelling) => signedText('GET', spelling)));
  return refusal(request.headers, [...texts], ready.authToken, toSocketUrl(url));
}

/** A header may hold several signatures, of all auth tokens that are active; more than these are no honest peer's. */
const maxSignatures = 16;

/** V3 is made with the token of the account or subaccount that the call is of, Ma-V3 with the main account's. */
function refusal(
  headers: IncomingHttpHeaders,
  texts: readonly string[],
  authToken: string,
  url: string,
): PatchcordError | undefined {
  const given = ['x-plivo-signature-v3', 'x-plivo-signature-ma-v3']
    .flatMap((name) => headerOf(headers[name]).split(','))
    .map((signature) => signature.trim())
    .filter((signature) => signature !== '')
    .slice(0, maxSignatures);
  const nonces = ['x-plivo-signature-v3-nonce', 'x-plivo-signature-ma-v3-nonce']
    .map((name) => headerOf(headers[name]))
    .filter((nonce) => nonce !== '');
  for (const nonce of nonces) {
    for (const text of texts) {
      const right = signatureOf(authToken, text, nonce);
      if (given.some((signature) => sameText(signature, right))) return undefined;
    }
  }
  const what =
    given.length === 0 || nonces.length === 0
      ? 'X-Plivo-Signature-V3 or its nonce is missing'
      : 'X-Plivo-Signature-V3 does not match; compare computedUrl with the address configured at Plivo, and the auth token';
  return new PatchcordError('PATCHCORD_SIGNATURE_INVALID', what, { computedUrl: shownUrl(url) });
}

/** The address as received, without a port and with the default one: Plivo's packages disagree on it. */
function spellings(url: string): string[] {
  const match = /^([a-z][a-z0-9+.-]*):\/\/((?:\[[^\]/?#]*\]|[^:/?#])*)(:\d*)?(.*)$/is.exec(url);
  if (match === null) return [url];
  const [, scheme = '', host = '', , rest = ''] = match;
  const defaultPort = /^(https|wss)$/i.test(scheme) ? 443 : 80;
  return [...new Set([url, `${scheme}://${host}${rest}`, `${scheme}://${host}:${defaultPort}${rest}`])];
}

function upgradeSpellings(url: string): string[] {
  const [address, query] = cutQuery(url.replace(/^https?/i, ''));
  const targets = [`${address}?${query}`, address, `${address}/websocket?${query}`, `${address}/websocket`];
  if (query !== '') targets.push(`${address}?${query}/websocket`);
  return ['http', 'https', 'wss', 'ws'].flatMap((scheme) =>
    targets.flatMap((target) => spellings(scheme + target)),
  );
}

function cutQuery(url: string): [address: string, query: string] {
  const at = url.indexOf('?');
  return at < 0 ? [url, ''] : [url.slice(0, at), url.slice(at + 1)];
}

function sorted(params: Params, between: string): string[] {
  return [...params.keys()]
    .sort()
    .flatMap((name) => [...(params.get(name) ?? [])].sort().map((value) => name + between + value));
}

/** All values of a header that was sent several times. */
function headerOf(value: string | string[] | undefined): string {
  return typeof value === 'string' ? value : (value?.join(',') ?? '');
}
