import type { GatewayAnswer } from '../../src/emulators/phone/gateway-http.ts';
import { FakeTwilioCall, type FakeTwilioCallOptions } from '../../src/emulators/twilio/call.ts';
import type { RestCall } from '../../src/emulators/twilio/rest-call.ts';
import { FakeTwilioRest, type FakeTwilioRestOptions } from '../../src/emulators/twilio/rest-server.ts';
import { signWebhook } from '../../src/emulators/twilio/signature.ts';
import { authToken } from '../contract/drivers/twilio-call.ts';
import { publicUrl, type Stage, type StageOptions } from '../contract/stage.ts';
import {
  accountOptions,
  clock,
  fromNumber,
  onAccountStage,
  sendWebhook,
  to,
  type WebhookChanges,
} from './account-stage.ts';
import type { Ask } from './ask.ts';

const accountSid = `AC${'0'.repeat(32)}`;

export interface TwilioStageOptions extends StageOptions {
  readonly account?: Partial<Pick<FakeTwilioRestOptions, 'answer' | 'callOptions'>>;
}

/** A gateway with a Twilio account that may dial: its REST API, calls that come in, and single webhooks, signed. */
export interface TwilioStage {
  readonly stage: Stage;
  readonly rest: FakeTwilioRest;
  readonly ask: Ask;
  call(options?: Partial<FakeTwilioCallOptions>): FakeTwilioCall;
  webhook(path: string, changes?: WebhookChanges): Promise<GatewayAnswer>;
}

export function onTwilioStage(
  options: TwilioStageOptions,
  play: (it: TwilioStage) => Promise<void>,
): Promise<void> {
  return onAccountStage(
    options,
    (gateway) =>
      new FakeTwilioRest({
        ...accountOptions,
        accountSid,
        authToken,
        ...options.account,
        get gatewayUrl() {
          return gateway.url;
        },
      }),
    (apiBaseUrl) => ({
      TWILIO_ACCOUNT_SID: accountSid,
      TWILIO_AUTH_TOKEN: authToken,
      TWILIO_PHONE_NUMBER: fromNumber,
      TWILIO_API_BASE_URL: apiBaseUrl,
    }),
    ({ stage, account, ask }) => {
      const ofAll = { clock, accountSid, authToken, publicUrl, gatewayUrl: stage.gateway.url };
      return play({
        stage,
        rest: account,
        ask,
        call: (more) => new FakeTwilioCall({ ...ofAll, maxCallMs: 15_000, ...more }),
        webhook: (path, changes) => sendWebhook(stage, path, changes, ring, sign),
      });
    },
  );
}

const ring = {
  AccountSid: accountSid,
  CallSid: `CA${'1'.repeat(32)}`,
  CallStatus: 'ringing',
  Direction: 'inbound',
  From: '+15550001111',
  To: '+15550002222',
};

const sign: Parameters<typeof sendWebhook>[4] = (url, form) => ({
  'x-twilio-signature': signWebhook(authToken, url, Object.entries(form)),
});

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
