import type { IncomingHttpHeaders } from 'node:http';
import { PatchcordError } from '../../base/errors.ts';
import type { Party } from '../../call/party.ts';
import type { CarrierHost, Params, WebhookReply, WebhookRequest, WebhookRoute } from '../carrier.ts';
import { printable } from '../fields.ts';
import { emptyAnswer, hangUpAnswer, refuseAnswer, streamAnswer } from './answers.ts';
import { refuseWebhook, toSocketUrl } from './auth.ts';
import type { PlivoCalls } from './calls.ts';
import type { CallIds, PlivoLeg } from './leg.ts';
import { isCallId } from './rest.ts';

export interface WebhookContext {
  readonly host: CarrierHost;
  readonly calls: PlivoCalls;
  readonly authToken: string | undefined;
  /** Of the audio that is asked for, e.g. `audio/x-mulaw;rate=8000`. */
  readonly contentType: string;
}

const busySentence = 'We are sorry, all lines are busy at the moment. Please call again later. Goodbye.';
export const mediaPath = '/media-stream';
const callbackPath = '/callbacks';

/** Plivo's documentation, "XML request": what it posts to answer, hangup and callback URLs. */
export function webhookRoutes(context: WebhookContext): WebhookRoute[] {
  const voice = (path: string): WebhookRoute => ({
    path,
    methods: ['GET', 'POST'],
    recognises,
    handle: (request) => answerVoice(request, path, context),
  });
  const report = (path: string, isOurs: WebhookRoute['recognises']): WebhookRoute => ({
    path,
    methods: ['GET', 'POST'],
    recognises: isOurs,
    handle: (request) => answerReport(request, context),
  });
  return [
    voice('/incoming-call'),
    voice('/inbound-call'),
    voice('/outbound-call'),
    report('/twilio-status-callback', recognises),
    report('/status-callback', recognises),
    report(callbackPath, () => true),
  ];
}

/** The paths are shared with Twilio alone, which leaves exactly these. */
function recognises(request: WebhookRequest): boolean {
  return isPlivo(request.headers) || request.form.has('CallUUID') || request.query.has('CallUUID');
}

/** Plivo signs with headers of its own, webhooks and upgrades alike. */
export function isPlivo(headers: IncomingHttpHeaders): boolean {
  return Object.keys(headers).some((header) => header.startsWith('x-plivo-'));
}

function answerVoice(request: WebhookRequest, path: string, context: WebhookContext): WebhookReply {
  const params = authenticate(request, context);
  if ('status' in params) return params;
  const { host, calls } = context;
  const { callUuid, requestUuid } = idsOf(params);
  if (callUuid === undefined) {
    return refuse(
      context,
      400,
      new PatchcordError('PATCHCORD_REQUEST_INVALID', 'CallUUID is missing or no UUID'),
    );
  }
  // A number's hangup URL that was pointed here must not make a call of a finished one.
  const status = finalStatus(params, calls);
  if (status !== undefined) {
    calls.statusChanged({ callUuid, requestUuid }, status);
    return xml(emptyAnswer());
  }
  const transferId = first(request.query, 'transfer');
  if (transferId !== undefined) return answerTransfer(transferId, callUuid, context);
  if (host.publicUrl === undefined) return refuse(context, 503, notPublic());
  const dialId = first(request.query, 'dial');
  let leg: PlivoLeg | undefined;
  try {
    leg =
      dialId === undefined
        ? calls.announced({ callUuid, party: partyOf(params, request.query, path) })
        : calls.dialled(dialId, { callUuid, requestUuid });
  } catch (thrown) {
    if (!(thrown instanceof PatchcordError)) throw thrown;
    host.refused('plivo', thrown, { callUuid });
    return xml(refuseAnswer(busySentence));
  }
  if (leg === undefined || !leg.isOpen) return xml(hangUpAnswer());
  leg.answered();
  // Whoever heard of the answer may have hung up in the same breath.
  if (!leg.isOpen) return xml(hangUpAnswer());
  const token = calls.tokenFor(leg);
  return xml(
    streamAnswer({
      url: `${toSocketUrl(host.publicUrl)}${mediaPath}?token=${token}`,
      token,
      contentType: context.contentType,
      statusCallbackUrl: `${host.publicUrl}${callbackPath}`,
    }),
  );
}

/** Plivo has taken the call out of its stream and asks where it shall go. */
function answerTransfer(id: string, callUuid: string, context: WebhookContext): WebhookReply {
  const transfer = context.calls.transfer(id);
  if (transfer === undefined) return xml(hangUpAnswer());
  if (transfer.callUuid !== callUuid) {
    const details = { announced: transfer.callUuid, started: callUuid };
    context.host.refused('plivo', new PatchcordError('PATCHCORD_CALL_MISMATCH', undefined, details), details);
    return xml(hangUpAnswer());
  }
  transfer.fetched();
  return xml(transfer.answer);
}

