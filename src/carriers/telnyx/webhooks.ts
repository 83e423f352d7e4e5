import type { KeyObject } from 'node:crypto';
import { messageOf, PatchcordError } from '../../base/errors.ts';
import type { CarrierHost, WebhookReply, WebhookRequest, WebhookRoute } from '../carrier.ts';
import { refuseRequest } from '../webhooks.ts';
import { refuseWebhook } from './auth.ts';
import type { TelnyxCalls } from './calls.ts';
import { type CallEvent, readDelivery } from './events.ts';
import type { TelnyxRest } from './rest.ts';
import { SeenIds } from './seen-ids.ts';

export interface WebhookContext {
  readonly host: CarrierHost;
  readonly publicKey: KeyObject | undefined;
  /** Undefined: a setting is missing without which no call can be taken. */
  readonly calls: TelnyxCalls | undefined;
  /** That setting. */
  readonly missing: string | undefined;
  /** Undefined: there is no API key. */
  readonly rest: TelnyxRest | undefined;
}

export const webhookPath = '/api/webhooks/telnyx';

/** Events come about ten to a call, and again within a minute where Telnyx tries again. */
const rememberedEvents = 10_000;

/** Telnyx's documentation, "Voice API Webhooks": one address for all events, which must be answered with 200. */
export function webhookRoutes(context: WebhookContext): WebhookRoute[] {
  const seen = new SeenIds(rememberedEvents);
  return [
    {
      path: webhookPath,
      methods: ['POST'],
      recognises: () => true,
      handle: (request) => receive(request, context, seen),
    },
  ];
}

const received: WebhookReply = {
  status: 200,
  contentType: 'application/json',
  body: '{"received":true}',
};

function receive(request: WebhookRequest, context: WebhookContext, seen: SeenIds): WebhookReply {
  const { host, publicKey, calls } = context;
  const allowUnsigned = host.allowsUnsigned('telnyx');
  const refusal = refuseWebhook(request, { publicKey, allowUnsigned }, host.clock.epochMs());
  if (refusal !== undefined) return refuseRequest(host, 'telnyx', 403, refusal);
  const delivery = readDelivery(request.rawBody);
  if (delivery instanceof PatchcordError) {
    // It would be no better the next time.
    host.refused('telnyx', delivery, { status: 200 });
    return received;
  }
  const { id, event } = delivery;
  if (event === undefined || (id !== undefined && seen.has(id))) return received;
  if (calls === undefined) notReady(event, context);
  else calls.happened(event);
  // After it was taken: what fails in here is answered 500, and Telnyx's second try counts.
  if (id !== undefined) seen.add(id);
  return received;
}

/** A caller need not wait for somebody who cannot answer. */
function notReady(event: CallEvent, { host, missing, rest }: WebhookContext): void {
  if (event.type !== 'initiated' || !event.incoming) return;
  const { callControlId } = event;
  const what = `${missing} is not set, so no call can be answered`;
  host.refused('telnyx', new PatchcordError('PATCHCORD_CONFIG_INVALID', what), {
    callControlId,
    setting: missing,
  });
  rest?.reject(callControlId).catch((thrown: unknown) => {
    host.log.warn({ callControlId, error: messageOf(thrown) }, 'a call could not be declined');
  });
}
