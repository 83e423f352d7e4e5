import { pcmu8k } from '../../../src/audio/format.ts';
import { type CarrierDriver, type Intruder, settingsAlone } from '../carrier-driver.ts';
import { publicUrl } from '../stage.ts';
import { refusedUpgrade } from './refused-upgrade.ts';
import { badInput, oddities } from './twilio-bad-input.ts';
import {
  announce,
  authToken,
  call,
  connect,
  type Form,
  formOf,
  newCallSid,
  signature,
  type TwilioCall,
  webhook,
  webhookUrl,
} from './twilio-call.ts';

/** The close code of a stream that begins as `begin` makes it. */
async function refusedStream(
  gatewayUrl: string,
  changed: () => void,
  begin: (stream: TwilioCall) => void,
): Promise<number> {
  const stream = await call(gatewayUrl, changed, false);
  begin(stream);
  return stream.closed;
}

async function refusedWebhook(gatewayUrl: string, header: string | undefined, form: Form): Promise<number> {
  const response = await webhook(gatewayUrl, form, header);
  await response.text();
  return response.status;
}

/** The status of a refused upgrade. */
async function refusedSocket(gatewayUrl: string, header: string | undefined): Promise<number> {
  const { url } = await announce(gatewayUrl, newCallSid());
  return refusedUpgrade(connect(gatewayUrl, url, header));
}

const mediaUrl = `${publicUrl}/media-stream`;
const form = formOf(newCallSid());

const intruders: Intruder[] = [
  {
    name: 'a webhook without a signature',
    code: 'PATCHCORD_SIGNATURE_INVALID',
    turnedAway: 403,
    attempt: (gatewayUrl) => refusedWebhook(gatewayUrl, undefined, form),
  },
  {
    name: 'a webhook signed with another token',
    code: 'PATCHCORD_SIGNATURE_INVALID',
    turnedAway: 403,
    attempt: (gatewayUrl) => refusedWebhook(gatewayUrl, signature(webhookUrl, form, 'f'.repeat(32)), form),
  },
  {
    name: 'a webhook whose caller was changed on the way',
    code: 'PATCHCORD_SIGNATURE_INVALID',
    turnedAway: 403,
    attempt: (gatewayUrl) =>
      refusedWebhook(gatewayUrl, signature(webhookUrl, form), { ...form, From: '+15559999999' }),
  },
  {
    name: 'a stream without a signature',
    code: 'PATCHCORD_SIGNATURE_INVALID',
    turnedAway: 401,
    attempt: (gatewayUrl) => refusedSocket(gatewayUrl, undefined),
  },
  {
    name: 'a stream signed with another token',
    code: 'PATCHCORD_SIGNATURE_INVALID',
    turnedAway: 401,
    attempt: (gatewayUrl) =>
      refusedSocket(gatewayUrl, signature(mediaUrl.replace('https', 'wss'), {}, 'f'.repeat(32))),
  },
  {
    name: 'a stream signed for another address',
    code: 'PATCHCORD_SIGNATURE_INVALID',
    turnedAway: 401,
    attempt: (gatewayUrl) =>
      refusedSocket(gatewayUrl, signature('wss://elsewhere.example.com/media-stream', {})),
  },
  {
    name: 'a stream without a token',
    code: 'PATCHCORD_STREAM_TOKEN_INVALID',
    turnedAway: 1008,
    attempt: (gatewayUrl, changed) =>
      refusedStream(gatewayUrl, changed, (stream) => stream.begin({ token: '' })),
  },
  {
    name: 'a stream with a made-up token',
    code: 'PATCHCORD_STREAM_TOKEN_INVALID',
    turnedAway: 1008,
    attempt: (gatewayUrl, changed) =>
      refusedStream(gatewayUrl, changed, (stream) => stream.begin({ token: 'A'.repeat(32) })),
  },
  {
    name: 'a stream with the token of a call that has its stream',
    code: 'PATCHCORD_STREAM_TOKEN_INVALID',
    turnedAway: 1008,
    attempt: async (gatewayUrl, changed) => {
      const first = await call(gatewayUrl, changed, true);
      const code = await refusedStream(gatewayUrl, changed, (stream) => {
        stream.begin({ token: first.token, callSid: first.carrierCallId });
      });
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
    attempt: (gatewayUrl, changed) =>
      refusedStream(gatewayUrl, changed, (stream) => stream.begin({ callSid: newCallSid() })),
  },
];

export const twilioDriver: CarrierDriver<TwilioCall> = {
  traits: {
    receives: pcmu8k,
    sends: pcmu8k,
    marks: 'returned',
    digits: true,
    clears: true,
    goodbyeCode: 1000,
  },
  // A call whose stream was turned away is given up after this.
  prepare: settingsAlone({ TWILIO_AUTH_TOKEN: authToken, PATCHCORD_MEDIA_TIMEOUT_MS: '1500' }),
  badInput,
  oddities,
  intruders,
  call,
};