/** Reports of calls (ring and hangup URLs) and of media streams (`statusCallbackUrl`). */
function answerReport(request: WebhookRequest, context: WebhookContext): WebhookReply {
  const params = authenticate(request, context);
  if ('status' in params) return params;
  const { host, calls } = context;
  const ids = idsOf(params);
  const streamId = first(params, 'StreamID');
  if (ids.callUuid === undefined && ids.requestUuid === undefined && streamId === undefined) {
    return refuse(
      context,
      400,
      new PatchcordError('PATCHCORD_REQUEST_INVALID', 'CallUUID is missing or no UUID'),
    );
  }
  const dialId = first(request.query, 'dial');
  try {
    // The report may overtake the answer to our own request, and is then the first to name the call.
    if (dialId !== undefined) calls.dialled(dialId, ids);
  } catch (thrown) {
    if (!(thrown instanceof PatchcordError)) throw thrown;
    host.refused('plivo', thrown, { ...ids });
  }
  const event = first(params, 'Event') ?? '';
  if (troubles.includes(event)) {
    const fields = { ...ids, streamId, event, statusReason: printable(first(params, 'StatusReason') ?? '') };
    host.log.warn(fields, 'Plivo reports trouble with a media stream');
  }
  calls.streamChanged(ids, event, streamId);
  const status = finalStatus(params, calls);
  if (status !== undefined) calls.statusChanged(ids, status);
  return { status: 200, contentType: 'text/plain', body: '' };
}

const troubles = ['DroppedStream', 'DegradedStream', 'failed'];

/** The status of a call that is over. Where Plivo tells no status, its event does. */
function finalStatus(params: Params, calls: PlivoCalls): string | undefined {
  const told = first(params, 'CallStatus');
  const status = told ?? (first(params, 'Event') === 'Hangup' ? 'completed' : undefined);
  return calls.isFinal(status) ? status : undefined;
}

/** The parameters of a genuine request, or the refusal of any other. */
function authenticate(request: WebhookRequest, context: WebhookContext): Params | WebhookReply {
  const { host, authToken } = context;
  const refusal = refuseWebhook(request, {
    authToken,
    publicUrl: host.publicUrl,
    allowUnsigned: host.allowsUnsigned('plivo'),
  });
  if (refusal !== undefined) return refuse(context, 403, refusal);
  return request.method === 'POST' && request.form.size > 0 ? request.form : request.query;
}

function idsOf(params: Params): CallIds {
  const callUuid = first(params, 'CallUUID');
  const requestUuid = first(params, 'RequestUUID') ?? first(params, 'ALegRequestUUID');
  return {
    callUuid: isCallId(callUuid) ? callUuid : undefined,
    requestUuid: isCallId(requestUuid) ? requestUuid : undefined,
  };
}

function partyOf(params: Params, query: Params, path: string): Party {
  const from = first(params, 'From');
  const to = first(params, 'To');
  const direction = first(params, 'Direction') ?? (path === '/outbound-call' ? 'outbound' : 'inbound');
  return {
    ...(from === undefined ? {} : { from: e164(from) }),
    ...(to === undefined ? {} : { to: e164(to) }),
    direction: direction === 'outbound' ? 'outbound' : 'inbound',
    variables: variablesOf(params, query),
  };
}

/** Plivo writes country code and number without a plus. */
function e164(number: string): string {
  return /^[1-9]\d{6,14}$/.test(number) ? `+${number}` : number;
}

const passedOn = /^(CallerName|ForwardedFrom|ParentCallUUID|X-PH-[\w-]{1,60})$/i;
const maxVariables = 20;
const maxVariableLength = 500;

/** What Plivo knows of the caller, SIP headers that came along, and the query that the number's owner wrote. */
function variablesOf(params: Params, query: Params): Record<string, string> {
  const theirs = [...params.keys()].filter((name) => passedOn.test(name));
  // Plivo's own parameters begin with a capital, but for one.
  const own = [...query.keys()].filter(
    (name) => /^[a-z_][\w-]{0,63}$/.test(name) && !passedOn.test(name) && name !== 'stir_verification',
  );
  const variables: [string, string][] = [];
  for (const name of [...theirs, ...own].slice(0, maxVariables)) {
    const value = first(theirs.includes(name) ? params : query, name);
    if (value !== undefined) variables.push([name, value.slice(0, maxVariableLength)]);
  }
  return Object.fromEntries(variables);
}

function notPublic(): PatchcordError {
  return new PatchcordError(
    'PATCHCORD_CONFIG_INVALID',
    'PUBLIC_URL is not set, so Plivo cannot be told where to stream',
    { setting: 'PUBLIC_URL' },
  );
}

function refuse(context: WebhookContext, status: number, error: PatchcordError): WebhookReply {
  context.host.refused('plivo', error, { status, ...error.details });
  return { status, contentType: 'text/plain', body: error.code };
}

function xml(body: string): WebhookReply {
  return { status: 200, contentType: 'text/xml', body };
}

function first(params: Params, name: string): string | undefined {
  const value = params.get(name)?.[0];
  return value === '' ? undefined : value;
}
