import { randomUUID } from 'node:crypto';
import { SystemClock } from '../../src/base/clock.ts';
import { type GatewayAnswer, GatewayHttp } from '../../src/emulators/phone/gateway-http.ts';
import { FakePlivo, type FakePlivoOptions } from '../../src/emulators/plivo/account.ts';
import { signV3 } from '../../src/emulators/plivo/signature.ts';
import { authToken } from '../contract/drivers/plivo-call.ts';
import { publicUrl, type Stage, type StageOptions } from '../contract/stage.ts';
import { type Ask, askingOf } from './ask.ts';
import { onStage } from './on-stage.ts';
import type { WebhookChanges } from './twilio-stage.ts';

export const clock = new SystemClock();
export const fromNumber = '+15550009999';
export const to = '+15550001111';
const authId = 'MA000000000000000000';

export interface PlivoStageOptions extends StageOptions {
  readonly account?: Partial<Omit<FakePlivoOptions, 'clock' | 'gatewayUrl' | 'authId' | 'authToken'>>;
}

/** A gateway with a Plivo account that may dial: the account, and single webhooks, signed. */
export interface PlivoStage {
  readonly stage: Stage;
  readonly plivo: FakePlivo;
  readonly ask: Ask;
  webhook(path: string, changes?: WebhookChanges): Promise<GatewayAnswer>;
}

export async function onPlivoStage(
  options: PlivoStageOptions,
  play: (it: PlivoStage) => Promise<void>,
): Promise<void> {
  let gatewayUrl = publicUrl;
  const plivo = new FakePlivo({
    clock,
    authId,
    authToken,
    publicUrl,
    ringMs: 20,
    ...options.account,
    get gatewayUrl() {
      return gatewayUrl;
    },
  });
  const env = {
    PLIVO_AUTH_ID: authId,
    PLIVO_AUTH_TOKEN: authToken,
    PLIVO_PHONE_NUMBER: fromNumber,
    PLIVO_API_BASE_URL: await plivo.listen(),
    PATCHCORD_DIAL_ALLOW: '+1',
    ...options.env,
  };
  try {
    await onStage({ ...options, env }, (stage) => {
      gatewayUrl = stage.gateway.url;
      return play({
        stage,
        plivo,
        ask: askingOf(stage),
        webhook: (path, changes) => sendWebhook(gatewayUrl, path, changes),
      });
    });
  } finally {
    await plivo.close();
  }
}

function sendWebhook(via: string, path: string, changes: WebhookChanges = {}): Promise<GatewayAnswer> {
  const { method = 'POST', hostHeader, fields = {} } = changes;
  const form = {
    CallUUID: randomUUID(),
    From: '15550001111',
    To: '15550002222',
    Direction: 'inbound',
    CallStatus: 'ringing',
    Event: 'StartApp',
    ...fields,
  };
  const signed = new URL(path, publicUrl);
  if (method === 'GET') {
    for (const [name, value] of Object.entries(form)) signed.searchParams.append(name, value);
  }
  const nonce = '12345678901234567890';
  const headers = {
    'x-plivo-signature-v3': signV3(authToken, signed.href, nonce, method === 'POST' ? form : {}),
    'x-plivo-signature-v3-nonce': nonce,
    ...(method === 'POST' ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
  };
  const target = new URL(signed);
  if (hostHeader !== undefined) target.host = hostHeader;
  const http = new GatewayHttp({ clock, publicUrl: target.origin, via });
  const body = method === 'POST' ? new URLSearchParams(form).toString() : '';
  return http.send(target, { method, headers, body });
}
