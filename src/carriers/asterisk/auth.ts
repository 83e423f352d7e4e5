import type { IncomingMessage } from 'node:http';
import { PatchcordError } from '../../base/errors.ts';
import { sameText } from '../same-text.ts';

export interface AsteriskCredentials {
  readonly wsUsername?: string | undefined;
  readonly wsPassword?: string | undefined;
}

/** The reason to refuse an upgrade; undefined where its HTTP Basic credentials are right (RFC 7617). */
export function refuseUpgrade(
  request: Pick<IncomingMessage, 'headers'>,
  { wsUsername, wsPassword }: AsteriskCredentials,
): PatchcordError | undefined {
  if (wsUsername === undefined || wsPassword === undefined) {
    const setting = wsUsername === undefined ? 'ASTERISK_WS_USERNAME' : 'ASTERISK_WS_PASSWORD';
    return new PatchcordError('PATCHCORD_UNAUTHORIZED', `${setting} is not set, so no Asterisk may connect`, {
      setting,
    });
  }
  const given = /^basic +([A-Za-z0-9+/=]+) *$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
  const expected = `${wsUsername}:${wsPassword}`;
  if (sameText(Buffer.from(given, 'base64').toString('utf8'), expected)) return undefined;
  return new PatchcordError(
    'PATCHCORD_UNAUTHORIZED',
    given === '' ? 'no HTTP Basic credentials were given' : 'the HTTP Basic credentials are wrong',
  );
}
