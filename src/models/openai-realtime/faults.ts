import { type ErrorCode, PatchcordError } from '../../base/errors.ts';
import { readRetryAfter } from '../../base/retry-after.ts';
import type { ServerFault } from './server-events.ts';
import type { SocketEnd } from './socket.ts';

/** Codes of the API that no second try can heal: the key or the account. */
const accountCodes: ReadonlySet<string> = new Set([
  'invalid_api_key',
  'insufficient_quota',
  'account_deactivated',
  'billing_hard_limit_reached',
  'billing_not_active',
]);

/** Followed by close 4000. */
const betaCode = 'beta_api_shape_disabled';

/** Races that are part of the protocol: the server was ahead of us, nothing is lost. */
const raceCodes: ReadonlySet<string> = new Set([
  'conversation_already_has_active_response',
  'response_cancel_not_active',
  'input_audio_buffer_commit_empty',
  'item_truncate_invalid_item_id',
  'item_delete_invalid_item_id',
  'item_retrieve_invalid_item_id',
  'item_not_found',
  'unsupported_content_type',
]);

export function isRace(fault: ServerFault): boolean {
  return fault.code !== undefined && raceCodes.has(fault.code);
}

/** What of a fault may be logged: the vendor's message is left out, because it can quote what was said. */
export function describeFault(fault: ServerFault): Record<string, string> {
  return {
    ...(fault.code === undefined ? {} : { code: fault.code }),
    ...(fault.kind === undefined ? {} : { type: fault.kind }),
    ...(fault.param === undefined ? {} : { param: fault.param }),
  };
}

/** The error of a fault that ends the session, else undefined. */
export function fatalError(fault: ServerFault): PatchcordError | undefined {
  if (fault.code === betaCode) return betaError(describeFault(fault));
  const code = fatalCode(fault.code);
  return code === undefined ? undefined : new PatchcordError(code, undefined, describeFault(fault));
}

function fatalCode(code: string | undefined): ErrorCode | undefined {
  if (code === undefined) return undefined;
  if (accountCodes.has(code)) return 'PATCHCORD_MODEL_AUTH';
  if (code === 'session_expired') return 'PATCHCORD_MODEL_EXPIRED';
  return undefined;
}

/** Nothing here asks for the beta API: what is on the way does, and will the next time. */
function betaError(details: Record<string, unknown>): PatchcordError {
  return new PatchcordError(
    'PATCHCORD_MODEL_REJECTED',
    'The speech model takes the connection for the beta API, which is gone: something on the way, such as a proxy at OPENAI_BASE_URL, adds the header OpenAI-Beta.',
    details,
  );
}

/** A fault that ends the session although it would not end one that is in use: the settings were not taken. */
export function setupError(fault: ServerFault): PatchcordError {
  const transient = fault.kind === 'server_error' || (fault.code?.startsWith('rate_limit') ?? false);
  return new PatchcordError(
    transient ? 'PATCHCORD_MODEL_UNREACHABLE' : 'PATCHCORD_MODEL_REJECTED',
    undefined,
    describeFault(fault),
  );
}

/** The error of a socket that ended without our doing. `opened`: the handshake had succeeded. */
export function socketError(end: SocketEnd, opened: boolean, epochMs: number): PatchcordError {
  switch (end.type) {
    case 'refused': {
      const account = end.code !== undefined && accountCodes.has(end.code);
      const denied = end.status === 401 || end.status === 403 || account;
      const retryAfterMs = readRetryAfter(end.retryAfter, epochMs);
      return new PatchcordError(
        denied ? 'PATCHCORD_MODEL_AUTH' : 'PATCHCORD_MODEL_UNREACHABLE',
        `The speech model answered the handshake with HTTP ${end.status}.`,
        {
          status: end.status,
          ...(end.code === undefined ? {} : { code: end.code }),
          ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
        },
      );
    }
    case 'failed':
      return new PatchcordError(
        opened ? 'PATCHCORD_MODEL_LOST' : 'PATCHCORD_MODEL_UNREACHABLE',
        end.message,
        {
          ...(end.code === undefined ? {} : { code: end.code }),
        },
      );
    case 'closed': {
      const details = { closeCode: end.code, ...(end.reason === '' ? {} : { reason: end.reason }) };
      if (end.code === 4000 && end.reason.includes(betaCode)) return betaError(details);
      if (!opened) return new PatchcordError('PATCHCORD_MODEL_UNREACHABLE', undefined, details);
      const expired = end.code === 1001 && end.reason.includes('maximum duration');
      return new PatchcordError(
        expired ? 'PATCHCORD_MODEL_EXPIRED' : 'PATCHCORD_MODEL_LOST',
        undefined,
        details,
      );
    }
  }
}
