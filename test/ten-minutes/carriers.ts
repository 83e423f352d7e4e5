import { type AudioFormat, pcm16At, pcmu8k } from '../../src/audio/format.ts';
import { asteriskCarrier } from '../../src/carriers/asterisk/carrier.ts';
import { audioSocketCarrier } from '../../src/carriers/audiosocket/carrier.ts';
import type { Carrier, CarrierHost } from '../../src/carriers/carrier.ts';
import { twilioCarrier } from '../../src/carriers/twilio/carrier.ts';
import type { Settings } from '../../src/config/schema.ts';
import { FakeAudioSocketCall } from '../../src/emulators/asterisk/audiosocket-call.ts';
import { FakeChannelCall } from '../../src/emulators/asterisk/channel-call.ts';
import type { ControlFormat } from '../../src/emulators/asterisk/channel-command.ts';
import { type ChannelFormat, channelFormats } from '../../src/emulators/asterisk/channel-wire.ts';
import { NetworkConditions, type NetworkOptions } from '../../src/emulators/network.ts';
import { Caller, type CallerStep } from '../../src/emulators/phone/caller.ts';
import { PhoneLine } from '../../src/emulators/phone/line.ts';
import { type LineSocketOptions, openLineSocket } from '../../src/emulators/phone/line-socket.ts';
import type { LineWire } from '../../src/emulators/phone/line-wire.ts';
import type { MediaPlayerOptions } from '../../src/emulators/phone/media-player.ts';
import { TwilioWire } from '../../src/emulators/twilio/wire.ts';
import type { House } from './house.ts';

/** Who calls, and how the network is. */
export interface Phone {
  readonly steps: readonly CallerStep[];
  readonly network: NetworkOptions;
  readonly seed: number;
  readonly player: MediaPlayerOptions;
  readonly maxCallMs: number;
}

/** A carrier's fake against the carrier itself, in memory. */
export interface TenMinuteCarrier {
  readonly env: Readonly<Record<string, string>>;
  readonly format: AudioFormat;
  /** The agent's audio comes in whole frames of this length, the end of an answer filled up with silence. */
  readonly frameMs?: number;
  /** Pauses are filled with silence. */
  readonly fillsSilence?: boolean;
  carrier(settings: Settings, host: CarrierHost): Carrier;
  /** Places a call; the line is there, and open, when this settles. */
  call(house: House, phone: Phone): Promise<PhoneLine>;
}

const times = { streamTokenTtlMs: 60_000, maxCallMs: 3_600_000, ringTimeoutMs: 30_000 };

const twilio: TenMinuteCarrier = {
  env: { PATCHCORD_ALLOW_UNSIGNED: 'twilio' },
  format: pcmu8k,
  carrier: ({ twilio: settings }, host) => twilioCarrier({ ...settings, ...times }, host),
  async call(house, phone) {
    const ids = { accountSid: `AC${'0'.repeat(32)}`, callSid: `CA${'0'.repeat(32)}` };
    const form = { AccountSid: ids.accountSid, CallSid: ids.callSid, CallStatus: 'ringing' };
    const { body } = await house.webhook('/incoming-call', { ...form, Direction: 'inbound' });
    const token = /<Parameter name="token" value="([^"]+)"/.exec(body)?.[1] ?? '';
    const wire = new TwilioWire({ ...ids, streamSid: `MZ${'0'.repeat(32)}`, parameters: { token } });
    return overWebSocket(house, phone, wire, { path: '/media-stream' });
  },
};

/** For a carrier whose wire needs no more than a WebSocket. */
async function overWebSocket(
  house: House,
  phone: Phone,
  wire: LineWire,
  how: Pick<LineSocketOptions, 'path' | 'protocols'> & Partial<Pick<LineSocketOptions, 'headers'>>,
): Promise<PhoneLine> {
  const { clock } = house;
  const address = new URL(how.path, 'ws://gw.example.com');
  const { host } = address;
  const socket = await openLineSocket({ headers: {}, ...how, clock, address, host, connect: house.connect });
  const line = new PhoneLine({
    clock,
    wire,
    transport: socket,
    caller: new Caller({ steps: phone.steps }),
    network: new NetworkConditions(clock, phone.network, phone.seed),
    player: phone.player,
  });
  socket.join(line);
  line.start();
  clock.setTimeout(() => line.stop('caller'), phone.maxCallMs);
  return line;
}

function audioSocket(sampleRate: number): TenMinuteCarrier {
  return {
    env: { AUDIOSOCKET_PORT: '0' },
    format: pcm16At(sampleRate),
    frameMs: 20,
    fillsSilence: true,
    carrier: ({ asterisk: settings }, host) => audioSocketCarrier(settings, host),
    async call(house, phone) {
      const call = new FakeAudioSocketCall({
        ...phone,
        clock: house.clock,
        host: 'memory',
        port: 0,
        sampleRate,
        connect: house.connectTcp,
        // The jitter of this network is more than phones take.
        player: { ...phone.player, maxQueuedMs: 10_000 },
      });
      return started(call);
    },
  };
}

function asterisk(format: ChannelFormat, control: ControlFormat): TenMinuteCarrier {
  const [username, password] = ['pbx', 'secret'];
  return {
    env: { ASTERISK_WS_USERNAME: username, ASTERISK_WS_PASSWORD: password },
    format: channelFormats[format],
    frameMs: 20,
    carrier: ({ asterisk: settings }, host) => asteriskCarrier(settings, host),
    call(house, phone) {
      const { clock, connect } = house;
      const gatewayUrl = 'http://gw.example.com';
      const call = { ...phone, clock, gatewayUrl, connect, username, password, format, control };
      return started(new FakeChannelCall(call));
    },
  };
}

/** A fake that connects by itself. */
async function started(call: FakeAudioSocketCall | FakeChannelCall): Promise<PhoneLine> {
  const over = call.run().then(({ failure }) => {
    throw new Error(failure ?? 'the call ended before it began');
  });
  // Once there is a line, its record says how the call ended.
  over.catch(() => undefined);
  for (;;) {
    if (call.line !== undefined) return call.line;
    await Promise.race([over, new Promise((resolve) => setImmediate(resolve))]);
  }
}

/** A carrier joins with a line. */
export const tenMinuteCarriers: Readonly<Record<string, TenMinuteCarrier>> = {
  twilio,
  audiosocket: audioSocket(8000),
  'audiosocket-slin16': audioSocket(16_000),
  asterisk: asterisk('ulaw', 'json'),
  'asterisk-slin16': asterisk('slin16', 'plain-text'),
};
