import { isLocalHost } from '../api/local-request.ts';
import { responseText } from '../base/response-text.ts';
import { type Finding, fail } from './finding.ts';

/** Of an answer that is longer no more is read. */
const maxStatusBytes = 65_536;

/**
 * Asks, by the public name and without a key, for what needs one. A proxy on this machine that writes its own Host and
 * adds no header makes everybody look local: nothing in a request tells that, so it is tried. Undefined: the question is
 * refused, as it must be, or nobody answers it, or PUBLIC_URL itself is of this machine.
 */
export async function checkOpenApi(publicUrl: string, signal: AbortSignal): Promise<Finding | undefined> {
  if (isLocalHost(URL.parse(publicUrl)?.host)) return undefined;
  try {
    const response = await fetch(`${publicUrl}/v1/status`, { redirect: 'manual', signal });
    const text = await responseText(response, maxStatusBytes);
    if (response.status !== 200 || !isStatus(text)) return undefined;
  } catch {
    // Whether the address can be reached at all is looked at elsewhere.
    return undefined;
  }
  return fail(
    `everybody can use the REST API, the console and the softphone at ${publicUrl} without a key`,
    'the proxy in front makes requests look as if they came from this machine: have it pass the Host header on and ' +
      'say whom it speaks for (nginx: proxy_set_header Host $host; proxy_set_header X-Forwarded-For ' +
      '$proxy_add_x_forwarded_for;)',
  );
}

/** Of a gateway, and not of a server that answers 200 to whatever it is asked. */
function isStatus(text: string): boolean {
  try {
    const status: unknown = JSON.parse(text);
    return typeof status === 'object' && status !== null && 'liveCalls' in status;
  } catch {
    return false;
  }
}
