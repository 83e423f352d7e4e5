import { afterEach, describe, expect, it } from 'vitest';
import {
  answer,
  type TinyGateway,
  type TinyGatewayOptions,
  tinyGateway,
} from '../../../test/support/tiny-gateway.ts';
import { SystemClock } from '../../base/clock.ts';
import { generateSpeech } from '../phone/caller-audio.ts';
import { FakeTwilioCall, type FakeTwilioCallOptions } from './call.ts';

const authToken = '0123456789abcdef0123456789abcdef';
const accountSid = `AC${'0'.repeat(32)}`;
const open: TinyGateway[] = [];

afterEach(async () => {
  for (const gateway of open.splice(0)) await gateway.close();
});

async function play(
  gatewayOptions: Partial<TinyGatewayOptions>,
  callOptions: Partial<FakeTwilioCallOptions> = {},
) {
  const gateway = await tinyGateway({ authToken, ...gatewayOptions });
  open.push(gateway);
  const call = new FakeTwilioCall({
    clock: new SystemClock(),
    gatewayUrl: gateway.url,
    accountSid,
    authToken,
    allowInsecureStream: true,
    maxCallMs: 5_000,
    ...callOptions,
  });
  return { gateway, call };
}

describe('FakeTwilioCall', () => {
  it('plays a call from the signed webhook to the status callback', async () => {
    const { gateway, call } = await play(
      {
        onStream: (socket, frame) => {
          if (frame.event === 'start') answer(socket, frame.streamSid, 200);
          if (frame.event === 'mark') socket.close();
        },
      },
      { statusCallback: '/twilio-status-callback', from: '+15550003333' },
    );
    const record = await call.run();
    expect(record).toMatchObject({ status: 'completed', failure: undefined, notices: [] });
    expect(record.verbs.map(({ verb }) => verb)).toEqual(['connect', 'hangup']);
    expect(record.stream).toMatchObject({ endedBy: 'gateway', playedMs: 200, violationCount: 0 });
    expect(record.stream?.marks).toMatchObject([{ name: 'end', how: 'played' }]);
    expect(gateway.webhooks).toMatchObject([
      {
        path: '/incoming-call',
        signed: true,
        params: {
          AccountSid: accountSid,
          CallSid: call.callSid,
          CallStatus: 'ringing',
          Direction: 'inbound',
          From: '+15550003333',
          To: '+15550002222',
        },
      },
      {
        path: '/twilio-status-callback',
        signed: true,
        params: { CallStatus: 'completed', CallDuration: '1' },
      },
    ]);
    expect(gateway.upgrades).toMatchObject([{ path: '/media-stream', signed: true }]);
    const start = gateway.frames.find(({ event }) => event === 'start');
    expect(start).toMatchObject({ start: { callSid: call.callSid, customParameters: { token: 't1' } } });
  });

  it('signs for the public URL while it connects to the local address, without the query of the stream', async () => {
    const { gateway, call } = await play(
      {
        publicUrl: 'https://gw.example.com',
        twiml: (_seen, stream) =>
          `<Response><Connect><Stream url="${stream}?secret=1"/></Connect><Hangup/></Response>`,
        onStream: (socket, frame) => {
          if (frame.event === 'start') socket.close();
        },
      },
      { publicUrl: 'https://gw.example.com', allowInsecureStream: false },
    );
    const record = await call.run();
    expect(record.failure).toBeUndefined();
    expect(record.notices).toMatchObject([{ message: 'the query of the stream URL was dropped' }]);
    expect(gateway.webhooks).toMatchObject([{ signed: true, host: 'gw.example.com' }]);
    expect(gateway.upgrades).toEqual([{ path: '/media-stream', signed: true, host: 'gw.example.com' }]);
  });

  it('is not believed with a wrong token', async () => {
    const { gateway, call } = await play({ status: 403 }, { authToken: 'f'.repeat(32) });
    const record = await call.run();
    expect(record).toMatchObject({ status: 'failed', failure: 'webhook: HTTP 403', stream: undefined });
    expect(gateway.webhooks).toMatchObject([{ signed: false }]);
  });

  it('lets the caller speak over the agent and hang up', async () => {
    const { gateway, call } = await play(
      {
        onStream: (socket, frame) => {
          const silence = Buffer.alloc(160, 0xff).toString('base64');
          const media = frame.media as { payload: string } | undefined;
          if (frame.event === 'start') answer(socket, frame.streamSid, 3000);
          if (media !== undefined && media.payload !== silence) {
            socket.send(JSON.stringify({ event: 'clear', streamSid: frame.streamSid }));
          }
        },
      },
      {
        steps: [
          { do: 'speak', audio: generateSpeech(100), after: 'agent-started', delayMs: 100 },
          { do: 'hangup', delayMs: 50 },
        ],
      },
    );
    const record = await call.run();
    expect(record).toMatchObject({ status: 'completed', failure: undefined });
    expect(record.stream?.endedBy).toBe('caller');
    const [speech] = record.stream?.speeches ?? [];
    expect(speech?.overAgent).toBe(true);
    expect(speech?.clearedAtMs).toBeGreaterThanOrEqual(speech?.startedAtMs ?? Number.POSITIVE_INFINITY);
    const [clear] = record.stream?.clears ?? [];
    expect(clear?.marks).toEqual(['end']);
    expect(clear?.playedMs).toBeCloseTo(record.stream?.playedMs ?? 0, 5);
    await gateway.until(() => gateway.frames.some(({ event }) => event === 'stop'));
    expect(gateway.frames.at(-1)).toMatchObject({ event: 'stop', stop: { callSid: call.callSid } });
  });

  it('takes an update over REST: ends the stream and runs the new TwiML', async () => {
    const { gateway, call } = await play({});
    const running = call.run();
    await gateway.until(() => gateway.frames.length > 3);
    call.redirect({ twiml: '<Response><Say>Bye</Say><Hangup/></Response>' });
    const record = await running;
    expect(record.verbs.map(({ verb }) => verb)).toEqual(['connect', 'say', 'hangup']);
    expect(record.stream?.endedBy).toBe('carrier');
    expect(record.failure).toBeUndefined();
  });

  it('sees a frame that comes before start', async () => {
    const { call } = await play({
      onOpen: (socket) => socket.send(JSON.stringify({ event: 'clear', streamSid: 'MZ' })),
      onStream: (socket, frame) => {
        if (frame.event === 'media') socket.close();
      },
    });
    const record = await call.run();
    expect(record.stream?.violations.map(({ kind }) => kind)).toContain('wrong-stream-sid');
  });

  it.each<[string, Partial<TinyGatewayOptions>, number]>([
    ['TwiML that is none', { twiml: () => 'hello' }, 12_100],
    ['an answer that is not XML', { contentType: 'application/json' }, 12_300],
    ['a server error', { status: 500 }, 11_200],
    ['a refused upgrade', { refuseUpgrade: 401 }, 31_920],
    ['a stream URL that is no socket', { twiml: () => stream('https://x.example.com/m') }, 31_922],
    ['a stream URL that is no URL', { twiml: () => stream('wss://[') }, 31_923],
    ['redirects without end', { twiml: () => '<Response><Redirect>/incoming-call</Redirect></Response>' }, 0],
  ])('reports %s with the code that Twilio has for it', async (_what, gatewayOptions, code) => {
    const { call } = await play(gatewayOptions);
    const record = await call.run();
    expect(record.failure).toBeTypeOf('string');
    expect(record.notices[0]?.code ?? 0).toBe(code);
    expect(record.stream).toBeUndefined();
  });

  it('tells a polite refusal from a failure', async () => {
    const { call } = await play({
      twiml: () => '<Response><Say>Later</Say><Reject reason="busy"/></Response>',
    });
    expect(await call.run()).toMatchObject({ status: 'busy', failure: 'rejected by the gateway (busy)' });
  });

  it('ends at its limit when the gateway does nothing', async () => {
    const { call } = await play({}, { maxCallMs: 200 });
    const record = await call.run();
    expect(record.stream?.endedBy).toBe('caller');
    expect(record.stream?.firstAudioAtMs).toBeUndefined();
    expect(record.endedAtMs - record.startedAtMs).toBeGreaterThanOrEqual(199);
  });

  it('reports a socket that the gateway loses', async () => {
    const { call } = await play({
      onStream: (socket, frame) => {
        if (frame.event === 'media') socket.terminate();
      },
    });
    expect(await call.run()).toMatchObject({
      failure: 'the media socket was lost',
      stream: { endedBy: 'network' },
    });
  });

  it('fails in order when nobody listens', async () => {
    const { gateway, call } = await play({});
    await gateway.close();
    open.length = 0;
    const record = await call.run();
    expect(record).toMatchObject({ status: 'failed', stream: undefined });
    expect(record.failure).toContain('webhook');
  });
});

function stream(url: string): string {
  return `<Response><Connect><Stream url="${url}"/></Connect><Hangup/></Response>`;
}
