import { PatchcordError } from '../base/errors.ts';
import { secretBytes } from '../config/kinds.ts';
import { FakeGenesysCall } from '../emulators/genesys/call.ts';
import type { SimulatedCarrier } from './simulated-call.ts';

const frameSizes: readonly string[] = ['800', '1600'];

/** Genesys Cloud with an Audio Connector integration. */
export const genesys: SimulatedCarrier = {
  webhook: '/audiohook',
  options: [
    {
      name: 'api-key',
      value: 'KEY',
      meaning: 'the API key of the integration',
      env: ['GENESYS_API_KEY'],
    },
    {
      name: 'client-secret',
      value: 'KEY',
      meaning: 'its client secret: upgrades are signed with it; without it they are not',
      env: ['GENESYS_CLIENT_SECRET'],
    },
    {
      name: 'frame-bytes',
      value: 'N',
      meaning: 'caller audio in one message: 1600 (200 ms) or 800',
      default: '1600',
    },
  ],
  whenRefused: [
    'the gateway refuses the key or the signature. It and this command need the same GENESYS_API_KEY,',
    'GENESYS_CLIENT_SECRET and PUBLIC_URL, by environment or .env.',
  ],
  async start(options, _clock, say) {
    const { 'api-key': apiKey = '', 'frame-bytes': bytes = '' } = options.own;
    const clientSecret = secretOf(options.own['client-secret']);
    if (!frameSizes.includes(bytes)) {
      throw new PatchcordError('PATCHCORD_CONFIG_INVALID', `--frame-bytes is 800 or 1600, not '${bytes}'`);
    }
    if (apiKey === '') say('No --api-key and no GENESYS_API_KEY: the gateway will refuse.');
    const ofGateway = {
      path: options.webhook,
      apiKey,
      frameBytes: Number(bytes),
      ...(clientSecret === undefined ? {} : { clientSecret }),
    };
    return { newCall: (caller) => new FakeGenesysCall({ ...caller, ...ofGateway }) };
  },
};

/** As the gateway takes GENESYS_CLIENT_SECRET: with another text the two would sign with different keys. */
function secretOf(given: string | undefined): string | undefined {
  if (given === undefined) return undefined;
  const { schema, expected } = secretBytes();
  const secret = schema.safeParse(given.trim());
  if (secret.success) return secret.data;
  throw new PatchcordError(
    'PATCHCORD_CONFIG_INVALID',
    `--client-secret (or GENESYS_CLIENT_SECRET) is ${expected}, as the gateway's; this one is not`,
  );
}
