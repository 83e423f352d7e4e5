import { afterEach, describe, expect, it } from 'vitest';
import { answer, TinyTelnyx, type TinyTelnyxOptions } from '../../../test/support/tiny-telnyx-gateway.ts';
import { pcmu8k } from '../../audio/format.ts';
import { SystemClock } from '../../base/clock.ts';
import { generateSpeech, silenceFrame } from '../phone/caller-audio.ts';
import { FakeTelnyx, type FakeTelnyxOptions } from './account.ts';
import type { TelnyxCallOptions } from './call-record.ts';
import { TelnyxKeys } from './keys.ts';

const keys = new TelnyxKeys(Buffer.alloc(32, 3));
const apiKey = 'KEY0123';
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

type Gateway = Omit<TinyTelnyxOptions, 'publicKey' | 'apiKey' | 'apiUrl'>;

async function set(gatewayOptions: Gateway = {}, telnyxOptions: Partial<FakeTelnyxOptions> = {}) {
  // Each has to know the other: the API listens first.
  let gatewayUrl = 'http://127.0.0.1:9';
  const telnyx = new FakeTelnyx({
    clock: new SystemClock(),
    get gatewayUrl() {
      return gatewayUrl;
    },
    keys,
    apiKey,
    allowInsecureStream: true,
    ...telnyxOptions,
  });
  const apiUrl = await telnyx.listen();
  const gateway = new TinyTelnyx({ publicKey: keys.publicKey, apiKey, apiUrl, ...gatewayOptions });
  await gateway.listen();
  gatewayUrl = gateway.url;
  closers.push(
    () => telnyx.close(),
    () => gateway.close(),
  );
  const call = (options: TelnyxCallOptions = {}) => telnyx.newCall({ maxCallMs: 5_000, ...options });
  return { telnyx, gateway, call };
}

const rtp = { stream_bidirectional_mode: 'rtp', stream_bidirectional_codec: 'PCMU' };

/** Answers with the stream fields at once. */
const answers: NonNullable<Gateway['onEvent']> = ({ type, payload }, gateway) => {
  if (type !== 'call.initiated' || payload.direction !== 'incoming') return;
  void gateway.act(payload.call_control_id, 'answer', { stream_url: gateway.streamUrl, ...rtp });
};

const types = (gateway: TinyTelnyx) => gateway.events.map(({ type }) => type);

