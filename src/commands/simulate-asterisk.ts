import { PatchcordError } from '../base/errors.ts';
import { FakeAudioSocketCall } from '../emulators/asterisk/audiosocket-call.ts';
import { FakeChannelCall } from '../emulators/asterisk/channel-call.ts';
import { type ChannelFormat, channelFormats } from '../emulators/asterisk/channel-wire.ts';
import type { CarrierOption, SimulatedCarrier } from './simulated-call.ts';

/** What AudioSocket carries; `ulaw` is what Asterisk sends under the name of slin where no codec was asked for. */
const audioSocketFormats = ['slin', 'slin16', 'slin24', 'slin48', 'ulaw'] as const;
const packetLengths = ['20', '40', '60'] as const;
const controlFormats = ['json', 'plain-text'] as const;
const defaultAudioSocketPort = '9092';

const packetOption: CarrierOption = {
  name: 'packet',
  value: 'MS',
  meaning: `length of the phone's packets: ${packetLengths.join(', ')}`,
  default: '20',
};

/** Asterisk's dialplan application and channel driver over TCP. */
export const simulatedAudioSocket: SimulatedCarrier = {
  webhook: '',
  options: [
    {
      name: 'tcp-port',
      value: 'PORT',
      meaning: 'where the gateway listens, at the host of --url',
      env: ['AUDIOSOCKET_PORT'],
      default: defaultAudioSocketPort,
    },
    {
      name: 'uuid',
      value: 'UUID',
      meaning: 'of the call, where the gateway was told of it; each call has another without',
    },
    formatOption(audioSocketFormats, 'slin'),
    packetOption,
  ],
  whenRefused: [],
  whenUnreachable: [
    'nothing listens there. Is the gateway running (patchcord serve), and with AUDIOSOCKET_PORT? It prints that',
    'address at its start; where it is another one, give it with --url (the host) and --tcp-port.',
  ],
  start({ url, own }) {
    const format = oneOf('format', own.format, audioSocketFormats);
    const packetMs = Number(oneOf('packet', own.packet, packetLengths));
    const port = portOf(own['tcp-port']);
    const disguised = format === 'ulaw';
    const { sampleRate } = channelFormats[format];
    const { uuid } = own;
    if (uuid !== undefined && !/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(uuid)) {
      throw invalid(`--uuid is a UUID such as 11223344-5566-7788-99aa-bbccddeeff00, not '${uuid}'`);
    }
    const { hostname } = new URL(url);
    const host = hostname.replace(/^\[|\]$/g, '');
    return Promise.resolve({
      newCall: (caller) =>
        new FakeAudioSocketCall({
          ...caller,
          host,
          port,
          sampleRate,
          packetMs,
          disguised,
          spokenBy: sampleRate === 8000 ? 'application' : 'channel',
          ...(uuid === undefined ? {} : { uuid }),
        }),
    });
  },
};

/** Asterisk's WebSocket channel. */
export const simulatedAsterisk: SimulatedCarrier = {
  webhook: '/asterisk',
  options: [
    {
      name: 'ws-username',
      value: 'NAME',
      meaning: 'user of websocket_client.conf',
      env: ['ASTERISK_WS_USERNAME'],
    },
    {
      name: 'ws-password',
      value: 'SECRET',
      meaning: 'and the password',
      env: ['ASTERISK_WS_PASSWORD'],
    },
    formatOption(Object.keys(channelFormats), 'ulaw'),
    {
      name: 'control',
      value: 'FORMAT',
      meaning: `of events and commands: ${controlFormats.join(', ')}`,
      default: 'json',
    },
    packetOption,
  ],
  whenRefused: [
    'the gateway refuses the user name or the password. It and this command need the same ASTERISK_WS_USERNAME',
    'and ASTERISK_WS_PASSWORD.',
  ],
  start({ webhook, own }, _clock, say) {
    const format = oneOf('format', own.format, Object.keys(channelFormats) as ChannelFormat[]);
    const packetMs = Number(oneOf('packet', own.packet, packetLengths));
    const control = oneOf('control', own.control, controlFormats);
    const { 'ws-username': username, 'ws-password': password } = own;
    if (username === undefined)
      say('No --ws-username and no ASTERISK_WS_USERNAME: Patchcord refuses such calls.');
    return Promise.resolve({
      newCall: (caller) =>
        new FakeChannelCall({
          ...caller,
          path: webhook,
          format,
          packetMs,
          control,
          ...(username === undefined ? {} : { username }),
          ...(password === undefined ? {} : { password }),
        }),
    });
  },
};

function formatOption(formats: readonly string[], standard: string): CarrierOption {
  return { name: 'format', value: 'CODEC', meaning: `the codec: ${formats.join(', ')}`, default: standard };
}

function oneOf<T extends string>(option: string, value: string | undefined, known: readonly T[]): T {
  const found = known.find((each) => each === value);
  if (found !== undefined) return found;
  throw invalid(`--${option} is one of ${known.join(', ')}, not '${value ?? ''}'`);
}

function portOf(value: string | undefined): number {
  const port = Number(value);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw invalid(`--tcp-port is a port from 1 to 65535, not '${value ?? ''}'`);
}

function invalid(message: string): PatchcordError {
  return new PatchcordError('PATCHCORD_CONFIG_INVALID', message);
}
