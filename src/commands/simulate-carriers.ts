import { FakeTwilioCall } from '../emulators/twilio/call.ts';
import { asterisk, audiosocket } from './simulate-asterisk.ts';
import type { SimulatedCarrier } from './simulated-call.ts';

const twilio: SimulatedCarrier = {
  webhook: '/incoming-call',
  options: [
    {
      name: 'account-sid',
      value: 'SID',
      meaning: 'the account',
      env: ['TWILIO_ACCOUNT_SID'],
      default: `AC${'0'.repeat(32)}`,
    },
    {
      name: 'auth-token',
      value: 'TOKEN',
      meaning: 'its token, with which requests are signed',
      env: ['TWILIO_AUTH_TOKEN'],
    },
  ],
  whenRefused: [
    'the gateway refuses the signature. It and this command need the same PUBLIC_URL and TWILIO_AUTH_TOKEN,',
    'by environment or .env; or run the gateway with PUBLIC_URL and PATCHCORD_ALLOW_UNSIGNED=twilio.',
  ],
  start(options, _clock, say) {
    const { 'account-sid': accountSid = '', 'auth-token': authToken = '' } = options.own;
    if (authToken === '') say('No --auth-token and no TWILIO_AUTH_TOKEN: signatures will not be valid.');
    const { webhook, publicUrl } = options;
    const allowInsecureStream = publicUrl.startsWith('http:');
    return Promise.resolve({
      newCall: (caller) =>
        new FakeTwilioCall({ ...caller, webhook, accountSid, authToken, allowInsecureStream }),
    });
  },
};

/** A later carrier joins with a line here. */
export const simulatedCarriers: Readonly<Record<string, SimulatedCarrier>> = {
  twilio,
  audiosocket,
  asterisk,
};
