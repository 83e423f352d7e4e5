import { PatchcordError } from '../../base/errors.ts';
import type { Party } from '../../call/party.ts';
import type { CarrierHost, Params, WebhookReply, WebhookRequest, WebhookRoute } from '../carrier.ts';
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
import { refuseWebhook } from './auth.ts';
import type { AnnouncedCall, TwilioCalls } from './calls.ts';
import type { TwilioLeg } from './leg.ts';
import { connectTwiml, emptyTwiml, hangUpTwiml, refuseTwiml } from './twiml.ts';

export interface WebhookContext {
  readonly host: CarrierHost;
  readonly calls: TwilioCalls;
  readonly authToken: string | undefined;
}

/** Twilio's documentation, "TwiML for Programmable Voice", section "Twilio's request to your application". */
export function webhookRoutes(context: WebhookContext): WebhookRoute[] {
  const voice = (path: string): WebhookRoute => ({
    path,
    methods: ['GET', 'POST'],
    recognises,
    handle: (request) => answerVoice(request, path, context),
  });
  const status = (path: string): WebhookRoute => ({
    path,
    methods: ['GET', 'POST'],
    recognises,
    handle: (request) => answerStatus(request, context),
  });
  return [
    voice('/incoming-call'),
    voice('/inbound-call'),
    voice('/outbound-call'),
    status('/twilio-status-callback'),
    status('/status-callback'),
  ];
}

/** The paths are shared with Plivo alone; what is not Plivo's is answered here, and refused where it is not Twilio's. */
function recognises(request: WebhookRequest): boolean {
  return !isPlivoWebhook(request);
}

function answerVoice(request: WebhookRequest, path: string, context: WebhookContext): WebhookReply {
  const call = authenticate(request, path, context);
  if ('status' in call) return call;
  const { host, calls } = context;
  // A number's status callback that was pointed here must not make a call of a finished one.
  if (calls.isFinal(call.callStatus)) {
    calls.statusChanged(call.callSid, call.callStatus);
    return xmlReply(emptyTwiml());
  }
  if (host.publicUrl === undefined) return refuse(context, 503, notPublic('Twilio'));
  let leg: TwilioLeg | undefined;
  try {
    leg =
      call.dialId === undefined
        ? calls.announced(call)
        : calls.dialled(call.dialId, call.callSid, call.accountSid);
  } catch (thrown) {
    if (!(thrown instanceof PatchcordError)) throw thrown;
    host.refused('twilio', thrown, { callSid: call.callSid });
    return xmlReply(refuseTwiml(refusalSentence(thrown)));
  }
  if (leg === undefined || !leg.isOpen) return xmlReply(hangUpTwiml());
  leg.answered();
  // Whoever heard of the answer may have hung up in the same breath.
  if (!leg.isOpen) return xmlReply(hangUpTwiml());
  return xmlReply(connectTwiml(`${toSocketUrl(host.publicUrl)}/media-stream`, calls.tokenFor(leg)));
}

/** Documentation: "Call resource", section "StatusCallback". */
function answerStatus(request: WebhookRequest, context: WebhookContext): WebhookReply {
  const call = authenticate(request, '/twilio-status-callback', context);
  if ('status' in call) return call;
  const { host, calls } = context;
  try {
    // The report may overtake the answer to our own request, and is then the first to name the call.
    if (call.dialId !== undefined) calls.dialled(call.dialId, call.callSid, call.accountSid);
  } catch (thrown) {
    if (!(thrown instanceof PatchcordError)) throw thrown;
    host.refused('twilio', thrown, { callSid: call.callSid });
  }
  if (call.callStatus !== undefined) calls.statusChanged(call.callSid, call.callStatus);
  return { status: 200, contentType: 'text/plain', body: '' };
}

interface VoiceRequest extends AnnouncedCall {
  readonly callStatus: string | undefined;
  /** The dial that this call came of, where we asked for it. */
  readonly dialId: string | undefined;
}

/** The parameters of a genuine request, or the refusal of any other. */
function authenticate(
  request: WebhookRequest,
  path: string,
  context: WebhookContext,
): VoiceRequest | WebhookReply {
  const { host, authToken } = context;
  const refusal = refuseWebhook(request, {
    authToken,
    publicUrl: host.publicUrl,
    allowUnsigned: host.allowsUnsigned('twilio'),
  });
  if (refusal !== undefined) return refuse(context, 403, refusal);
  const params = sentParams(request);
  const callSid = first(params, 'CallSid');
  if (callSid === undefined || !/^\w{1,64}$/.test(callSid)) {
    return refuse(
      context,
      400,
      new PatchcordError('PATCHCORD_REQUEST_INVALID', 'CallSid is missing or no SID'),
    );
  }
  return {
    callSid,
    accountSid: first(params, 'AccountSid'),
    callStatus: first(params, 'CallStatus'),
    dialId: first(request.query, 'dial'),
    party: partyOf(params, request.query, path),
  };
}

function partyOf(params: Params, query: Params, path: string): Party {
  const from = first(params, 'From');
  const to = first(params, 'To');
  const direction = first(params, 'Direction') ?? (path === '/outbound-call' ? 'outbound-api' : 'inbound');
  return {
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    direction: direction.startsWith('outbound') ? 'outbound' : 'inbound',
    variables: variablesOf(params, passedOn, query, ownNames(query)),
  };
}

/** What Twilio knows of the caller. */
const passedOn = ['CallerName', 'ForwardedFrom', 'ParentCallSid'];

/** The query that the number's owner wrote behind the webhook's address. */
function ownNames(query: Params): string[] {
  return [...query.keys()].filter((name) => /^[a-z_][\w-]{0,63}$/.test(name) && name !== 'bodySHA256');
}

function refuse(context: WebhookContext, status: number, error: PatchcordError): WebhookReply {
  return refuseRequest(context.host, 'twilio', status, error);
}