describe('FakeTelnyxCall', () => {
  it('plays a call from its first event to the hang-up, and signs all of it', async () => {
    const { gateway, call, telnyx } = await set({
      onEvent: answers,
      onStream: (socket, { event }) => {
        if (event === 'start') answer(socket, 200);
        if (event === 'mark') void gateway.act(it.callControlId, 'hangup');
      },
    });
    const it = call({ from: '+15550003333' });
    const record = await it.run();
    expect(record).toMatchObject({
      failure: undefined,
      hangupCause: 'normal_clearing',
      hangupSource: 'callee',
      notices: [],
      stream: { endedBy: 'gateway', playedMs: 200, violationCount: 0 },
    });
    expect(record.stream?.marks).toMatchObject([{ name: 'end', how: 'played' }]);
    expect(types(gateway)).toEqual([
      'call.initiated',
      'call.answered',
      'streaming.started',
      'streaming.stopped',
      'call.hangup',
    ]);
    expect(gateway.events.every(({ signed }) => signed)).toBe(true);
    expect(gateway.events[0]?.payload).toMatchObject({
      call_control_id: it.callControlId,
      direction: 'incoming',
      state: 'parked',
      from: '+15550003333',
      to: '+15550002222',
    });
    const [connected, start, media] = gateway.frames;
    expect(connected).toEqual({ event: 'connected', version: '1.0.0' });
    expect(start).toMatchObject({
      event: 'start',
      sequence_number: '1',
      start: {
        call_control_id: it.callControlId,
        media_format: { encoding: 'PCMU', sample_rate: 8000, channels: 1 },
      },
    });
    expect(media).toMatchObject({
      event: 'media',
      sequence_number: '2',
      media: {
        track: 'inbound',
        chunk: '1',
        timestamp: '0',
        payload: silenceFrame(pcmu8k).toString('base64'),
      },
    });
    expect(gateway.frames.at(-1)).toMatchObject({
      event: 'stop',
      stop: { call_control_id: it.callControlId },
    });
    expect(telnyx.requests.map(({ status }) => status)).toEqual([200, 200]);
  });

  it('brings the token of a stream that is started later, and its parameters, in PCMA where the line has it', async () => {
    const { gateway, call } = await set({
      onEvent: ({ type, payload }, tiny) => {
        if (type === 'call.initiated')
          void tiny.act(payload.call_control_id, 'answer', { client_state: 'eA==' });
        if (type !== 'call.answered') return;
        void tiny.act(payload.call_control_id, 'streaming_start', {
          stream_url: tiny.streamUrl,
          stream_auth_token: 'secret',
          custom_parameters: [{ name: 'k', value: 'v' }],
          ...rtp,
        });
      },
      onStream: (_socket, { event }) => {
        if (event === 'media') void gateway.act(it.callControlId, 'hangup');
      },
    });
    const it = call({ codec: 'PCMA' });
    expect((await it.run()).failure).toBeUndefined();
    expect(gateway.upgrades).toMatchObject([{ 'x-telnyx-streaming-auth-token': 'secret' }]);
    expect(gateway.frames[0]).toMatchObject({ 'x-telnyx-streaming-auth-token': 'secret' });
    expect(gateway.frames[1]).toMatchObject({
      start: {
        client_state: 'eA==',
        custom_parameters: { k: 'v' },
        media_format: { encoding: 'PCMA', sample_rate: 8000 },
      },
    });
    expect(gateway.events.at(-1)?.payload).toMatchObject({ client_state: 'eA==' });
  });

  it('lets the caller speak over the agent, press keys and hang up', async () => {
    const silence = silenceFrame(pcmu8k).toString('base64');
    const { gateway, call } = await set({
      onEvent: answers,
      onStream: (socket, frame) => {
        const media = frame.media as { payload: string } | undefined;
        if (frame.event === 'start') answer(socket, 3000);
        if (media !== undefined && media.payload !== silence) socket.send('{"event":"clear"}');
      },
    });
    const record = await call({
      steps: [
        { do: 'speak', audio: generateSpeech(100), after: 'agent-started', delayMs: 100 },
        { do: 'digits', digits: '5' },
        { do: 'hangup', delayMs: 50 },
      ],
    }).run();
    expect(record).toMatchObject({
      failure: undefined,
      hangupSource: 'caller',
      stream: { endedBy: 'caller' },
    });
    expect(record.stream?.clears[0]?.marks).toEqual(['end']);
    expect(gateway.frames.filter(({ event }) => event === 'mark')).toHaveLength(1);
    expect(gateway.frames.find(({ event }) => event === 'dtmf')).toMatchObject({ dtmf: { digit: '5' } });
    expect(gateway.events.at(-1)?.payload).toMatchObject({ hangup_source: 'caller' });
  });

  it('speaks L16 in the byte order of the network unless told otherwise', async () => {
    for (const byteOrder of [undefined, 'little-endian'] as const) {
      const speech = generateSpeech(20);
      const { gateway, call } = await set({
        onEvent: ({ type, payload }, tiny) => {
          if (type !== 'call.initiated') return;
          void tiny.act(payload.call_control_id, 'answer', {
            stream_url: tiny.streamUrl,
            stream_codec: 'L16',
            stream_bidirectional_mode: 'rtp',
            stream_bidirectional_codec: 'L16',
          });
        },
        onStream: (socket, { event }) => {
          const sample = byteOrder === undefined ? [0x12, 0x34] : [0x34, 0x12];
          const payload = Buffer.alloc(1600, Buffer.from(sample)).toString('base64');
          if (event === 'start') {
            socket.send(JSON.stringify({ event: 'media', media: { payload } }));
            socket.send('{"event":"mark","mark":{"name":"end"}}');
          }
          if (event === 'mark') void gateway.act(it.callControlId, 'hangup');
        },
      });
      const it = call({
        ...(byteOrder === undefined ? {} : { byteOrder }),
        steps: [{ do: 'speak', audio: speech }],
        player: { keepAudio: true },
      });
      const record = await it.run();
      expect(record).toMatchObject({ failure: undefined, stream: { violationCount: 0, playedMs: 100 } });
      expect(Buffer.from(it.stream?.player.playedAudio() ?? []).readInt16LE(0)).toBe(0x1234);
      const [frame] = speech.framesIn({ encoding: 'pcm16', sampleRate: 16_000 });
      const sent = Buffer.from(frame ?? []);
      const media = gateway.frames.find(({ event }) => event === 'media')?.media as { payload: string };
      expect(media.payload).toBe((byteOrder === undefined ? sent.swap16() : sent).toString('base64'));
    }
  });

  it('tells the gateway what is wrong with its media', async () => {
    const { gateway, call } = await set({
      onEvent: answers,
      onStream: (socket, { event, payload }) => {
        if (event === 'start') socket.send('{"event":"media","media":{"payload":"AAAA"}}');
        if (event === 'error') socket.send('what?');
        const { title } = (payload ?? {}) as { title?: string };
        if (title === 'malformed_frame') void gateway.act(it.callControlId, 'hangup');
      },
    });
    const it = call();
    const record = await it.run();
    expect(record.stream?.violations.map(({ kind }) => kind)).toContain('chunk-too-short');
    const errors = gateway.frames.filter(({ event }) => event === 'error');
    expect(errors[0]).toMatchObject({ payload: { title: 'invalid_media' } });
  });

  it('plays nothing to a caller whose stream was not opened for it', async () => {
    const { gateway, call } = await set({
      onEvent: ({ type, payload }, tiny) => {
        if (type !== 'call.initiated') return;
        void tiny.act(payload.call_control_id, 'answer', { stream_url: tiny.streamUrl });
      },
      onStream: (socket, { event }) => {
        if (event === 'start') answer(socket, 200);
        if (event === 'mark') void gateway.act(it.callControlId, 'hangup');
      },
    });
    const it = call();
    expect((await it.run()).stream).toMatchObject({
      playedMs: 0,
      violations: [{ kind: 'not-bidirectional' }],
    });
  });

  it('obeys the other commands: it speaks, sends keys, transfers', async () => {
    const { gateway, call } = await set({
      onEvent: ({ type, payload }, tiny) => {
        const id = payload.call_control_id;
        if (type === 'call.initiated') void tiny.act(id, 'answer');
        if (type === 'call.answered') void tiny.act(id, 'speak', { payload: 'Sorry', voice: 'female' });
        if (type === 'call.speak.ended') {
          void tiny
            .act(id, 'send_dtmf', { digits: '1w2' })
            .then(() => tiny.act(id, 'transfer', { to: '+15550009999' }));
        }
      },
    });
    const record = await call({ speakMs: 20 }).run();
    expect(record).toMatchObject({
      failure: undefined,
      spoken: ['Sorry'],
      digits: '1w2',
      transferredTo: '+15550009999',
      stream: undefined,
    });
    expect(types(gateway)).toContain('call.bridged');
  });

  it('runs a command once, however often it comes under one id', async () => {
    const { gateway, call } = await set({
      onEvent: ({ type, payload }, tiny) => {
        if (type === 'call.initiated') void tiny.act(payload.call_control_id, 'answer');
      },
    });
    const it = call();
    const running = it.run();
    await gateway.until(() => types(gateway).includes('call.answered'));
    for (const _ of [1, 2])
      await gateway.act(it.callControlId, 'send_dtmf', { digits: '1', command_id: 'c' });
    await gateway.act(it.callControlId, 'hangup');
    expect((await running).digits).toBe('1');
    expect(gateway.replies.every(({ status }) => status === 200)).toBe(true);
    const late = await gateway.act(it.callControlId, 'hangup');
    expect(late).toMatchObject({ status: 422, body: { errors: [{ code: '90018' }] } });
  });

  it('refuses what the API refuses, and notes what it passes over', async () => {
    const { gateway, call } = await set();
    const it = call({ maxRingMs: 60_000 });
    const running = it.run();
    await gateway.until(() => types(gateway).includes('call.initiated'));
    const id = it.callControlId;
    const refused: [string, object, string][] = [
      ['speak', { payload: 'x', voice: 'y' }, '90034'],
      ['answer', { stream_url: 'https://gw.example.com' }, '10015'],
      ['answer', { stream_url: 'wss://gw.example.com', stream_codec: 'pcmu' }, '10015'],
      ['answer', { stream_url: 'wss://gw.example.com', stream_codec: 'OPUS' }, '90046'],
      ['answer', { client_state: 'not base64!' }, '10015'],
      ['reject', {}, '10004'],
      ['nonsense', {}, '10005'],
    ];
    for (const [action, body, code] of refused) {
      const reply = await gateway.act(id, action, body);
      expect(reply.body, action).toMatchObject({ errors: [{ code }] });
    }
    expect(await gateway.act('v3:nobody', 'hangup')).toMatchObject({ status: 404 });
    expect(await gateway.command(`/calls/${id}/actions/hangup`, {}, 'wrong')).toMatchObject({ status: 401 });
    await gateway.act(id, 'answer', { stream_auth_token: 'x' });
    expect(await gateway.act(id, 'answer', {})).toMatchObject({ body: { errors: [{ code: '90015' }] } });
    expect(await gateway.act(id, 'streaming_start', {})).toMatchObject({
      body: { errors: [{ code: '10004' }] },
    });
    await gateway.act(id, 'hangup');
    expect((await running).notices).toEqual(['answer has no field stream_auth_token']);
  });

  it('takes only wss where the gateway has TLS', async () => {
    const { gateway, call } = await set({ onEvent: answers }, { allowInsecureStream: false });
    const it = call({ maxRingMs: 100 });
    expect((await it.run()).failure).toBe('the gateway did not answer the call');
    expect(gateway.replies).toMatchObject([
      { status: 422, body: { errors: [{ title: 'stream_url is not wss' }] } },
    ]);
  });

  it('reports a stream that the gateway refuses', async () => {
    const { gateway, call } = await set({
      refuseUpgrade: 401,
      onEvent: (event, tiny) => {
        answers(event, tiny);
        if (event.type === 'streaming.failed') void tiny.act(event.payload.call_control_id, 'hangup');
      },
    });
    const record = await call().run();
    expect(record).toMatchObject({ failure: expect.stringContaining('HTTP 401'), stream: undefined });
    const failed = gateway.events.find(({ type }) => type === 'streaming.failed');
    expect(failed?.payload).toMatchObject({ failure_reason: 'connection_failed' });
  });

  it.each([
    ['rejects', { cause: 'USER_BUSY' }, 'user_busy', 'rejected by the gateway'],
    ['rejects', { cause: 'CALL_REJECTED' }, 'call_rejected', 'rejected by the gateway'],
  ])('is over when the gateway %s with %j', async (_what, body, hangupCause, failure) => {
    const { call } = await set({
      onEvent: ({ type, payload }, tiny) => {
        if (type === 'call.initiated') void tiny.act(payload.call_control_id, 'reject', body);
      },
    });
    expect(await call().run()).toMatchObject({ hangupCause, failure, answeredAtMs: undefined });
  });

  it('fails in order when the webhook is refused, or nobody listens', async () => {
    const refused = await set({ status: 403 });
    expect(await refused.call().run()).toMatchObject({ failure: 'webhook: HTTP 403', stream: undefined });
    const gone = await set();
    await gone.gateway.close();
    expect((await gone.call().run()).failure).toContain('webhook: ');
  });

  it('does not leave a caller in silence whose gateway closes the media and forgets the call', async () => {
    const { call } = await set({
      onEvent: answers,
      onStream: (socket, { event }) => {
        if (event === 'media') socket.close();
      },
    });
    const record = await call().run();
    expect(record.failure).toBe('the gateway ended the media and did not hang up');
    expect(record.stream?.endedBy).toBe('gateway');
  });

  it('reports a socket that the gateway loses', async () => {
    const { call } = await set({
      onEvent: answers,
      onStream: (socket, { event }) => {
        if (event === 'media') socket.terminate();
      },
    });
    expect((await call().run()).failure).toBe('the media socket was lost');
  });

  it('hangs up by itself at the end of the caller’s patience', async () => {
    const { gateway, call } = await set({ onEvent: answers });
    const record = await call({ maxCallMs: 200 }).run();
    expect(record).toMatchObject({
      failure: undefined,
      hangupSource: 'caller',
      stream: { endedBy: 'caller' },
    });
    expect(types(gateway).slice(-2)).toEqual(['streaming.stopped', 'call.hangup']);
  });
});

