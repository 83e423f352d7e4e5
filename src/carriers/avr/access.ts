import type { IncomingMessage } from 'node:http';
import { PatchcordError } from '../../base/errors.ts';
import { wasForwarded } from '../../base/forwarded.ts';
import { networkMatcher } from '../networks.ts';

/**
 * The reason to refuse a peer; undefined for one that may connect. AVR's protocol knows no password: who may connect
 * is told from the address alone, so nothing may stand between the peer and us, and no page of a browser may ask.
 */
export function accessTo(
  networks: readonly string[],
): (request: IncomingMessage) => PatchcordError | undefined {
  const allows = networkMatcher(networks);
  return ({ headers, socket }) => {
    const peer = socket.remoteAddress;
    const refused = (why: string): PatchcordError =>
      new PatchcordError('PATCHCORD_PEER_NOT_ALLOWED', why, { peer });
    if (wasForwarded(headers)) return refused('the request came through a proxy, so its sender is not known');
    if (headers.origin !== undefined) return refused('the request comes from a browser');
    if (!allows(peer)) return refused('the address is not one of AVR_ALLOW');
    return undefined;
  };
}
