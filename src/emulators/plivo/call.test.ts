import { afterEach, describe, expect, it } from 'vitest';
import {
  answer,
  streamIdOf,
  streamXml,
  type TinyPlivo,
  type TinyPlivoOptions,
  tinyPlivoGateway,
} from '../../../test/support/tiny-plivo-gateway.ts';
import { pcm16At, pcmu8k } from '../../audio/format.ts';
import { SystemClock } from '../../base/clock.ts';
import { generateSpeech, silenceFrame } from '../phone/caller-audio.ts';
import { FakePlivo, type FakePlivoOptions } from './account.ts';
import type { PlivoCallOptions } from './call.ts';

const authId = 'MAXXXXXXXXXXXXXXXXXX';
const authToken = 'plivo-token-123';
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function set(
  gatewayOptions: Partial<TinyPlivoOptions> = {},
  plivoOptions: Partial<FakePlivoOptions> = {},
) {
  const gateway = await tinyPlivoGateway({ authToken, ...gatewayOptions });
  const plivo = new FakePlivo({
    clock: new SystemClock(),
    gatewayUrl: gateway.url,
    authId,
    authToken,
    allowInsecureStream: true,
    ...plivoOptions,
  });
  const apiUrl = await plivo.listen();
  closers.push(
    () => plivo.close(),
    () => gateway.close(),
  );
  const call = (options: PlivoCallOptions = {}) => plivo.newCall({ maxCallMs: 5_000, ...options });
  const api = (method: string, path: string, body?: object, password = authToken) =>
    fetch(`${apiUrl}/Account/${authId}/${path}`, {
      method,
      headers: { authorization: `Basic ${Buffer.from(`${authId}:${password}`).toString('base64')}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  return { gateway, plivo, call, api };
}

const frameOf = (gateway: TinyPlivo, event: string) => gateway.frames.find((frame) => frame.event === event);

describe('FakePlivoCall', () => {
  it('plays a call from the signed answer URL to the hangup URL', async () => {
    const { gateway, call } = await set(
      {
        xml: (seen, stream) =>
          seen.path === '/incoming-call'
            ? streamXml(
                stream,
                'contentType="audio/x-mulaw;rate=8000" statusCallbackUrl="/stream-status"',
                '<Hangup/>',
              )
            : '<Response/>',
        onStream: (socket, frame) => {
          if (frame.event === 'start') answer(socket, streamIdOf(frame), 200);
          if (frame.event === 'playedStream') socket.close(1000);
        },
      },
      { hangupUrl: '/hangup' },
    );
    const it = call({ from: '+15550003333' });
    const record = await it.run();
    expect(record).toMatchObject({ status: 'completed', failure: undefined, notices: [] });
    expect(record.verbs.map(({ verb }) => verb)).toEqual(['stream', 'hangup']);
    expect(record.stream).toMatchObject({
      endedBy: 'gateway',
      closeCode: 1000,
      playedMs: 200,
      violationCount: 0,
    });
    expect(record.stream?.marks).toMatchObject([{ name: 'end', how: 'played' }]);
    await gateway.until(() => gateway.webhooks.length === 4);
    expect(gateway.webhooks.every(({ signed }) => signed)).toBe(true);
    expect(gateway.webhooks[0]).toMatchObject({
      method: 'POST',
      path: '/incoming-call',
      params: {
        CallUUID: it.callUuid,
        From: '15550003333',
        To: '15550002222',
        Direction: 'inbound',
        CallStatus: 'ringing',
        Event: 'StartApp',
      },
    });
    const others = gateway.webhooks
      .slice(1)
      .map(({ path, params }) => [path, params.Event, params.CallStatus]);
    expect(others).toContainEqual(['/stream-status', 'StartStream', undefined]);
    expect(others).toContainEqual(['/stream-status', 'StopStream', undefined]);
    expect(others).toContainEqual(['/hangup', 'Hangup', 'completed']);
    expect(gateway.upgrades).toEqual([{ path: '/media-stream', signedFor: 'http' }]);
    const [start, media] = gateway.frames;
    expect(start).toMatchObject({
      event: 'start',
      sequenceNumber: 1,
      start: {
        callId: it.callUuid,
        accountId: authId,
        tracks: ['inbound'],
        mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000 },
      },
    });
    expect(media).toMatchObject({
      event: 'media',
      sequenceNumber: 2,
      media: { track: 'inbound', chunk: 1, payload: silenceFrame(pcmu8k).toString('base64') },
    });
    const { timestamp } = media?.media as { timestamp: unknown };
    expect(Math.abs(Number(timestamp) - Date.now())).toBeLessThan(60_000);
    expect(timestamp).toBeTypeOf('string');
  });

  it.each([
    'https',
    'http',
    'wss',
    'http-websocket',
  ] as const)('signs for the public address while it connects to the local one (%s)', async (upgradeSigning) => {
    const { gateway, call } = await set(
      {
        publicUrl: 'https://gw.example.com',
        onStream: (socket) => socket.close(),
      },
      { publicUrl: 'https://gw.example.com', allowInsecureStream: false },
    );
    expect((await call({ upgradeSigning }).run()).failure).toBeUndefined();
    expect(gateway.webhooks).toMatchObject([{ signed: true, host: 'gw.example.com' }]);
    expect(gateway.upgrades).toEqual([
      { path: '/media-stream', signedFor: upgradeSigning.replace('-websocket', '') },
    ]);
  });

  it('asks with GET where the application is set so', async () => {
    const { gateway, call } = await set(
      { onStream: (socket) => socket.close() },
      { answerUrl: '/incoming-call?tenant=a', answerMethod: 'GET' },
    );
    await call().run();
    expect(gateway.webhooks).toMatchObject([
      { method: 'GET', signed: true, params: { tenant: 'a', Event: 'StartApp' } },
    ]);
  });

  it('says L16 where nothing else is asked for, and repeats the extra headers', async () => {
    const { gateway, call } = await set({
      xml: (_seen, stream) => streamXml(stream, 'extraHeaders="a=1,b=2"'),
      onStream: (socket, { event }) => {
        if (event === 'media') socket.close();
      },
    });
    await call({ steps: [{ do: 'speak', audio: generateSpeech(40) }] }).run();
    expect(frameOf(gateway, 'start')).toMatchObject({
      start: { mediaFormat: { encoding: 'audio/x-l16', sampleRate: 8000 } },
      extra_headers: 'a=1;b=2',
    });
    const { payload } = frameOf(gateway, 'media')?.media as { payload: string };
    expect(payload).toBe(generateSpeech(40).framesIn(pcm16At(8000))[0]?.toString('base64'));
    expect(frameOf(gateway, 'media')).toMatchObject({ extra_headers: 'a=1;b=2' });
  });

  it('drops checkpoints at a clear, and says that it has cleared', async () => {
    const silence = silenceFrame(pcmu8k).toString('base64');
    const { gateway, call } = await set({
      onStream: (socket, frame) => {
        const media = frame.media as { payload: string } | undefined;
        if (frame.event === 'start') answer(socket, streamIdOf(frame), 3000);
        if (media !== undefined && media.payload !== silence) {
          socket.send(JSON.stringify({ event: 'clearAudio', streamId: frame.streamId }));
        }
      },
    });
    const record = await call({
      steps: [
        { do: 'speak', audio: generateSpeech(100), after: 'agent-started', delayMs: 100 },
        { do: 'digits', digits: '5' },
        { do: 'hangup', delayMs: 50 },
      ],
    }).run();
    expect(record).toMatchObject({ status: 'completed', failure: undefined, stream: { endedBy: 'caller' } });
    expect(record.stream?.clears[0]?.marks).toEqual(['end']);
    expect(frameOf(gateway, 'playedStream')).toBeUndefined();
    expect(frameOf(gateway, 'clearedAudio')).toBeDefined();
    expect(frameOf(gateway, 'dtmf')).toMatchObject({ dtmf: { track: 'inbound', digit: '5' } });
  });

  it('writes down the keys that are pressed on the socket and over REST', async () => {
    const { call, api, plivo } = await set({
      onStream: (socket, { event }) => {
        if (event !== 'start') return;
        socket.send('{"event":"sendDTMF","dtmf":"12#"}');
        void api('POST', `Call/${it.callUuid}/DTMF/`, { digits: '34' }).then(() => socket.close());
      },
    });
    const it = call();
    expect((await it.run()).stream?.digitsReceived).toBe('12#');
    expect(plivo.digits.get(it.callUuid)).toBe('34');
  });

  it('refuses more than forty seconds ahead of the ear', async () => {
    const { call } = await set({
      onStream: (socket, frame) => {
        if (frame.event !== 'start') return;
        for (let piece = 0; piece < 5; piece++) answer(socket, streamIdOf(frame), 10_000);
        socket.close();
      },
    });
    expect((await call().run()).stream?.violations).toMatchObject([{ kind: 'buffer-overflow' }]);
  });

  it('is hung up and redirected over REST', async () => {
    const { gateway, call, api } = await set({
      xml: (seen, stream) =>
        seen.path === '/incoming-call'
          ? streamXml(stream)
          : '<Response><Dial><Number>15550009999</Number></Dial></Response>',
      onStream: (_socket, { event }) => {
        if (event === 'start') {
          void api('POST', `Call/${it.callUuid}/`, { legs: 'aleg', aleg_url: `${gateway.url}/transfer` });
        }
      },
    });
    const it = call();
    const record = await it.run();
    expect(record).toMatchObject({
      failure: undefined,
      dialledTo: ['15550009999'],
      stream: { endedBy: 'gateway' },
    });

    const other = call();
    const running = other.run();
    await gateway.until(() =>
      gateway.frames.some(({ start }) => (start as { callId?: string })?.callId === other.callUuid),
    );
    expect((await api('DELETE', `Call/${other.callUuid}/`)).status).toBe(204);
    expect(await running).toMatchObject({ failure: undefined, stream: { endedBy: 'gateway' } });
    expect((await api('DELETE', `Call/${other.callUuid}/`)).status).toBe(404);
  });

  it.each<[string, Partial<TinyPlivoOptions>, string]>([
    ['XML that is none', { xml: () => 'hello' }, 'XML'],
    ['an answer that is not XML', { contentType: 'application/json' }, 'content type'],
    ['a server error', { status: 500 }, 'HTTP 500'],
    ['a refused upgrade', { refuseUpgrade: 401 }, 'HTTP 401'],
    ['a stream URL that is no socket', { xml: () => streamXml('https://x.example.com/m') }, 'not wss'],
    ['a stream URL that is no URL', { xml: () => streamXml('wss://[') }, 'no URL'],
    [
      'a stream that nobody can speak on',
      { xml: (_seen, url) => `<Response><Stream>${url}</Stream></Response>` },
      'not bidirectional',
    ],
    [
      'redirects without end',
      { xml: () => '<Response><Redirect>/incoming-call</Redirect></Response>' },
      'without end',
    ],
    ['a refusal', { xml: () => '<Response><Hangup reason="busy"/></Response>' }, 'rejected by the gateway'],
  ])('reports %s', async (_what, gatewayOptions, failure) => {
    const { call } = await set(gatewayOptions);
    const record = await call().run();
    expect(record.failure).toContain(failure);
    expect(record.stream).toBeUndefined();
  });

  it('loses the call behind a stream that does not keep it alive', async () => {
    const { call } = await set({
      xml: (_seen, url) =>
        `<Response><Stream bidirectional="true" contentType="audio/x-mulaw;rate=8000">${url}</Stream></Response>`,
    });
    const record = await call().run();
    expect(record.notices).toEqual(['<Stream> without keepCallAlive: the call goes on without it']);
    expect(record.stream?.endedBy).toBe('carrier');
  });

  it('reports a socket that the gateway loses, and goes on with the XML', async () => {
    const { call } = await set({
      xml: (_seen, stream) => streamXml(stream, '', '<Speak>Goodbye</Speak>'),
      onStream: (socket, { event }) => {
        if (event === 'media') socket.terminate();
      },
    });
    const record = await call().run();
    expect(record).toMatchObject({ failure: 'the media socket was lost', stream: { endedBy: 'network' } });
    expect(record.verbs.at(-1)?.verb).toBe('speak');
  });

  it('is not believed with a wrong token', async () => {
    const { gateway, call } = await set({ authToken: 'another' });
    await call({ maxCallMs: 50 }).run();
    expect(gateway.webhooks).toMatchObject([{ signed: false }]);
    expect(gateway.upgrades).toMatchObject([{ signedFor: undefined }]);
  });
});

describe('a call that is dialled', () => {
  const dial = (gateway: TinyPlivo) => ({
    from: '+15550005555',
    to: '15550004444',
    answer_url: `${gateway.url}/outbound-call`,
    answer_method: 'GET',
    ring_url: `${gateway.url}/ring`,
    hangup_url: `${gateway.url}/hangup`,
  });

  it('rings, is picked up, and asks its answer URL', async () => {
    const { gateway, plivo, api } = await set(
      {
        onStream: (socket, { event }) => {
          if (event === 'media') socket.close();
        },
      },
      { ringMs: 20 },
    );
    const reply = await api('POST', 'Call/', dial(gateway));
    expect(reply.status).toBe(201);
    const { request_uuid: requestUuid } = (await reply.json()) as { request_uuid: string };
    await gateway.until(() => gateway.webhooks.some(({ path }) => path === '/hangup'));
    const [call] = plivo.calls;
    expect(call?.record).toMatchObject({ failure: undefined });
    expect(gateway.webhooks.every(({ signed }) => signed)).toBe(true);
    const told = gateway.webhooks.map(({ path, params }) => [
      path.split('?')[0],
      params.Event,
      params.CallStatus,
    ]);
    expect(told).toEqual([
      ['/ring', 'Ring', 'ringing'],
      ['/outbound-call', 'StartApp', 'in-progress'],
      ['/hangup', 'Hangup', 'completed'],
    ]);
    const { CallUUID, RequestUUID, Direction } = gateway.webhooks[1]?.params ?? {};
    expect([CallUUID, RequestUUID, Direction]).toEqual([call?.callUuid, requestUuid, 'outbound']);
  });

  it('may be busy, and may be cancelled while it rings', async () => {
    const { gateway, api } = await set(
      {},
      { ringMs: 10, answer: (to) => (to.endsWith('4') ? 'busy' : 'no-answer') },
    );
    await api('POST', 'Call/', dial(gateway));
    await gateway.until(() => gateway.webhooks.some(({ params }) => params.CallStatus === 'busy'));
    const reply = await api('POST', 'Call/', { ...dial(gateway), to: '15550004445' });
    const { request_uuid: requestUuid } = (await reply.json()) as { request_uuid: string };
    expect((await api('DELETE', `Request/${requestUuid}/`)).status).toBe(204);
    await gateway.until(() => gateway.webhooks.some(({ params }) => params.CallStatus === 'cancel'));
    expect((await api('DELETE', `Request/${requestUuid}/`)).status).toBe(404);
  });

  it('is refused where the API refuses it', async () => {
    const { gateway, api, plivo } = await set();
    for (const body of [{ to: 'nobody' }, { answer_url: '/outbound' }, { from: '' }, { hangup_url: 7 }]) {
      expect((await api('POST', 'Call/', { ...dial(gateway), ...body })).status).toBe(400);
    }
    expect((await api('POST', 'Call/', dial(gateway), 'wrong')).status).toBe(401);
    expect((await api('POST', 'Call', dial(gateway))).status).toBe(404);
    expect(plivo.calls).toEqual([]);
  });
});
