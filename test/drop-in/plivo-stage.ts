import { randomUUID } from 'node:crypto';
import type { GatewayAnswer } from '../../src/emulators/phone/gateway-http.ts';
import { FakePlivo, type FakePlivoOptions } from '../../src/emulators/plivo/account.ts';
import { signV3 } from '../../src/emulators/plivo/signature.ts';
import { authToken } from '../contract/drivers/plivo-call.ts';
import type { Stage, StageOptions } from '../contract/stage.ts';
import {
  accountOptions,
  fromNumber,
  onAccountStage,
  sendWebhook,
  type WebhookChanges,
} from './account-stage.ts';
import type { Ask } from './ask.ts';

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

export function onPlivoStage(
  options: PlivoStageOptions,
  play: (it: PlivoStage) => Promise<void>,
): Promise<void> {
  return onAccountStage(
    options,
    (gateway) =>
      new FakePlivo({
        ...accountOptions,
        authId,
        authToken,
        ...options.account,
        get gatewayUrl() {
          return gateway.url;
        },
      }),
    (apiBaseUrl) => ({
      PLIVO_AUTH_ID: authId,
      PLIVO_AUTH_TOKEN: authToken,
      PLIVO_PHONE_NUMBER: fromNumber,
      PLIVO_API_BASE_URL: apiBaseUrl,
    }),
    ({ stage, account, ask }) => {
      const webhook: PlivoStage['webhook'] = (path, changes) =>
        sendWebhook(stage, path, changes, ring(), sign);
      return play({ stage, plivo: account, ask, webhook });
    },
  );
}

const ring = () => ({
  CallUUID: randomUUID(),
  From: '15550001111',
  To: '15550002222',
  Direction: 'inbound',
  CallStatus: 'ringing',
  Event: 'StartApp',
});

const nonce = '12345678901234567890';
const sign: Parameters<typeof sendWebhook>[4] = (url, form) => ({
  'x-plivo-signature-v3': signV3(authToken, url, nonce, form),
  'x-plivo-signature-v3-nonce': nonce,
});
