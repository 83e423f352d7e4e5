import { PatchcordError } from '../../base/errors.ts';

/** Everything that can be made to go wrong on one connection. Response numbers count from 1. */
export interface Faults {
  /** The handshake is answered this much later. */
  readonly handshakeDelayMs?: number;
  /** The handshake is refused with this HTTP status: 401, 429, 500, 503... */
  readonly handshakeStatus?: number;
  /** The `Retry-After` header of a refusal, in seconds. */
  readonly retryAfterS?: number;
  /** The handshake is never answered. */
  readonly handshakeHang?: boolean;
  /** `session.created` is never sent. */
  readonly noSessionCreated?: boolean;
  /** The socket is destroyed (1006) once this much answer audio was sent on the connection. */
  readonly dropAfterAudioMs?: number;
  /** The socket is destroyed this long after the session began. */
  readonly dropAfterMs?: number;
  /** Answers stop for good, without an end, once this much answer audio was sent on the connection. */
  readonly stallAfterAudioMs?: number;
  /** An `error` event with this code is sent, `errorAfterMs` (default 0) after the session began. */
  readonly errorCode?: string;
  readonly errorAfterMs?: number;
  /** This response ends `failed` with no `response.created` before it. */
  readonly failWithoutCreated?: number;
  /** This response ends `failed` with `rate_limit_exceeded`. */
  readonly rateLimitResponse?: number;
  /** The `response.done` of this response is never sent. */
  readonly missingDone?: number;
  /** Length of an audio delta, 20 to 4000. */
  readonly deltaMs?: number;
  /** Generation speed, as a multiple of real time. */
  readonly speed?: number;
  /** The session ends this long after it began: `session_expired`, then close 1001. */
  readonly expireAfterMs?: number;
  /** A CLOSE frame is answered by dropping TCP, as the vendor does. */
  readonly noCloseReply?: boolean;
  /** Every event is sent this much later. */
  readonly eventDelayMs?: number;
  /** Events have the names of the beta API, as several compatible servers still send them. */
  readonly betaNames?: boolean;
  /** This many audio deltas of a cancelled response follow its `response.done`. */
  readonly lateDeltas?: number;
}

type FaultName = keyof Faults;

const faultKinds: Readonly<Record<FaultName, 'number' | 'boolean' | 'string'>> = {
  handshakeDelayMs: 'number',
  handshakeStatus: 'number',
  retryAfterS: 'number',
  handshakeHang: 'boolean',
  noSessionCreated: 'boolean',
  dropAfterAudioMs: 'number',
  dropAfterMs: 'number',
  stallAfterAudioMs: 'number',
  errorCode: 'string',
  errorAfterMs: 'number',
  failWithoutCreated: 'number',
  rateLimitResponse: 'number',
  missingDone: 'number',
  deltaMs: 'number',
  speed: 'number',
  expireAfterMs: 'number',
  noCloseReply: 'boolean',
  eventDelayMs: 'number',
  betaNames: 'boolean',
  lateDeltas: 'number',
};

export const faultNames = Object.keys(faultKinds) as readonly FaultName[];

/**
 * Reads `name=value` pairs, several in one string parted by commas; a flag may stand without a value.
 * Throws PATCHCORD_REQUEST_INVALID for an unknown name or a value of the wrong kind.
 */
export function parseFaults(pairs: readonly string[]): Faults {
  const faults: Record<string, number | boolean | string> = {};
  for (const pair of pairs.flatMap((entry) => entry.split(','))) {
    const [name = '', ...rest] = pair.trim().split('=');
    if (name === '') continue;
    if (!isFaultName(name)) {
      throw new PatchcordError(
        'PATCHCORD_REQUEST_INVALID',
        `unknown fault '${name}'; known: ${faultNames.join(', ')}`,
      );
    }
    faults[name] = parseValue(name, rest.length === 0 ? undefined : rest.join('='));
  }
  return faults;
}

function isFaultName(name: string): name is FaultName {
  return Object.hasOwn(faultKinds, name);
}

function parseValue(name: FaultName, value: string | undefined): number | boolean | string {
  const kind = faultKinds[name];
  if (kind === 'boolean' && (value === undefined || value === 'true' || value === '1')) return true;
  if (kind === 'boolean' && (value === 'false' || value === '0')) return false;
  if (kind === 'string' && value !== undefined && value !== '') return value;
  const amount = value === undefined || value === '' ? Number.NaN : Number(value);
  if (kind === 'number' && Number.isFinite(amount) && amount >= 0) return amount;
  throw new PatchcordError(
    'PATCHCORD_REQUEST_INVALID',
    `fault '${name}' needs a ${kind}, not '${value ?? ''}'`,
  );
}
