import { PatchcordError } from '../../base/errors.ts';
import type { Party } from '../../call/party.ts';
import type { CarrierHost, Params, WebhookReply, WebhookRequest, WebhookRoute } from '../carrier.ts';
import { printable } from '../fields.ts';
import {
  first,
  isPlivoWebhook,
  notPublic,
  refusalSentence,
  refuseRequest,
  sentParams,
  toSocketUrl,
  variablesOf,
  xmlReply,
} from '../webhooks.ts';
import { emptyAnswer, hangUpAnswer, refuseAnswer, streamAnswer } from './answers.ts';
import { refuseWebhook } from './auth.ts';
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

export const mediaPath = '/media-stream';
const callbackPath = '/callbacks';

/** Plivo's documentation, "XML request": what it posts to answer, hangup and callback URLs. */
export function webhookRoutes(context: WebhookContext): WebhookRoute[] {
  const voice = (path: string): WebhookRoute => ({
    path,
    methods: ['GET', 'POST'],
    recognises: isPlivoWebhook,
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
    report('/twilio-status-callback', isPlivoWebhook),
    report('/status-callback', isPlivoWebhook),
    report(callbackPath, () => true),
  ];
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
    return xmlReply(emptyAnswer());
  }
  const transferId = first(request.query, 'transfer');
  if (transferId !== undefined) return answerTransfer(transferId, callUuid, context);
  if (host.publicUrl === undefined) return refuse(context, 503, notPublic('Plivo'));
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
    return xmlReply(refuseAnswer(refusalSentence(thrown)));
  }
  if (leg === undefined || !leg.isOpen) return xmlReply(hangUpAnswer());
  leg.answered();
  // Whoever heard of the answer may have hung up in the same breath.
  if (!leg.isOpen) return xmlReply(hangUpAnswer());
  const token = calls.tokenFor(leg);
  return xmlReply(
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
  if (transfer === undefined) return xmlReply(hangUpAnswer());
  if (transfer.callUuid !== callUuid) {
    const details = { announced: transfer.callUuid, started: callUuid };
    context.host.refused('plivo', new PatchcordError('PATCHCORD_CALL_MISMATCH', undefined, details), details);
    return xmlReply(hangUpAnswer());
  }
  transfer.fetched();
  return xmlReply(transfer.answer);
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
  return sentParams(request);
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
    variables: variablesOf(
      params,
      [...params.keys()].filter((name) => passedOn.test(name)),
      query,
      ownNames(query),
    ),
  };
}

/** Plivo writes country code and number without a plus. */
function e164(number: string): string {
  return /^[1-9]\d{6,14}$/.test(number) ? `+${number}` : number;
}

/** What Plivo knows of the caller, and SIP headers that came along. */
const passedOn = /^(CallerName|ForwardedFrom|ParentCallUUID|X-PH-[\w-]{1,60})$/i;

/** The query that the number's owner wrote; Plivo's own parameters begin with a capital, but for one. */
function ownNames(query: Params): string[] {
  return [...query.keys()].filter(
    (name) => /^[a-z_][\w-]{0,63}$/.test(name) && !passedOn.test(name) && name !== 'stir_verification',
  );
}

function refuse(context: WebhookContext, status: number, error: PatchcordError): WebhookReply {
  return refuseRequest(context.host, 'plivo', status, error);
}