describe('a call that is dialled', () => {
  const dial = (gateway: TinyTelnyx, more: object = {}) =>
    gateway.command('/calls', { connection_id: 'c', to: '+15550004444', from: '+15550005555', ...more });

  it('rings, is picked up, and streams as it was dialled', async () => {
    const { telnyx, gateway } = await set(
      {
        onStream: (socket, { event }) => {
          if (event === 'start') answer(socket, 100);
          if (event === 'mark') void gateway.act(telnyx.calls[0]?.callControlId, 'hangup');
        },
      },
      { ringMs: 20 },
    );
    const reply = await dial(gateway, {
      stream_url: gateway.streamUrl,
      stream_auth_token: 't',
      client_state: 'eHk=',
      ...rtp,
    });
    const [call] = telnyx.calls;
    expect(reply).toMatchObject({ status: 200, body: { data: { call_control_id: call?.callControlId } } });
    await call?.over;
    expect(call?.record).toMatchObject({ failure: undefined, stream: { playedMs: 100 } });
    expect(types(gateway)).toEqual([
      'call.initiated',
      'call.answered',
      'streaming.started',
      'streaming.stopped',
      'call.hangup',
    ]);
    expect(gateway.events[0]?.payload).toMatchObject({ direction: 'outgoing', client_state: 'eHk=' });
    expect(gateway.upgrades).toMatchObject([{ 'x-telnyx-streaming-auth-token': 't' }]);
  });

  it.each([
    ['busy', 'user_busy'],
    ['reject', 'call_rejected'],
    ['no-answer', 'no_answer'],
  ] as const)('may be %s', async (what, cause) => {
    const { telnyx, gateway } = await set({}, { ringMs: 10, answer: () => what });
    await dial(gateway, what === 'no-answer' ? { timeout_secs: 5 } : {});
    if (what === 'no-answer') telnyx.calls[0]?.end('no_answer', 'callee');
    await telnyx.calls[0]?.over;
    expect(types(gateway)).toEqual(['call.initiated', 'call.hangup']);
    expect(gateway.events.at(-1)?.payload).toMatchObject({ hangup_cause: cause });
  });

  it.each([
    [{ to: '5550004444' }, '10015'],
    [{ from: undefined }, '10004'],
    [{ timeout_secs: '30' }, '10015'],
    [{ stream_url: 'wss://gw.example.com', stream_bidirectional_sampling_rate: '8000' }, '10015'],
  ])('is refused with %j', async (more, code) => {
    const { telnyx, gateway } = await set();
    const reply = await dial(gateway, more);
    expect(reply).toMatchObject({ status: 422, body: { errors: [{ code }] } });
    expect(telnyx.calls).toEqual([]);
  });
});
