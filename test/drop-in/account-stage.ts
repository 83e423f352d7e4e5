import { SystemClock } from '../../src/base/clock.ts';
import { type GatewayAnswer, GatewayHttp } from '../../src/emulators/phone/gateway-http.ts';
import { publicUrl, type Stage, type StageOptions } from '../contract/stage.ts';
import { type Ask, askingOf } from './ask.ts';
import { onStage } from './on-stage.ts';

export const clock = new SystemClock();
export const fromNumber = '+15550009999';
export const to = '+15550001111';

/** A carrier's account at its emulator, with the REST API that the gateway dials by. */
interface Account {
  /** The API's base address. */
  listen(): Promise<string>;
  close(): Promise<unknown>;
}

/** Of every account here. */
export const accountOptions = { clock, publicUrl, ringMs: 20 };

export interface AccountStage<A> {
  readonly stage: Stage;
  readonly account: A;
  readonly ask: Ask;
}

/**
 * Plays on a gateway that may dial +1 with an account. `open` is told of the gateway, whose address holds once it
 * stands; `envOf` is what the gateway is told of the account.
 */
export async function onAccountStage<A extends Account>(
  options: StageOptions,
  open: (gateway: { readonly url: string }) => A,
  envOf: (apiBaseUrl: string) => Readonly<Record<string, string>>,
  play: (it: AccountStage<A>) => Promise<void>,
): Promise<void> {
  const gateway = { url: publicUrl };
  const account = open(gateway);
  const env = { ...envOf(await account.listen()), PATCHCORD_DIAL_ALLOW: '+1', ...options.env };
  try {
    await onStage({ ...options, env }, (stage) => {
      gateway.url = stage.gateway.url;
      return play({ stage, account, ask: askingOf(stage) });
    });
  } finally {
    await account.close();
  }
}

type Form = Readonly<Record<string, string>>;

/** How a webhook differs from the usual one: POST, of an inbound call that rings, to the public host. */
export interface WebhookChanges {
  readonly method?: 'GET' | 'POST';
  readonly fields?: Form;
  /** In place of the public one. */
  readonly hostHeader?: string;
}

/** Sends what is usually sent, with the changes. `sign` gives the headers that sign an address and a form. */
export function sendWebhook(
  stage: Stage,
  path: string,
  { method = 'POST', fields = {}, hostHeader }: WebhookChanges = {},
  usual: Form,
  sign: (url: string, form: Form) => Form,
): Promise<GatewayAnswer> {
  const params = { ...usual, ...fields };
  const [form, query] = method === 'POST' ? [params, {}] : [{}, params];
  const target = new URL(path, publicUrl);
  for (const [name, value] of Object.entries(query)) target.searchParams.append(name, value);
  const contentType = { 'content-type': 'application/x-www-form-urlencoded; charset=UTF-8' };
  const headers = { ...sign(target.href, form), ...(method === 'POST' ? contentType : {}) };
  if (hostHeader !== undefined) target.host = hostHeader;
  const http = new GatewayHttp({ clock, publicUrl: target.origin, via: stage.gateway.url });
  return http.send(target, { method, headers, body: new URLSearchParams(form).toString() });
}
