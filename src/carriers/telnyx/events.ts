import { PatchcordError } from '../../base/errors.ts';
import { readObject, readText, recordOf } from '../fields.ts';

/** What every event of a call says. */
interface OfCall {
  readonly callControlId: string;
  /** What we gave this leg of the call to remember; undefined: nothing, or something that is not ours. */
  readonly ours: OurState | undefined;
}

/** Telnyx's documentation, "Voice API Webhooks": what of it concerns a call of ours. */
export type CallEvent = OfCall &
  (
    | {
        readonly type: 'initiated';
        readonly incoming: boolean;
        readonly from: string | undefined;
        readonly to: string | undefined;
        /** What Telnyx knows of the caller, and the headers that came with the call. */
        readonly variables: Readonly<Record<string, string>>;
      }
    | { readonly type: 'answered' }
    | { readonly type: 'bridged' }
    | { readonly type: 'hangup'; readonly cause: string }
    | { readonly type: 'speak-ended' }
    | { readonly type: 'streaming-failed'; readonly reason: string; readonly streamUrl: string | undefined }
  );

export interface Delivery {
  /** The same for every attempt to deliver the event. */
  readonly id: string | undefined;
  /** Undefined: an event that there is nothing to do about. */
  readonly event: CallEvent | undefined;
}

/** What is written into `client_state`, so that an event tells which dial or transfer it is of. */
export interface OurState {
  readonly kind: 'dial' | 'transfer';
  readonly id: string;
}

const prefix = 'patchcord';
const maxIdLength = 256;
const maxVariables = 20;
const maxVariableLength = 500;

/** `client_state` as Telnyx wants it: base64. */
export function writeState({ kind, id }: OurState): string {
  return Buffer.from(`${prefix}:${kind}:${id}`).toString('base64');
}

function readState(value: unknown): OurState | undefined {
  if (typeof value !== 'string' || value.length > 256) return undefined;
  const [, kind, id] = /^patchcord:(dial|transfer):([\w-]{1,64})$/.exec(
    Buffer.from(value, 'base64').toString('utf8'),
  ) ?? [undefined, undefined, undefined];
  return (kind === 'dial' || kind === 'transfer') && id !== undefined ? { kind, id } : undefined;
}

/** Reads the body of a webhook, or says why it can't be used. Never throws. */
export function readDelivery(body: Buffer): Delivery | PatchcordError {
  const envelope = readObject(body);
  if (envelope === undefined) return malformed('the body is not a JSON object');
  const data = recordOf(envelope.data);
  const name = readText(data.event_type);
  if (name === undefined) return malformed('`data.event_type` is missing');
  const event = readEvent(name, recordOf(data.payload));
  return event instanceof PatchcordError ? event : { id: readText(data.id)?.slice(0, maxIdLength), event };
}

/** Some deliveries write underscores for dots: `call_answered`, `streaming_failed`. */
function readEvent(
  name: string,
  payload: Readonly<Record<string, unknown>>,
): CallEvent | PatchcordError | undefined {
  const read = readers.get(name.replaceAll('_', '.'));
  if (read === undefined) return undefined;
  const callControlId = readText(payload.call_control_id);
  if (callControlId === undefined || callControlId.length > maxIdLength)
    return malformed('`payload.call_control_id` is missing or no id');
  return read({ callControlId, ours: readState(payload.client_state) }, payload);
}

type Reader = (call: OfCall, payload: Readonly<Record<string, unknown>>) => CallEvent;

/** By the name of the event. Documentation: "Voice API Webhooks", the event of that name. */
const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  [
    'call.initiated',
    (call, payload) => ({
      ...call,
      type: 'initiated',
      // A call that waits for a command of ours is `parked`, and only a call to us does.
      incoming:
        payload.direction === undefined ? payload.state === 'parked' : payload.direction === 'incoming',
      from: readText(payload.from),
      to: readText(payload.to),
      variables: variablesOf(payload),
    }),
  ],
  ['call.answered', (call) => ({ ...call, type: 'answered' })],
  ['call.bridged', (call) => ({ ...call, type: 'bridged' })],
  [
    'call.hangup',
    (call, payload) => ({
      ...call,
      type: 'hangup',
      cause: readText(payload.hangup_cause)?.slice(0, 64) ?? 'unspecified',
    }),
  ],
  ['call.speak.ended', (call) => ({ ...call, type: 'speak-ended' })],
  [
    'streaming.failed',
    (call, payload) => ({
      ...call,
      type: 'streaming-failed',
      reason: readText(payload.failure_reason)?.slice(0, 64) ?? 'unspecified',
      streamUrl: readText(recordOf(payload.stream_params).stream_url),
    }),
  ],
]);

const passedOn = ['caller_id_name', 'call_session_id', 'connection_id', 'shaken_stir_attestation'];

function variablesOf(payload: Readonly<Record<string, unknown>>): Record<string, string> {
  const found: [string, string][] = [];
  for (const name of passedOn) {
    const value = readText(payload[name]);
    if (value !== undefined) found.push([name, value]);
  }
  const headers = [payload.custom_headers, payload.sip_headers].flatMap((list) =>
    Array.isArray(list) ? (list as readonly unknown[]) : [],
  );
  for (const header of headers.slice(0, maxVariables)) {
    const { name, value } = recordOf(header);
    if (typeof name === 'string' && /^[A-Za-z][\w-]{0,63}$/.test(name) && typeof value === 'string')
      found.push([name, value]);
  }
  return Object.fromEntries(
    found.slice(0, maxVariables).map(([name, value]) => [name, value.slice(0, maxVariableLength)]),
  );
}

function malformed(what: string): PatchcordError {
  return new PatchcordError('PATCHCORD_MESSAGE_MALFORMED', what);
}
