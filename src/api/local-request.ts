import type { IncomingHttpHeaders } from 'node:http';
import { isIPv4 } from 'node:net';
import { wasForwarded } from '../base/forwarded.ts';

/** What is known of a request or an upgrade before anything is done for it. */
export interface AccessRequest {
  /** Address of the other end of the socket; undefined when it is gone already. */
  readonly peerAddress: string | undefined;
  readonly method: string;
  /** Path and query as received. */
  readonly url: string;
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders;
}

/**
 * Whether the request was made on this machine and for this machine: the peer is loopback, the Host header is local
 * (a name that an attacker points at 127.0.0.1 is not), nothing forwarded it (a tunnel arrives from loopback too),
 * and no page of another site sent it.
 */
export function isLocal(request: AccessRequest): boolean {
  const { headers } = request;
  return (
    isLoopback(request.peerAddress) &&
    isLocalHost(headers.host) &&
    !wasForwarded(headers) &&
    comesFromLocalPage(request)
  );
}

export function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false;
  if (address === '::1') return true;
  const plain = address.toLowerCase().startsWith('::ffff:') ? address.slice(7) : address;
  return isIPv4(plain) && plain.startsWith('127.');
}

/** A Host header (or the host part of an origin) that names this machine, with any port. */
export function isLocalHost(host: string | undefined): boolean {
  const name = /^(\[[\da-f:.]+\]|[a-z\d.-]+)(?::\d{1,5})?$/i.exec(host ?? '')?.[1]?.toLowerCase();
  if (name === undefined) return false;
  if (name === 'localhost' || name.endsWith('.localhost') || name === '[::1]') return true;
  return isIPv4(name) && name.startsWith('127.');
}

/** The `host[:port]` of an Origin header, without a default port; undefined for `null` and for what is no web origin. */
export function originHost(origin: string): string | undefined {
  const parsed = URL.parse(origin);
  if (!parsed || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')) return undefined;
  return parsed.host;
}

/**
 * Browsers name the page that sends a request: in Origin for sockets and for what changes state, in Sec-Fetch-Site for
 * all. Programs send neither. https://fetch.spec.whatwg.org/#origin-header, https://www.w3.org/TR/fetch-metadata/
 */
function comesFromLocalPage(request: AccessRequest): boolean {
  const { origin } = request.headers;
  if (origin !== undefined) return isLocalHost(originHost(origin));
  if (request.headers['sec-fetch-site'] !== 'cross-site') return true;
  // Without an Origin, a link on another site may still lead here; nothing else of that site may.
  const reads = request.method === 'GET' || request.method === 'HEAD';
  return reads && request.headers['sec-fetch-mode'] === 'navigate';
}
