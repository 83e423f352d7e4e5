import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AudioChunk } from '../src/audio/chunk.ts';
import { bytesPerMs, pcm16At } from '../src/audio/format.ts';
import { SystemClock } from '../src/base/clock.ts';
import { silentLogger } from '../src/base/logger.ts';
import type { Leg } from '../src/call/leg.ts';
import { asteriskCarrier } from '../src/carriers/asterisk/carrier.ts';
import { audioSocketCarrier } from '../src/carriers/audiosocket/carrier.ts';
import type { Carrier } from '../src/carriers/carrier.ts';
import { SocketServer } from '../src/carriers/socket-server.ts';
import { emptyRecord, TestHost } from '../src/carriers/testing/test-host.ts';
import {
  FakeAudioSocketCall,
  type FakeAudioSocketCallOptions,
} from '../src/emulators/asterisk/audiosocket-call.ts';
import { FakeChannelCall, type FakeChannelCallOptions } from '../src/emulators/asterisk/channel-call.ts';
import { generateSpeech } from '../src/emulators/phone/caller-audio.ts';

const clock = new SystemClock();
const credentials = { username: 'pbx', password: 'secret' };

let host: TestHost;
let carriers: Carrier[];
let tcp: TcpServer;
let http: HttpServer;
let sockets: SocketServer;

beforeEach(async () => {
  host = new TestHost(clock);
  const audioSocket = audioSocketCarrier({ audioSocketPort: 0, audioSocketAllow: ['127.0.0.0/8'] }, host);
  const asterisk = asteriskCarrier({ wsUsername: 'pbx', wsPassword: 'secret', maxQueuedMs: 10_000 }, host);
  carriers = [audioSocket, asterisk];
  tcp = createTcpServer((socket) => {
    for (const listener of audioSocket.listeners ?? []) if (listener.kind === 'tcp') listener.connect(socket);
  });
  sockets = new SocketServer(asterisk.sockets, clock, silentLogger);
  http = createHttpServer();
  http.on('upgrade', sockets.upgrade);
  for (const server of [tcp, http]) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
});

afterEach(async () => {
  for (const carrier of carriers) carrier.close();
  sockets.close();
  for (const server of [tcp, http]) {
    server.close();
    await once(server, 'close');
  }
});

const portOf = (server: TcpServer | HttpServer): number => (server.address() as AddressInfo).port;

function overTcp(options: Partial<FakeAudioSocketCallOptions> = {}): FakeAudioSocketCall {
  return new FakeAudioSocketCall({
    clock,
    host: '127.0.0.1',
    port: portOf(tcp),
    maxCallMs: 10_000,
    ...options,
  });
}

function overWebSocket(options: Partial<FakeChannelCallOptions> = {}): FakeChannelCall {
  const gatewayUrl = `http://127.0.0.1:${portOf(http)}`;
  return new FakeChannelCall({ clock, gatewayUrl, ...credentials, maxCallMs: 10_000, ...options });
}

function sound(leg: Leg, ms: number): AudioChunk {
  return AudioChunk.fromBytes(Buffer.alloc(ms * bytesPerMs(leg.sends), 0x20));
}

function hangUp(leg: Leg | undefined): void {
  void leg?.hangUp('agent', emptyRecord).catch(() => expect.unreachable());
}

/** What the only leg told its call, once that was over. */
async function story(): Promise<string[]> {
  await host.calls[0]?.ended;
  return host.calls[0]?.log ?? [];
}

describe('a simulated AudioSocket that shares no code with the carrier', () => {
  it('plays a whole call: heard, then hung up by the gateway', async () => {
    host.onConnected = (leg) => {
      leg.play(sound(leg, 20));
      hangUp(leg);
    };
    const call = overTcp();
    const record = await call.run();
    expect(record).toMatchObject({ failure: undefined, stream: { endedBy: 'gateway', violationCount: 0 } });
    expect(record.stream?.firstAudioAtMs).toBeDefined();
    expect(host.calls[0]?.leg.carrierCallId).toBe(call.uuid);
    expect(await story()).toEqual(['answered', 'connected', 'audio', 'ended hung-up']);
    expect(host.refusals).toEqual([]);
  });

  it.each(['fin', 'rst'] as const)('hangs up with %s, which is a hang-up like any other', async (how) => {
    const call = overTcp({ hangsUpWith: how, steps: [{ do: 'hangup', atMs: 100 }] });
    expect(await call.run()).toMatchObject({ failure: undefined, stream: { endedBy: 'caller' } });
    expect(await story()).toEqual(['answered', 'connected', 'audio', 'ended hung-up']);
  });

  it('passes on the packets of a phone as they are, keys where they were pressed', async () => {
    const call = overTcp({
      packetMs: 60,
      steps: [
        { do: 'digits', digits: '4#', atMs: 200 },
        { do: 'hangup', delayMs: 400 },
      ],
    });
    await call.run();
    expect((await story()).slice(2)).toEqual(['audio', 'digit 4', 'digit #', 'ended hung-up']);
    expect(new Set(host.calls[0]?.audio.map(({ chunk }) => chunk.byteLength))).toEqual(new Set([960]));
  });

  it('tells the rate with its first frame, and is answered at it', async () => {
    host.onConnected = (leg) => {
      leg.play(sound(leg, 20));
      hangUp(leg);
    };
    const { failure, stream } = await overTcp({ sampleRate: 16_000, spokenBy: 'channel' }).run();
    expect([failure, stream?.violations]).toEqual([undefined, []]);
    expect(host.calls[0]?.leg.receives).toEqual(pcm16At(16_000));
  });

  it('is found out where it calls µ-law slin', async () => {
    const speech = generateSpeech(5000);
    const { stream } = await overTcp({ disguised: true, steps: [{ do: 'speak', audio: speech }] }).run();
    expect(stream).toMatchObject({ endedBy: 'gateway' });
    expect(host.codes).toEqual(['PATCHCORD_AUDIO_FORMAT']);
  });

  it('is heard again after a hold, if the gateway keeps the line alive', async () => {
    let keepAlive: NodeJS.Timeout | undefined;
    host.onConnected = (leg) => {
      const silence = AudioChunk.fromBytes(Buffer.alloc(320));
      keepAlive = setInterval(() => leg.play(silence), 20);
    };
    const holds = [{ atMs: 100, forMs: 2300 }];
    const record = await overTcp({ holds, steps: [{ do: 'hangup', atMs: 2600 }] }).run();
    clearInterval(keepAlive);
    expect(record).toMatchObject({ failure: undefined, stream: { endedBy: 'caller' } });
    expect(host.calls[0]?.audio.length).toBeLessThan(30);
    expect(host.calls[0]?.audio.length).toBeGreaterThan(8);
  });
});

