import { PatchcordError } from '../base/errors.ts';
import { FakeAmiHelper } from '../emulators/avr/ami-helper.ts';
import { FakeAvrCall } from '../emulators/avr/call.ts';
import { FakeAvrHttpCall } from '../emulators/avr/http-call.ts';
import { listenAt, portOf } from './carrier-option.ts';
import type { CarrierOption, SimulatedCaller, SimulatedCarrier, SimulateOptions } from './simulated-call.ts';

const amiPort: CarrierOption = {
  name: 'ami-port',
  value: 'PORT',
  meaning: 'runs the AMI helper here, for a gateway with AMI_URL=http://127.0.0.1:PORT',
};

const whenRefused = [
  'the gateway does not take AVR from this address. It needs AVR_ALLOW=loopback (its default), or a list',
  'that holds the address of this machine.',
];

/** avr-core with `STS_URL=ws://...`. */
export const avr: SimulatedCarrier = {
  webhook: '/',
  options: [amiPort],
  whenRefused,
  async start(options, _clock, say) {
    const beside = await helperOf(options, say);
    return {
      newCall: (caller) => new FakeAvrCall({ ...byStsUrl(caller), ...beside, path: options.webhook }),
      close: () => beside.ami?.close() ?? Promise.resolve(),
    };
  },
};

/** avr-core with `STS_URL=http://.../speech-to-speech-stream`. */
export const avrHttp: SimulatedCarrier = {
  webhook: '/speech-to-speech-stream',
  tellsNoKeys: true,
  options: [
    amiPort,
    {
      name: 'chunks',
      value: 'HOW',
      meaning: "the caller's audio in whole 'frames', or in pieces of 'odd' sizes",
      default: 'frames',
    },
  ],
  whenRefused,
  async start(options, _clock, say) {
    const { chunks } = options.own;
    if (chunks !== 'frames' && chunks !== 'odd') {
      throw new PatchcordError('PATCHCORD_CONFIG_INVALID', `--chunks is frames or odd, not '${chunks}'`);
    }
    const beside = await helperOf(options, say);
    const ofCore = { ...beside, path: options.webhook, oddChunks: chunks === 'odd' };
    return {
      newCall: (caller) => new FakeAvrHttpCall({ ...byStsUrl(caller), ...ofCore }),
      close: () => beside.ami?.close() ?? Promise.resolve(),
    };
  },
};

/** avr-core knows the gateway by `STS_URL` alone; whoever calls AVR by the public address is refused. */
function byStsUrl(caller: SimulatedCaller): SimulatedCaller {
  return { ...caller, publicUrl: caller.gatewayUrl };
}

async function helperOf(
  options: SimulateOptions,
  say: (line: string) => void,
): Promise<{ readonly ami?: FakeAmiHelper }> {
  const text = options.own['ami-port'];
  if (text === undefined || text === '') return {};
  const port = portOf('ami-port', text);
  const ami = new FakeAmiHelper();
  say(`The AMI helper is at ${await listenAt('ami-port', port, () => ami.listen(port))}`);
  return { ami };
}
