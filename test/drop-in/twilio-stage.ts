import { SystemClock } from '../../src/base/clock.ts';
import { type GatewayAnswer, GatewayHttp } from '../../src/emulators/phone/gateway-http.ts';
import { FakeTwilioCall, type FakeTwilioCallOptions } from '../../src/emulators/twilio/call.ts';
import type { RestCall } from '../../src/emulators/twilio/rest-call.ts';
import { FakeTwilioRest, type FakeTwilioRestOptions } from '../../src/emulators/twilio/rest-server.ts';
import { signWebhook } from '../../src/emulators/twilio/signature.ts';
import { authToken } from '../contract/drivers/twilio-call.ts';
import { publicUrl, type Stage, type StageOptions } from '../contract/stage.ts';
import { type Ask, askingOf } from './ask.ts';
import { onStage } from './on-stage.ts';

export const clock = new SystemClock();
export const fromNumber = '+15550009999';
export const to = '+15550001111';
const accountSid = `AC${'0'.repeat(32)}`;

export interface TwilioStageOptions extends StageOptions {
  readonly account?: Partial<Pick<FakeTwilioRestOptions, 'answer' | 'callOptions'>>;
}

/** How a webhook differs from the usual one: POST, of an inbound call that rings, to the public host. */
export interface WebhookChanges {
  readonly method?: 'GET' | 'POST';
  readonly fields?: Readonly<Record<string, string>>;
  /** In place of the public one. */
  readonly hostHeader?: string;
}

/** A gateway with a Twilio account that may dial: its REST API, calls that come in, and single webhooks, signed. */
export interface TwilioStage {
  readonly stage: Stage;
  readonly rest: FakeTwilioRest;
  readonly ask: Ask;
  call(options?: Partial<FakeTwilioCallOptions>): FakeTwilioCall;
  webhook(path: string, changes?: WebhookChanges): Promise<GatewayAnswer>;
}

export async function onTwilioStage(
  options: TwilioStageOptions,
  play: (it: TwilioStage) => Promise<void>,
): Promise<void> {
  const twilio = { clock, accountSid, authToken, publicUrl };
  let gatewayUrl = publicUrl;
  const rest = new FakeTwilioRest({
    ...twilio,
    ringMs: 20,
    ...options.account,
    get gatewayUrl() {
      return gatewayUrl;
    },
  });
  const env = {
    TWILIO_ACCOUNT_SID: accountSid,
    TWILIO_AUTH_TOKEN: authToken,
    TWILIO_PHONE_NUMBER: fromNumber,
    TWILIO_API_BASE_URL: await rest.listen(),
    PATCHCORD_DIAL_ALLOW: '+1',
    ...options.env,
  };
  try {
    await onStage({ ...options, env }, (stage) => {
      gatewayUrl = stage.gateway.url;
      return play({
        stage,
        rest,
        ask: askingOf(stage),
        call: (more) => new FakeTwilioCall({ ...twilio, gatewayUrl, maxCallMs: 15_000, ...more }),
        webhook: (path, changes) => sendWebhook(gatewayUrl, path, changes),
      });
    });
  } finally {
    await rest.close();
  }
}

function sendWebhook(via: string, path: string, changes: WebhookChanges = {}): Promise<GatewayAnswer> {
  const { method = 'POST', hostHeader, fields = {} } = changes;
  const form = new URLSearchParams({
    AccountSid: accountSid,
    CallSid: `CA${'1'.repeat(32)}`,
    CallStatus: 'ringing',
    Direction: 'inbound',
    From: '+15550001111',
    To: '+15550002222',
    ...fields,
  });
  const signed = new URL(path, publicUrl);
  if (method === 'GET') for (const [name, value] of form) signed.searchParams.append(name, value);
  const headers = {
    'x-twilio-signature': signWebhook(authToken, signed.href, method === 'POST' ? [...form] : []),
    ...(method === 'POST' ? { 'content-type': 'application/x-www-form-urlencoded; charset=UTF-8' } : {}),
  };
  const target = new URL(signed);
  if (hostHeader !== undefined) target.host = hostHeader;
  const http = new GatewayHttp({ clock, publicUrl: target.origin, via });
  return http.send(target, { method, headers, body: method === 'POST' ? form.toString() : '' });
}

/** Dials as a client of the replaced bridge does; the call at Twilio, which rings by now. */
export async function dialled(
  { rest, ask }: TwilioStage,
  body: Readonly<Record<string, unknown>> = {},
): Promise<RestCall> {
  const { status, text, json } = await ask('POST', '/make-call', { to, ...body });
  const call = status === 200 ? rest.call((json as { callSid: string }).callSid) : undefined;
  if (call === undefined) throw new Error(`HTTP ${status}: ${text}`);
  return call;
}
