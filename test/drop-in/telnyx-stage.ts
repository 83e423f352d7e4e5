import { FakeTelnyx, type FakeTelnyxOptions } from '../../src/emulators/telnyx/account.ts';
import type { FakeTelnyxCall } from '../../src/emulators/telnyx/call.ts';
import { TelnyxKeys } from '../../src/emulators/telnyx/keys.ts';
import type { Stage, StageOptions } from '../contract/stage.ts';
import { accountOptions, fromNumber, onAccountStage, to } from './account-stage.ts';
import type { Ask } from './ask.ts';

export const keys = new TelnyxKeys(Buffer.alloc(32, 5));
const apiKey = 'KEY-of-the-test';

export interface TelnyxStageOptions extends StageOptions {
  readonly account?: Partial<Omit<FakeTelnyxOptions, 'clock' | 'gatewayUrl' | 'keys' | 'apiKey'>>;
}

/** A gateway with a Telnyx account that may dial, and the account. */
export interface TelnyxStage {
  readonly stage: Stage;
  readonly telnyx: FakeTelnyx;
  readonly ask: Ask;
}

export function onTelnyxStage(
  options: TelnyxStageOptions,
  play: (it: TelnyxStage) => Promise<void>,
): Promise<void> {
  return onAccountStage(
    options,
    (gateway) =>
      new FakeTelnyx({
        ...accountOptions,
        keys,
        apiKey,
        ...options.account,
        get gatewayUrl() {
          return gateway.url;
        },
      }),
    (apiBaseUrl) => ({
      TELNYX_API_KEY: apiKey,
      TELNYX_PUBLIC_KEY: keys.publicKey,
      TELNYX_FROM_NUMBER: fromNumber,
      TELNYX_CALL_CONTROL_APP_ID: 'app-1',
      TELNYX_API_BASE_URL: apiBaseUrl,
    }),
    ({ stage, account, ask }) => play({ stage, telnyx: account, ask }),
  );
}

/** Dials as a client of the replaced bridge does; the call at Telnyx, which rings by now. */
export async function dialled(
  { telnyx, ask }: TelnyxStage,
  body: Readonly<Record<string, string>> = {},
): Promise<FakeTelnyxCall> {
  const { status, text } = await ask('POST', '/api/ai-calls/create', { to, ...body });
  const call = telnyx.calls.at(-1);
  if (status !== 200 || call === undefined) throw new Error(`HTTP ${status}: ${text}`);
  return call;
}

export async function heard(stage: Stage, call: FakeTelnyxCall, ms: number): Promise<void> {
  await stage.until(`${ms} ms heard`, () => (call.stream?.player.playedMs ?? 0) >= ms);
}