describe('a simulated WebSocket channel that shares no code with the carrier', () => {
  for (const control of ['json', 'plain-text'] as const) {
    it(`plays a whole call in ${control}: heard, marked, then hung up by the gateway`, async () => {
      host.onConnected = (leg) => {
        leg.play(sound(leg, 200));
        leg.mark('greeting');
      };
      host.onPlayed = () => hangUp(host.calls[0]?.leg);
      const call = overWebSocket({ control, format: 'slin16', variables: { TENANT: 'a' } });
      const record = await call.run();
      expect(record).toMatchObject({ failure: undefined, stream: { endedBy: 'gateway', violationCount: 0 } });
      expect(record.stream).toMatchObject({ playedMs: 200, marks: [{ name: 'greeting', how: 'played' }] });
      const leg = host.calls[0]?.leg;
      expect(leg?.carrierCallId).toBe(call.channelId);
      expect(leg?.receives).toEqual(pcm16At(16_000));
      // Plain text has no place for variables.
      expect(leg?.party.variables.TENANT).toBe(control === 'json' ? 'a' : undefined);
      expect(await story()).toEqual(['answered', 'connected', 'audio', 'played greeting', 'ended hung-up']);
      expect(host.refusals).toEqual([]);
    });
  }

  it('throws away what is queued, and its marks with it', async () => {
    host.onConnected = (leg) => {
      leg.play(sound(leg, 5000));
      leg.mark('long');
      leg.clear();
      leg.play(sound(leg, 100));
      leg.mark('short');
    };
    host.onPlayed = () => hangUp(host.calls[0]?.leg);
    const { stream } = await overWebSocket().run();
    expect(stream?.clears).toMatchObject([{ droppedMs: 5000, marks: ['long'] }]);
    expect(stream?.marks.map(({ name, how }) => [name, how])).toEqual([
      ['long', 'cleared'],
      ['short', 'played'],
    ]);
    expect(await story()).toContain('played short');
    expect(await story()).not.toContain('played long');
  });

  it('is answered by the gateway where the dial string leaves it to it', async () => {
    host.onConnected = (leg) => hangUp(leg);
    const record = await overWebSocket({ answeredByGateway: true }).run();
    expect(record).toMatchObject({ failure: undefined, stream: { violationCount: 0 } });
    expect(record.answeredAtMs).toBeDefined();
  });

  it('has its audio from before MEDIA_START heard', async () => {
    const call = overWebSocket({ earlyFrames: 3, steps: [{ do: 'hangup', atMs: 50 }] });
    await call.run();
    expect(await story()).toEqual(['answered', 'connected', 'audio', 'ended hung-up']);
    expect(host.calls[0]?.audio.length).toBe(3 + (call.line?.record.framesSent ?? 0));
  });

  it('may be of a version that tells no id and knows no marks', async () => {
    const call = overWebSocket({
      early: true,
      control: 'plain-text',
      steps: [{ do: 'digits', digits: '7' }],
    });
    const done = call.run();
    await expect.poll(() => host.calls[0]?.log).toContain('digit 7');
    expect(host.calls[0]?.leg.playback.acknowledges).toBe('nothing');
    call.hangUp();
    expect(await done).toMatchObject({ failure: undefined, stream: { endedBy: 'caller' } });
    expect((await story()).at(-1)).toBe('ended hung-up');
  });

  it('is refused without its credentials', async () => {
    const { failure } = await overWebSocket({ password: 'wrong' }).run();
    expect(failure).toContain('HTTP 401');
    expect(host.codes).toEqual(['PATCHCORD_UNAUTHORIZED']);
  });
});
