import { createHmac } from 'node:crypto';

/** Form fields, each name once. */
export type FormFields = Readonly<Record<string, string>>;

/**
 * `X-Plivo-Signature-V3`. Plivo, "Signature validation", version 3: HMAC-SHA256 with the auth token, as base64, over
 * the address, a dot and the nonce. To the address without its query comes `?` with the sorted query, `k=v` joined by
 * `&`; a POST with fields then has a dot (where there is a query) and the sorted fields without separators, and keeps
 * its `?` without a query. `url` is absolute; `fields` of a POST.
 */
export function signV3(authToken: string, url: string, nonce: string, fields: FormFields = {}): string {
  const signed = `${signedText(url, fields)}.${nonce}`;
  return createHmac('sha256', authToken).update(signed, 'utf8').digest('base64');
}

function signedText(url: string, fields: FormFields): string {
  const { origin, pathname, searchParams, protocol, host } = new URL(url);
  // `origin` of ws: and wss: is "null" for some.
  const address = `${origin === 'null' ? `${protocol}//${host}` : origin}${pathname}`;
  const query = [...searchParams]
    .sort(byName)
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
  const posted = Object.entries(fields)
    .sort(byName)
    .map(([name, value]) => name + value)
    .join('');
  if (posted === '') return query === '' ? address : `${address}?${query}`;
  return `${address}?${query}${query === '' ? '' : '.'}${posted}`;
}

function byName([one]: readonly [string, string], [other]: readonly [string, string]): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
