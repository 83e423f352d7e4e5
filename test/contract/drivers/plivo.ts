import { randomUUID } from 'node:crypto';
import { pcm16At, pcmu8k } from '../../../src/audio/format.ts';
import { type BadInput, type CarrierDriver, type Intruder, settingsAlone } from '../carrier-driver.ts';
import { halfASample } from './media-json.ts';
import { badInput, oddities } from './plivo-bad-input.ts';
import {
  announce,
  authToken,
  call,
  connect,
  type Form,
  formOf,
  type PlivoCall,
  type PlivoStyle,
  signed,
  signedAddress,
  signedV2,
  stream,
  webhook,
  webhookUrl,
} from './plivo-call.ts';
import { refusedUpgrade } from './refused-upgrade.ts';

async function refusedWebhook(
  gatewayUrl: string,
  headers: Record<string, string>,
  form: Form,
): Promise<number> {
  const response = await webhook(gatewayUrl, form, headers);
  await response.text();
  return response.status;
}

/** The status of a refused upgrade. */
async function refusedSocket(
  style: PlivoStyle,
  gatewayUrl: string,
  headersOf: (url: string) => Record<string, string>,
): Promise<number> {
  const { url } = await announce(gatewayUrl, randomUUID(), style);
  return refusedUpgrade(connect(gatewayUrl, url, headersOf(url)));
}

/** `url` and `extraHeaders` with every value of theirs replaced; an empty one takes the parameters away. */
function withToken(token: string, url: string, extraHeaders: string): { url: string; extraHeaders: string } {
  const address = new URL(url);
  for (const name of [...address.searchParams.keys()]) {
    if (token === '') address.searchParams.delete(name);
    else address.searchParams.set(name, token);
  }
  const pairs = extraHeaders.split(',').map((pair) => `${pair.split('=')[0]}=${token}`);
  return { url: address.href, extraHeaders: token === '' ? '' : pairs.join(',') };
}

/** The close code of a stream whose tokens were replaced. */
async function refusedToken(
  style: PlivoStyle,
  gatewayUrl: string,
  changed: () => void,
  token: string,
): Promise<number> {
  const callUuid = randomUUID();
  const genuine = await announce(gatewayUrl, callUuid, style);
  const forged = withToken(token, genuine.url, genuine.extraHeaders);
  const made = await stream(style, gatewayUrl, callUuid, forged, changed, true);
  return made.closed;
}

const form = formOf(randomUUID());

function intrudersOf(style: PlivoStyle): Intruder[] {
  return [
    {
      name: 'a webhook without a signature',
      code: 'PATCHCORD_SIGNATURE_INVALID',
      turnedAway: 403,
      attempt: (gatewayUrl) => refusedWebhook(gatewayUrl, {}, form),
    },
    {
      name: 'a webhook signed with another token',
      code: 'PATCHCORD_SIGNATURE_INVALID',
      turnedAway: 403,
      attempt: (gatewayUrl) => refusedWebhook(gatewayUrl, signed(webhookUrl, form, 'another'), form),
    },
    {
      name: 'a webhook with the signature of messages',
      code: 'PATCHCORD_SIGNATURE_INVALID',
      turnedAway: 403,
      attempt: (gatewayUrl) => refusedWebhook(gatewayUrl, signedV2(webhookUrl), form),
    },
    {
      name: 'a webhook whose caller was changed on the way',
      code: 'PATCHCORD_SIGNATURE_INVALID',
      turnedAway: 403,
      attempt: (gatewayUrl) =>
        refusedWebhook(gatewayUrl, signed(webhookUrl, form), { ...form, From: '15559999999' }),
    },
    {
      name: 'a webhook whose nonce was changed on the way',
      code: 'PATCHCORD_SIGNATURE_INVALID',
      turnedAway: 403,
      attempt: (gatewayUrl) =>
        refusedWebhook(gatewayUrl, { ...signed(webhookUrl, form), 'x-plivo-signature-v3-nonce': '1' }, form),
    },
    {
      name: 'a stream without a signature',
      code: 'PATCHCORD_SIGNATURE_INVALID',
      turnedAway: 401,
      attempt: (gatewayUrl) => refusedSocket(style, gatewayUrl, () => ({})),
    },
    {
      name: 'a stream signed with another token',
      code: 'PATCHCORD_SIGNATURE_INVALID',
      turnedAway: 401,
      attempt: (gatewayUrl) =>
        refusedSocket(style, gatewayUrl, (url) => signed(signedAddress(url, style.signs), {}, 'another')),
    },
    {
      name: 'a stream signed for another address',
      code: 'PATCHCORD_SIGNATURE_INVALID',
      turnedAway: 401,
      attempt: (gatewayUrl) =>
        refusedSocket(style, gatewayUrl, () => signed('https://elsewhere.example.com/media-stream')),
    },
    {
      name: 'a stream without a token',
      code: 'PATCHCORD_STREAM_TOKEN_INVALID',
      turnedAway: 1008,
      attempt: (gatewayUrl, changed) => refusedToken(style, gatewayUrl, changed, ''),
    },
    {
      name: 'a stream with a made-up token',
      code: 'PATCHCORD_STREAM_TOKEN_INVALID',
      turnedAway: 1008,
      attempt: (gatewayUrl, changed) => refusedToken(style, gatewayUrl, changed, 'A'.repeat(32)),
    },
    {
      name: 'a stream with the token of a call that has its stream',
      code: 'PATCHCORD_STREAM_TOKEN_INVALID',
      turnedAway: 1008,
      attempt: async (gatewayUrl, changed) => {
        const first = await call(style, gatewayUrl, changed, true);
        const { carrierCallId, announced } = first;
        const second = await stream(style, gatewayUrl, carrierCallId, announced, changed, true);
        const code = await second.closed;
        first.hangUp();
        const firstCode = await first.closed;
        if (firstCode !== 1000) throw new Error(`the first stream was closed with ${firstCode}`);
        return code;
      },
    },
    {
      name: 'a stream that names another call than its webhook',
      code: 'PATCHCORD_CALL_MISMATCH',
      turnedAway: 1008,
      attempt: async (gatewayUrl, changed) => {
        const made = await call(style, gatewayUrl, changed, false);
        made.begin({ callId: randomUUID() });
        return made.closed;
      },
    },
  ];
}

function driverOf(style: PlivoStyle, more: BadInput<PlivoCall>[] = []): CarrierDriver<PlivoCall> {
  return {
    traits: {
      receives: style.format,
      sends: style.format,
      marks: 'dropped',
      digits: true,
      clears: true,
      goodbyeCode: 1000,
    },
    prepare: settingsAlone({
      PLIVO_AUTH_TOKEN: authToken,
      PLIVO_CONTENT_TYPE: `${style.encoding};rate=${style.format.sampleRate}`,
      // A call whose stream was turned away is given up after this.
      PATCHCORD_MEDIA_TIMEOUT_MS: '3000',
    }),
    badInput: [...badInput, ...more],
    oddities,
    intruders: intrudersOf(style),
    call: (gatewayUrl, changed, begin) => call(style, gatewayUrl, changed, begin),
  };
}

export const plivoDriver = driverOf({
  format: pcmu8k,
  encoding: 'audio/x-mulaw',
  extraHeaders: 'pairs',
  signs: 'https',
});

/** Wideband, as the Python package has the rest: extra headers in JSON, signed for `http` with `/websocket` behind it. */
export const plivoWidebandDriver = driverOf(
  { format: pcm16At(16_000), encoding: 'audio/x-l16', extraHeaders: 'json', signs: 'http-websocket' },
  [halfASample],
);
