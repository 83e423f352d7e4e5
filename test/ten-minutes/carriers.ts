import { type AudioFormat, pcm16At, pcmu8k } from '../../src/audio/format.ts';
import { asteriskCarrier } from '../../src/carriers/asterisk/carrier.ts';
import { audioSocketCarrier } from '../../src/carriers/audiosocket/carrier.ts';
import { avrCarrier } from '../../src/carriers/avr/carrier.ts';
import type { Carrier, CarrierHost } from '../../src/carriers/carrier.ts';
import { genesysCarrier } from '../../src/carriers/genesys/carrier.ts';
import { plivoCarrier } from '../../src/carriers/plivo/carrier.ts';
import { telnyxCarrier } from '../../src/carriers/telnyx/carrier.ts';
import { twilioCarrier } from '../../src/carriers/twilio/carrier.ts';
import type { Settings } from '../../src/config/schema.ts';
import { FakeAudioSocketCall } from '../../src/emulators/asterisk/audiosocket-call.ts';
import { FakeChannelCall } from '../../src/emulators/asterisk/channel-call.ts';
import type { ControlFormat } from '../../src/emulators/asterisk/channel-command.ts';
import { type ChannelFormat, channelFormats } from '../../src/emulators/asterisk/channel-wire.ts';
import { FakeAvrHttpCall } from '../../src/emulators/avr/http-call.ts';
import { AvrWire } from '../../src/emulators/avr/wire.ts';
import { FakeGenesysCall } from '../../src/emulators/genesys/call.ts';
import { NetworkConditions, type NetworkOptions } from '../../src/emulators/network.ts';
import { Caller, type CallerStep } from '../../src/emulators/phone/caller.ts';
import { PhoneLine } from '../../src/emulators/phone/line.ts';
import type { PhoneCallRecord } from '../../src/emulators/phone/line-record.ts';
import { openLineSocket } from '../../src/emulators/phone/line-socket.ts';
import type { LineWire } from '../../src/emulators/phone/line-wire.ts';
import type { MediaPlayerOptions } from '../../src/emulators/phone/media-player.ts';
import { PlivoWire } from '../../src/emulators/plivo/wire.ts';
import { TelnyxWire } from '../../src/emulators/telnyx/wire.ts';
import { TwilioWire } from '../../src/emulators/twilio/wire.ts';
import type { House, Served } from './house.ts';
import { serveTelnyxApi, type TelnyxApi, telnyxEvent } from './telnyx-api.ts';

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
  /** A server of the carrier's that the gateway asks things; its settings go to the environment. */
  serve?(): Promise<Served>;
  readonly format: AudioFormat;
  /** The agent's audio comes in whole frames of this length, the end of an answer filled up with silence. */
  readonly frameMs?: number;
  /** Pauses are filled with silence. */
  readonly fillsSilence?: boolean;
  /** How far what the model was told may be off; the jitter and two stalls in a row unless set. */
  readonly toldWithinMs?: number;
  /** The caller's audio comes in whole messages of this many bytes: what fills none at the end is not sent. */
  readonly messageBytes?: number;
  carrier(settings: Settings, host: CarrierHost): Carrier;
  /** Places a call; the line is there, and open, when this settles. */
  call(house: House, phone: Phone, served: Served | undefined): Promise<PhoneLine>;
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

const telnyx: TenMinuteCarrier = {
  env: { PATCHCORD_ALLOW_UNSIGNED: 'telnyx' },
  format: pcmu8k,
  frameMs: 20,
  serve: serveTelnyxApi,
  carrier: ({ telnyx: settings }, host) => telnyxCarrier({ ...settings, ...times }, host),
  async call(house, phone, served) {
    const api = served as TelnyxApi;
    const ids = { callControlId: 'v3:call', callSessionId: 'session' };
    const call = { from: '+15550001111', to: '+15550002222', clientState: undefined };
    await house.event('/api/webhooks/telnyx', telnyxEvent('call.initiated', ids, call));
    await house.event('/api/webhooks/telnyx', telnyxEvent('call.answered', ids, call));
    const path = await api.streamPath;
    const pcmu = { encoding: 'PCMU', sampleRate: 8000 } as const;
    const wire = new TelnyxWire({
      ...ids,
      ...call,
      streamId: 'stream',
      userId: 'user',
      customParameters: {},
      authToken: undefined,
      inbound: pcmu,
      outbound: pcmu,
      epochMs: () => house.clock.epochMs(),
    });
    return overWebSocket(house, phone, wire, { path });
  },
};

