import type { IncomingMessage } from 'node:http';
import { PatchcordError } from '../../base/errors.ts';
import { wasForwarded } from '../../base/forwarded.ts';
import { networkMatcher } from '../networks.ts';

const isLoopback = networkMatcher(['127.0.0.0/8', '::1']);

/**
 * The reason to refuse a peer; undefined for one that may connect. AVR's protocol knows no password: who may connect
 * is told from the address alone, so nothing may stand between the peer and us, and no page of a browser may ask. A
 * tunnel that adds no header of its own is told by our public host's name, which nobody on this machine calls us by.
 */
export function accessTo(
  networks: readonly string[],
  publicUrl: string | undefined,
): (request: IncomingMessage) => PatchcordError | undefined {
  const allows = networkMatcher(networks);
  const publicHost = publicHostOf(publicUrl);
  return ({ headers, socket }) => {
    const peer = socket.remoteAddress;
    const refused = (why: string): PatchcordError =>
      new PatchcordError('PATCHCORD_PEER_NOT_ALLOWED', why, { peer });
    if (wasForwarded(headers)) return refused('the request came through a proxy, so its sender is not known');
    if (headers.origin !== undefined) return refused('the request comes from a browser');
    if (isLoopback(peer) && publicHost !== undefined && headers.host?.toLowerCase() === publicHost)
      return refused('the request came by the public address, so its sender is not known');
    if (!allows(peer)) return refused('the address is not one of AVR_ALLOW');
    return undefined;
  };
}

/** Undefined where the public address is this machine's own. */
function publicHostOf(publicUrl: string | undefined): string | undefined {
  if (publicUrl === undefined || !URL.canParse(publicUrl)) return undefined;
  const { host, hostname } = new URL(publicUrl);
  const isOwn = hostname === 'localhost' || isLoopback(hostname.replace(/^\[|\]$/g, ''));
  return isOwn ? undefined : host;
}
