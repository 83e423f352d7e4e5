import { PatchcordError } from '../base/errors.ts';
import { SeededRandom } from '../emulators/seeded-random.ts';
import { FakeTelnyx } from '../emulators/telnyx/account.ts';
import { TelnyxKeys } from '../emulators/telnyx/keys.ts';
import { listenAt, portOf } from './carrier-option.ts';
import type { SimulatedCarrier, SimulateOptions } from './simulated-call.ts';

const defaultApiKey = 'KEY-of-a-simulation';

export const simulatedTelnyx: SimulatedCarrier = {
  webhook: '/api/webhooks/telnyx',
  options: [
    {
      name: 'telnyx-api-port',
      value: 'PORT',
      meaning: 'where the API is served that the gateway answers calls with',
      default: '5070',
    },
    {
      name: 'telnyx-api-key',
      value: 'KEY',
      meaning: 'what the gateway must know',
      env: ['TELNYX_API_KEY'],
      default: defaultApiKey,
    },
    {
      name: 'telnyx-private-key',
      value: 'KEY',
      meaning: '32 bytes in base64, with which events are signed; made of --seed without it',
    },
  ],
  whenRefused: [
    'the gateway refuses the signature: it must have been started with the TELNYX_PUBLIC_KEY that is printed above.',
  ],
  async start(options, clock, say) {
    const { url: gatewayUrl, publicUrl, webhook, own } = options;
    const keys = keysOf(options);
    const apiKey = own['telnyx-api-key'] ?? defaultApiKey;
    const telnyx = new FakeTelnyx({
      clock,
      gatewayUrl,
      publicUrl,
      keys,
      apiKey,
      webhook,
      allowInsecureStream: publicUrl.startsWith('http:'),
    });
    const port = portOf('telnyx-api-port', own['telnyx-api-port'] ?? '0');
    const apiUrl = await listenAt('telnyx-api-port', port, () => telnyx.listen(port));
    const shown = apiKey === defaultApiKey ? apiKey : '(the one that was given)';
    say('The gateway must have been started with');
    say(`  TELNYX_API_BASE_URL=${apiUrl} TELNYX_API_KEY=${shown} TELNYX_PUBLIC_KEY=${keys.publicKey}`);
    return { newCall: (caller) => telnyx.newCall(caller), close: () => telnyx.close() };
  },
};

/** The key of a simulation protects nothing: the same seed gives the same. */
function keysOf({ own, seed }: SimulateOptions): TelnyxKeys {
  const given = own['telnyx-private-key'];
  const raw = Buffer.from(given ?? '', 'base64');
  if (given !== undefined && raw.length !== 32) {
    throw new PatchcordError('PATCHCORD_CONFIG_INVALID', '--telnyx-private-key is 32 bytes in base64');
  }
  return new TelnyxKeys(given === undefined ? Buffer.from(new SeededRandom(seed).hex(64), 'hex') : raw);
}