const plivo: TenMinuteCarrier = {
  env: { PATCHCORD_ALLOW_UNSIGNED: 'plivo' },
  format: pcmu8k,
  carrier: ({ plivo: settings }, host) => plivoCarrier({ ...settings, ...times }, host),
  async call(house, phone) {
    const callId = '00000000-0000-4000-8000-000000000001';
    const form = { CallUUID: callId, CallStatus: 'ringing', Direction: 'inbound', Event: 'StartApp' };
    const { body } = await house.webhook('/incoming-call', {
      ...form,
      From: '15550001111',
      To: '15550002222',
    });
    const url = new URL(/>(wss:[^<]+)</.exec(body)?.[1] ?? '');
    const wire = new PlivoWire({
      callId,
      streamId: 'stream',
      accountId: 'account',
      format: pcmu8k,
      extraHeaders: /extraHeaders="([^"]*)"/.exec(body)?.[1] ?? '',
      epochMs: () => house.clock.epochMs(),
    });
    return overWebSocket(house, phone, wire, { path: url.pathname + url.search });
  },
};

const genesys: TenMinuteCarrier = {
  env: { GENESYS_API_KEY: 'key-of-the-test' },
  format: pcmu8k,
  messageBytes: 1600,
  carrier: ({ genesys: settings }, host) => genesysCarrier(settings, host),
  async call(house, phone) {
    const call = new FakeGenesysCall({
      ...phone,
      clock: house.clock,
      gatewayUrl: 'http://gw.example.com',
      publicUrl: 'https://gw.example.com',
      apiKey: 'key-of-the-test',
      connect: house.connect,
    });
    return started(call.run(), () => call.session?.line);
  },
};

/** As the carriers outside know the gateway, and as those of the own network do. */
const publicUrl = 'http://gw.example.com';
const ownUrl = 'http://127.0.0.1:5050';

const avr: TenMinuteCarrier = {
  env: {},
  format: pcm16At(8000),
  frameMs: 20,
  carrier: ({ avr: settings }, host) => avrCarrier(settings, host),
  call: (house, phone) =>
    overWebSocket(house, phone, new AvrWire({ uuid: '00000000-0000-4000-8000-000000000001' }), {
      path: '/',
      url: ownUrl,
    }),
};

const avrHttp: TenMinuteCarrier = {
  env: {},
  format: pcm16At(8000),
  frameMs: 20,
  carrier: ({ avr: settings }, host) => avrCarrier(settings, host),
  call(house, phone) {
    const call = new FakeAvrHttpCall({
      ...phone,
      clock: house.clock,
      gatewayUrl: ownUrl,
      connect: house.connect,
    });
    return started(call.run(), () => call.line);
  },
};

/** For a carrier whose wire needs no more than a WebSocket. */
async function overWebSocket(
  house: House,
  phone: Phone,
  wire: LineWire,
  { path, url = publicUrl }: { readonly path: string; readonly url?: string },
): Promise<PhoneLine> {
  const { clock, connect } = house;
  const address = new URL(path, url.replace('http', 'ws'));
  const { host } = address;
  const socket = await openLineSocket({ path, clock, address, host, headers: {}, connect });
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
    call(house, phone) {
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
      return started(call.run(), () => call.line);
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
      const options = { ...phone, clock, gatewayUrl, connect, username, password, format, control };
      const call = new FakeChannelCall(options);
      return started(call.run(), () => call.line);
    },
  };
}

/** A fake that connects by itself. */
async function started(
  call: Promise<PhoneCallRecord>,
  line: () => PhoneLine | undefined,
): Promise<PhoneLine> {
  const over = call.then(({ failure }) => {
    throw new Error(failure ?? 'the call ended before it began');
  });
  // Once there is a line, its record says how the call ended.
  over.catch(() => undefined);
  for (;;) {
    const found = line();
    if (found !== undefined) return found;
    await Promise.race([over, new Promise((resolve) => setImmediate(resolve))]);
  }
}

/** A carrier joins with a line. */
export const tenMinuteCarriers: Readonly<Record<string, TenMinuteCarrier>> = {
  twilio,
  telnyx,
  plivo,
  genesys,
  avr,
  'avr-http': avrHttp,
  audiosocket: audioSocket(8000),
  'audiosocket-slin16': audioSocket(16_000),
  asterisk: asterisk('ulaw', 'json'),
  'asterisk-slin16': asterisk('slin16', 'plain-text'),
};
