import { FakePlivo } from '../emulators/plivo/account.ts';
import { listenAt, portOf } from './carrier-option.ts';
import type { SimulatedCarrier } from './simulated-call.ts';

export const simulatedPlivo: SimulatedCarrier = {
  webhook: '/incoming-call',
  options: [
    {
      name: 'plivo-auth-id',
      value: 'ID',
      meaning: 'the account',
      env: ['PLIVO_AUTH_ID'],
      default: 'MA000000000000000000',
    },
    {
      name: 'plivo-auth-token',
      value: 'TOKEN',
      meaning: 'its token, with which requests are signed',
      env: ['PLIVO_AUTH_TOKEN'],
    },
    {
      name: 'plivo-api-port',
      value: 'PORT',
      meaning:
        'runs the API here, for a gateway with PLIVO_AUTH_ID and PLIVO_API_BASE_URL=http://127.0.0.1:PORT/v1',
    },
  ],
  whenRefused: [
    'the gateway refuses the signature. It and this command need the same PUBLIC_URL and PLIVO_AUTH_TOKEN,',
    'by environment or .env; or run the gateway with PUBLIC_URL and PATCHCORD_ALLOW_UNSIGNED=plivo.',
  ],
  async start(options, clock, say) {
    const { url: gatewayUrl, publicUrl, webhook, own } = options;
    const { 'plivo-auth-token': authToken = '', 'plivo-api-port': apiPort } = own;
    const port = apiPort === undefined ? undefined : portOf('plivo-api-port', apiPort);
    if (authToken === '') {
      say('No --plivo-auth-token and no PLIVO_AUTH_TOKEN: signatures will not be valid.');
    }
    const plivo = new FakePlivo({
      clock,
      gatewayUrl,
      publicUrl,
      authId: own['plivo-auth-id'] ?? '',
      authToken,
      answerUrl: webhook,
      allowInsecureStream: publicUrl.startsWith('http:'),
    });
    if (port !== undefined) {
      say(`Plivo's API: ${await listenAt('plivo-api-port', port, () => plivo.listen(port))}`);
    }
    return { newCall: (caller) => plivo.newCall(caller), close: () => plivo.close() };
  },
};
