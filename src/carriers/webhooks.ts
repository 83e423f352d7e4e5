import type { IncomingHttpHeaders } from 'node:http';
import { PatchcordError } from '../base/errors.ts';
import type { CarrierHost, Params, WebhookReply, WebhookRequest } from './carrier.ts';

/** What the webhooks of several carriers have in common. */

/** Said to a caller whom nobody can answer, and why. */
export function refusalSentence({ code }: PatchcordError): string {
  return code === 'PATCHCORD_DRAINING'
    ? 'We are sorry, we cannot take your call at the moment. Please call again in a few minutes. Goodbye.'
    : 'We are sorry, all lines are busy at the moment. Please call again later. Goodbye.';
}

const maxVariables = 20;
const maxVariableLength = 500;

/** A header's first value; empty where there is none. `name` in lower case. */
export function headerOf(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name];
  return typeof value === 'string' ? value : (value?.[0] ?? '');
}

/** What a query or a form body holds. */
export function paramsOf(encoded: string): Params {
  const found = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(encoded)) {
    const values = found.get(name);
    if (values) values.push(value);
    else found.set(name, [value]);
  }
  return found;
}

/** A parameter's first value, unless that is empty. */
export function first(params: Params, name: string): string | undefined {
  const value = params.get(name)?.[0];
  return value === '' ? undefined : value;
}

/** Where the carrier has written its parameters: by POST in the form, by GET, and where a proxy made one of it, in the query. */
export function sentParams(request: WebhookRequest): Params {
  return request.method === 'POST' && request.form.size > 0 ? request.form : request.query;
}

/** A party's variables: what the carrier says under `theirs`, and under `own` the query that the number's owner wrote. */
export function variablesOf(
  params: Params,
  theirs: readonly string[],
  query: Params,
  own: readonly string[],
): Record<string, string> {
  const variables: [string, string][] = [];
  for (const name of [...theirs, ...own].slice(0, maxVariables)) {
    const value = first(theirs.includes(name) ? params : query, name);
    if (value !== undefined) variables.push([name, value.slice(0, maxVariableLength)]);
  }
  return Object.fromEntries(variables);
}

/** `https://gw` as `wss://gw`, `http://gw` as `ws://gw`. */
export function toSocketUrl(url: string): string {
  return url.replace(/^http/i, 'ws');
}

/**
 * A webhook's address as a log may show it. What a carrier tells of a call by GET, in parameters that begin with a
 * capital, names people's numbers; tokens are secret.
 */
export function shownUrl(url: string): string {
  return url.replace(/([?&])([A-Z][^=&]*|token)=[^&]*/g, '$1$2=*');
}

/** `vendor`: its name as people write it. */
export function notPublic(vendor: string): PatchcordError {
  return new PatchcordError(
    'PATCHCORD_CONFIG_INVALID',
    `PUBLIC_URL is not set, so ${vendor} cannot be told where to stream`,
    { setting: 'PUBLIC_URL' },
  );
}

/** What is needed to check signatures that cover the address and are made with an auth token. */
export interface SignatureSettings {
  readonly authToken: string | undefined;
  readonly publicUrl: string | undefined;
  /** True: signatures are not checked. */
  readonly allowUnsigned: boolean;
}

/** The settings where all are there; else the reason to refuse what cannot be checked. */
export function readyToCheck(
  { authToken, publicUrl }: SignatureSettings,
  vendor: string,
): { readonly authToken: string; readonly publicUrl: string } | PatchcordError {
  if (authToken !== undefined && publicUrl !== undefined) return { authToken, publicUrl };
  const setting = authToken === undefined ? `${vendor.toUpperCase()}_AUTH_TOKEN` : 'PUBLIC_URL';
  return new PatchcordError(
    'PATCHCORD_SIGNATURE_INVALID',
    `${setting} is not set, so ${vendor}'s signatures cannot be checked`,
    { setting },
  );
}

/** Counts and logs a webhook that is refused, and answers it. */
export function refuseRequest(
  host: CarrierHost,
  carrier: string,
  status: number,
  error: PatchcordError,
): WebhookReply {
  host.refused(carrier, error, { status, ...error.details });
  return { status, contentType: 'text/plain', body: error.code };
}

export function xmlReply(body: string): WebhookReply {
  return { status: 200, contentType: 'text/xml', body };
}

/** Plivo signs with headers of its own, webhooks and upgrades alike. */
export function hasPlivoHeaders(headers: IncomingHttpHeaders): boolean {
  return Object.keys(headers).some((header) => header.startsWith('x-plivo-'));
}

/** Twilio and Plivo share their paths: what is not Plivo's is Twilio's. */
export function isPlivoWebhook({ headers, form, query }: WebhookRequest): boolean {
  return hasPlivoHeaders(headers) || form.has('CallUUID') || query.has('CallUUID');
}
