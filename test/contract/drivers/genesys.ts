import { once } from 'node:events';
import { pcmu8k } from '../../../src/audio/format.ts';
import type { ErrorCode } from '../../../src/base/errors.ts';
import {
  identityHeaders,
  signComponents,
  signUpgrade,
  type UpgradeIdentity,
} from '../../../src/emulators/genesys/signature.ts';
import { type CarrierDriver, type Intruder, settingsAlone } from '../carrier-driver.ts';
import { badInput, oddities } from './genesys-bad-input.ts';
import {
  apiKey,
  call,
  clientSecret,
  connect,
  type GenesysCall,
  headersOf,
  newIdentity,
  newNonce,
  signed,
} from './genesys-call.ts';
import { refusedUpgrade } from './refused-upgrade.ts';

type Headers = Readonly<Record<string, string>>;

/** The status of a refused upgrade. */
function refused(gatewayUrl: string, headers: Headers, target?: string): Promise<number> {
  return refusedUpgrade(connect(gatewayUrl, headers, target));
}

function without(headers: Headers, ...names: string[]): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)));
}

/** An upgrade that is in order but for what `spoil` makes of it. */
function intruder(
  name: string,
  code: ErrorCode,
  turnedAway: number,
  spoil: (headers: Headers, identity: UpgradeIdentity) => Headers,
): Intruder {
  return {
    name,
    code,
    turnedAway,
    attempt: (gatewayUrl) => {
      const identity = newIdentity();
      return refused(gatewayUrl, spoil(headersOf(identity), identity));
    },
  };
}

const forger = (name: string, spoil: (headers: Headers, identity: UpgradeIdentity) => Headers): Intruder =>
  intruder(name, 'PATCHCORD_SIGNATURE_INVALID', 401, spoil);

const seconds = (): number => Math.floor(Date.now() / 1000);

const intruders: Intruder[] = [
  intruder('an upgrade without an API key', 'PATCHCORD_UNAUTHORIZED', 401, (headers) =>
    without(headers, 'x-api-key'),
  ),
  intruder('an upgrade with another API key', 'PATCHCORD_UNAUTHORIZED', 401, (_headers, identity) =>
    headersOf({ ...identity, apiKey: 'another-key' }),
  ),
  intruder(
    'an upgrade with another API key and an empty secret',
    'PATCHCORD_UNAUTHORIZED',
    401,
    (headers, it) => {
      const identity = { ...it, apiKey: 'another-key' };
      return { ...headers, ...identityHeaders(identity), ...signed(identity, '') };
    },
  ),
  intruder('an upgrade without its organization', 'PATCHCORD_REQUEST_INVALID', 400, (headers) =>
    without(headers, 'audiohook-organization-id'),
  ),
  intruder('an upgrade without its session', 'PATCHCORD_REQUEST_INVALID', 400, (headers) =>
    without(headers, 'audiohook-session-id'),
  ),
  intruder('an upgrade without its correlation', 'PATCHCORD_REQUEST_INVALID', 400, (headers) =>
    without(headers, 'audiohook-correlation-id'),
  ),
  forger('an upgrade that is not signed', (headers) => without(headers, 'signature', 'signature-input')),
  forger('an upgrade with half a signature', (headers) => without(headers, 'signature-input')),
  forger('an upgrade signed with another secret', (headers, identity) => ({
    ...headers,
    ...signed(identity, Buffer.from('another secret').toString('base64')),
  })),
  forger('an upgrade signed with an empty secret', (headers, identity) => ({
    ...headers,
    ...signed(identity, ''),
  })),
  forger('a signature that is too short', (headers) => ({ ...headers, signature: 'sig1=:AAAA:' })),
  forger('a signature that is none', (headers) => ({ ...headers, signature: 'sig1=nonsense' })),
  forger('a signature under another label', (headers) => ({
    ...headers,
    signature: headers.signature?.replace('sig1', 'sig2') ?? '',
  })),
  forger('an upgrade signed for another path', (headers, identity) => ({
    ...headers,
    ...signed({ ...identity, requestTarget: '/elsewhere' }),
  })),
  forger('an upgrade signed for another host', (headers, identity) => ({
    ...headers,
    ...signed({ ...identity, authority: 'elsewhere.example.com' }),
  })),
  forger('an upgrade whose session was changed on the way', (headers) => ({
    ...headers,
    'audiohook-session-id': '00000000-0000-4000-8000-000000000004',
  })),
  forger('an upgrade that was signed long ago', (headers, identity) => ({
    ...headers,
    ...signed(identity, clientSecret, 60),
  })),
  forger('an upgrade that will be signed in the future', (headers, identity) => ({
    ...headers,
    ...signed(identity, clientSecret, -60),
  })),
  forger('a signature that has expired', (headers, identity) => ({
    ...headers,
    ...signUpgrade(identity, clientSecret, {
      keyId: apiKey,
      nonce: newNonce(),
      created: seconds() - 5,
      expires: seconds() - 1,
    }),
  })),
  forger('a signature with a short nonce', (headers, identity) => ({
    ...headers,
    ...signUpgrade(identity, clientSecret, {
      keyId: apiKey,
      nonce: 'short',
      created: seconds(),
      expires: seconds() + 10,
    }),
  })),
  forger('a signature of another key', (headers, identity) => ({
    ...headers,
    ...signUpgrade(identity, clientSecret, {
      keyId: 'another-key',
      nonce: newNonce(),
      created: seconds(),
      expires: seconds() + 10,
    }),
  })),
  forger('a signature that covers the key alone', (headers) => ({
    ...headers,
    ...signComponents([['x-api-key', apiKey]], clientSecret, {
      keyId: apiKey,
      nonce: newNonce(),
      created: seconds(),
      expires: seconds() + 10,
    }),
  })),
  {
    name: 'an upgrade that was seen before',
    code: 'PATCHCORD_SIGNATURE_INVALID',
    turnedAway: 401,
    attempt: async (gatewayUrl) => {
      const headers = headersOf(newIdentity());
      const first = connect(gatewayUrl, headers);
      await once(first, 'open');
      const status = await refused(gatewayUrl, headers);
      first.close(1000);
      await once(first, 'close');
      return status;
    },
  },
];

export const genesysDriver: CarrierDriver<GenesysCall> = {
  traits: {
    receives: pcmu8k,
    sends: pcmu8k,
    marks: 'events',
    digits: true,
    clears: true,
    goodbyeCode: 1000,
  },
  prepare: settingsAlone({ GENESYS_API_KEY: apiKey, GENESYS_CLIENT_SECRET: clientSecret }),
  badInput,
  oddities,
  intruders,
  call,
};
