/** Every error code of the product, with what it means; `docs/errors.md` is checked against this table. */
export const errorCodes = {
  PATCHCORD_CONFIG_INVALID: 'A setting has a value that cannot be used; the start stops.',
  PATCHCORD_UNAUTHORIZED: 'The request carries no valid API key and is not local.',
  PATCHCORD_SIGNATURE_INVALID: 'The carrier signature is missing or does not match the computed URL.',
  PATCHCORD_STREAM_TOKEN_INVALID: 'The media stream token is missing, unknown, expired or already used.',
  PATCHCORD_CALL_MISMATCH: 'The media stream names another call than the webhook that announced it.',
  PATCHCORD_MESSAGE_MALFORMED:
    'A frame is not what the protocol allows: not JSON, or a field of a wrong type.',
  PATCHCORD_MESSAGE_BINARY: 'A binary frame arrived where the protocol has only text.',
  PATCHCORD_MESSAGE_TEXT: 'A text frame arrived where the protocol has only binary.',
  PATCHCORD_MESSAGE_TOO_LARGE: 'A frame is larger than the limit.',
  PATCHCORD_MESSAGE_ORDER: 'A message arrived in an order that the protocol does not have.',
  PATCHCORD_AUDIO_MALFORMED: 'An audio payload is not valid base64 or not whole samples.',
  PATCHCORD_AUDIO_FORMAT: 'The audio format that a peer offers is not one that can be used.',
  PATCHCORD_PEER_NOT_ALLOWED:
    'The peer is not one of those that may connect, and the call was not announced.',
  PATCHCORD_CARRIER_LIMIT: 'The carrier says that it is sent too much, again and again.',
  PATCHCORD_PEER_FLOOD: 'A peer sends more than the limit allows.',
  PATCHCORD_CALL_NOT_FOUND: 'There is no live call with that id.',
  PATCHCORD_CALL_NOT_LIVE: 'The call is not live: nobody listens yet, or it is ending.',
  PATCHCORD_TRANSFER_NOT_POSSIBLE:
    'The call cannot be transferred: it is not live, or its carrier cannot do it.',
  PATCHCORD_DIGITS_NOT_POSSIBLE: 'No keys can be pressed: the call is not live, or its carrier cannot do it.',
  PATCHCORD_ANNOUNCE_NOT_POSSIBLE: 'The carrier takes no announced calls, or is not configured to.',
  PATCHCORD_CALL_LIMIT: 'The gateway carries as many calls as it is allowed to.',
  PATCHCORD_DRAINING: 'The gateway is shutting down and takes no new calls.',
  PATCHCORD_ANSWER_TIMEOUT: 'No media arrived within the answer timeout.',
  PATCHCORD_MEDIA_LOST: 'The carrier stopped sending audio for longer than the limit.',
  PATCHCORD_DIAL_NOT_CONFIGURED: 'Outbound dialling needs a setting that is missing.',
  PATCHCORD_DIAL_NOT_ALLOWED: 'The number is not covered by PATCHCORD_DIAL_ALLOW.',
  PATCHCORD_DIAL_LIMIT: 'A cap on outbound calls is reached.',
  PATCHCORD_DIAL_FAILED: 'The carrier refused the outbound call.',
  PATCHCORD_CARRIER_API: "A request to the carrier's API failed.",
  PATCHCORD_REQUEST_INVALID: 'The body or a parameter of the request is not valid.',
  PATCHCORD_NOT_FOUND: 'There is nothing at this address.',
  PATCHCORD_INTERNAL: 'An unexpected failure inside Patchcord; the log has the details.',
  PATCHCORD_MODEL_UNREACHABLE: 'The speech model could not be reached within the bound.',
  PATCHCORD_MODEL_AUTH: 'The speech model rejects the credentials or the account.',
  PATCHCORD_MODEL_REJECTED: 'The speech model does not take the settings of the session.',
  PATCHCORD_MODEL_LOST: 'The connection to the speech model was lost.',
  PATCHCORD_MODEL_EXPIRED: 'The session of the speech model reached its maximum age.',
  PATCHCORD_MODEL_PROTOCOL: 'The speech model sent something that its protocol does not have.',
  PATCHCORD_MODEL_TIMEOUT: 'The speech model did not answer within its deadline.',
  PATCHCORD_MODEL_ERROR: 'The speech model reported an error that does not end the session.',
  PATCHCORD_TRUNCATION_REFUSED: 'The speech model refused to be told how much of an answer was heard.',
  PATCHCORD_RESPONSE_FAILED: 'A response of the speech model failed or was cut short.',
  PATCHCORD_AGENT_API: 'A request to the agent API failed; the call goes on without.',
  PATCHCORD_TOOL_UNKNOWN: 'The model called a tool that does not exist.',
  PATCHCORD_TOOL_ARGUMENTS: 'The model called a tool with arguments that do not fit its schema.',
  PATCHCORD_TOOL_FAILED: 'A tool threw an error.',
  PATCHCORD_TOOL_LIMIT: 'The model called more tools in one answer than are run.',
  PATCHCORD_TOOL_TIMEOUT: 'A tool did not finish within its deadline.',
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** An error with a stable code. `details` may be logged; it never holds a secret, audio, or what people said. */
export class PatchcordError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message?: string, details: Record<string, unknown> = {}, cause?: unknown) {
    super(message ?? errorCodes[code], cause === undefined ? undefined : { cause });
    this.name = 'PatchcordError';
    this.code = code;
    this.details = details;
  }
}

/** Anything that was thrown as an error with a code; what has none is PATCHCORD_INTERNAL. */
export function asPatchcordError(thrown: unknown): PatchcordError {
  return thrown instanceof PatchcordError
    ? thrown
    : new PatchcordError('PATCHCORD_INTERNAL', undefined, { cause: messageOf(thrown) }, thrown);
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  // A name with several addresses, of which none was reached, has no words of its own.
  if (thrown instanceof AggregateError && thrown.message === '')
    return thrown.errors.map(messageOf).join(', ');
  return thrown instanceof Error ? thrown.message : String(thrown);
}
