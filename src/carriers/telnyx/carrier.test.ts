import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { callEnded, TelnyxApi } from '../../../test/support/telnyx-api.ts';
import {
  keyOfSeed,
  mediaMessage,
  type ServedTelnyx,
  serveTelnyx,
  signedHeaders,
  startMessage,
  testSettings,
} from '../../../test/support/telnyx-host.ts';
import { AudioChunk } from '../../audio/chunk.ts';
import { PatchcordError } from '../../base/errors.ts';
import { emptyRecord, TestHost } from '../testing/test-host.ts';
import type { TelnyxSettings } from './carrier.ts';
import { tokenName } from './wire.ts';

const ring = {
  call_control_id: 'v3:a',
  call_session_id: 'session',
  client_state: null,
  direction: 'incoming',
  state: 'parked',
  from: '+15550001111',
  to: '+15550002222',
};
const ofCall = { call_control_id: 'v3:a', client_state: null };

let api: TelnyxApi;
let host: TestHost;
let served: ServedTelnyx;
let settings: TelnyxSettings;

beforeEach(async () => {
  api = new TelnyxApi();
  host = new TestHost();
  settings = { ...testSettings, apiBaseUrl: await api.listen() };
  served = await serveTelnyx(host, settings);
});

afterEach(async () => {
  await served.close();
  await api.close();
});

async function serveWith(changes: Partial<TelnyxSettings>): Promise<void> {
  await served.close();
  served = await serveTelnyx(host, { ...settings, ...changes });
}

/** Rings and is answered; gives the token of the stream that Telnyx is told to open. */
async function token(callControlId = 'v3:a'): Promise<string> {
  const before = api.requests.length;
  await served.event('call.initiated', { ...ring, call_control_id: callControlId });
  await served.event('call.answered', { ...ofCall, call_control_id: callControlId });
  await api.asked(before + 2);
  return String(api.requests.at(-1)?.json.stream_auth_token);
}

describe('an incoming call', () => {
  it('is answered, and once it is, told to stream to the public address', async () => {
    await served.event('call.initiated', { ...ring, caller_id_name: 'ACME' });
    await api.asked(1);
    expect(api.requests[0]?.line).toBe('POST /calls/v3%3Aa/actions/answer');
    expect(api.requests[0]?.authorization).toBe('Bearer KEY0123');
    expect(host.calls[0]?.log).toEqual(['answered']);
    expect(host.calls[0]?.leg).toMatchObject({
      carrier: 'telnyx',
      carrierCallId: 'v3:a',
      party: {
        from: '+15550001111',
        to: '+15550002222',
        direction: 'inbound',
        variables: { caller_id_name: 'ACME', call_session_id: 'session' },
      },
    });
    await served.event('call.answered', ofCall);
    await api.asked(2);
    expect(api.requests[1]?.line).toBe('POST /calls/v3%3Aa/actions/streaming_start');
    const { stream_auth_token: given, ...body } = api.requests[1]?.json ?? {};
    expect(given).toMatch(/^[\w-]{32}$/);
    expect(body).toEqual({
      stream_url: `wss://gw.example.com/media-bridge?token=${given}`,
      stream_track: 'inbound_track',
      stream_codec: 'PCMU',
      stream_bidirectional_mode: 'rtp',
      stream_bidirectional_codec: 'PCMU',
      command_id: 'patchcord-streaming-start',
    });
  });

  it('is one call, answered and streamed once, whatever comes twice and in whatever spelling', async () => {
    await served.event('call_initiated', ring, 'e1');
    await served.event('call.initiated', ring, 'e1');
    await served.event('call.initiated', ring, 'e2');
    await served.event('call_answered', ofCall, 'e3');
    await served.event('call.answered', ofCall, 'e3');
    await served.event('call.answered', ofCall, 'e4');
    await served.event('call.bridged', ofCall);
    // The id of an event is of one event alone.
    await served.event('call.initiated', { ...ring, call_control_id: 'v3:b' }, 'e1');
    await api.asked(2);
    expect(host.calls).toHaveLength(1);
    expect(host.calls[0]?.log).toEqual(['answered']);
    await served.event('call.hangup', { ...ofCall, hangup_cause: 'normal_clearing' });
    await served.event('call.hangup', { ...ofCall, hangup_cause: 'normal_clearing' });
    await served.event('call.initiated', ring);
    expect(host.calls).toHaveLength(1);
    expect(host.calls[0]?.ends).toEqual([{ reason: 'hung-up' }]);
    expect(api.commands.sort()).toEqual(['answer', 'streaming_start']);
  });

  it('that was over before it was announced makes no call', async () => {
    await served.event('call.hangup', { ...ofCall, hangup_cause: 'originator_cancel' });
    await served.event('call.initiated', ring);
    expect(host.calls).toHaveLength(0);
    expect(api.requests).toHaveLength(0);
  });

  it('that cannot be taken hears that the line is busy', async () => {
    host.full = new PatchcordError('PATCHCORD_DRAINING');
    await served.event('call.initiated', ring);
    await api.asked(1);
    expect(api.requests[0]).toMatchObject({
      line: 'POST /calls/v3%3Aa/actions/reject',
      json: { cause: 'USER_BUSY' },
    });
    expect(host.codes).toEqual(['PATCHCORD_DRAINING']);
  });

  it('is declined when the call gives up at the first ring', async () => {
    host.onAnswered = (leg) => void leg.hangUp('model-failed', emptyRecord).catch(() => expect.unreachable());
    await served.event('call.initiated', ring);
    await api.asked(1);
    expect(api.commands).toEqual(['reject']);
    await host.calls[0]?.ended;
  });

  it('ends where it is gone before it is answered, and where Telnyx will not answer it', async () => {
    api.reply = async () => callEnded;
    await served.event('call.initiated', ring);
    expect(await host.calls[0]?.ended).toEqual({ reason: 'hung-up' });
    api.reply = async ({ line }) => (line.endsWith('answer') ? [500, {}] : [200, {}]);
    await served.event('call.initiated', { ...ring, call_control_id: 'v3:b' });
    expect(await host.calls[1]?.ended).toMatchObject({
      reason: 'failed',
      error: { code: 'PATCHCORD_CARRIER_API' },
    });
    await api.asked(3);
    expect(api.commands).toEqual(['answer', 'answer', 'hangup']);
  });

  it('is none where somebody else calls out, or the event is of a call that is not ours', async () => {
    await served.event('call.initiated', { ...ring, direction: 'outgoing', state: 'bridging' });
    for (const name of [
      'call.answered',
      'call.hangup',
      'call.speak.ended',
      'streaming.failed',
      'call.bridged',
    ])
      await served.event(name, ofCall);
    for (const name of ['streaming.started', 'call.dtmf.received', 'call.machine.detection.ended', 'x'])
      await served.event(name, {});
    expect(host.calls).toHaveLength(0);
    expect(host.refusals).toEqual([]);
    expect(api.requests).toHaveLength(0);
  });

  it.each([
    ['TELNYX_API_KEY', { apiKey: undefined }, 0],
    ['PUBLIC_URL', {}, 1],
  ])('is not taken without %s, and the log names it', async (setting, changes, declined) => {
    if (setting === 'PUBLIC_URL') host.publicUrl = undefined;
    await serveWith(changes);
    await served.event('call.initiated', ring);
    await served.event('call.answered', ofCall);
    await api.asked(declined);
    expect(api.commands).toEqual(Array(declined).fill('reject'));
    expect(host.refusals).toMatchObject([{ code: 'PATCHCORD_CONFIG_INVALID', fields: { setting } }]);
    expect(host.calls).toHaveLength(0);
    await expect(served.stream('?token=x')).rejects.toThrow('401');
  });
});

describe('a webhook', () => {
  const body = JSON.stringify({ data: { id: 'e1', event_type: 'call.initiated', payload: ring } });
  const now = () => Math.floor(Date.now() / 1000);

  it.each([
    ['without a signature', () => ({})],
    ['of another key', () => signedHeaders(body, now(), keyOfSeed(8).privateKey)],
    ['that is old', () => signedHeaders(body, now() - 400)],
    ['of another body', () => signedHeaders(`${body} `, now())],
  ])('%s is refused with 403', async (_what, headers) => {
    expect(await served.post(body, headers())).toEqual({
      status: 403,
      text: 'PATCHCORD_SIGNATURE_INVALID',
    });
    expect(host.refusals).toMatchObject([{ code: 'PATCHCORD_SIGNATURE_INVALID', fields: { status: 403 } }]);
    expect(host.calls).toHaveLength(0);
  });

  it('is refused with 403, naming the setting, where there is no key, unless unsigned ones are allowed', async () => {
    await serveWith({ publicKey: undefined });
    expect((await served.post(body)).status).toBe(403);
    expect(host.refusals).toMatchObject([{ fields: { setting: 'TELNYX_PUBLIC_KEY' } }]);
    host.unsigned = true;
    expect(await served.post(body, {})).toEqual({ status: 200, text: '{"received":true}' });
    expect(host.calls).toHaveLength(1);
  });

  it('need not say that it is JSON', async () => {
    const headers = { ...signedHeaders(body, now()), 'content-type': 'text/plain' };
    expect((await served.post(body, headers)).status).toBe(200);
    expect(host.calls).toHaveLength(1);
  });

  it('that is genuine and makes no sense is taken, and counted', async () => {
    for (const nonsense of ['hello', '{}', '{"data":{"event_type":"call.answered"}}'])
      expect(await served.post(nonsense)).toEqual({ status: 200, text: '{"received":true}' });
    expect(host.codes).toEqual(Array(3).fill('PATCHCORD_MESSAGE_MALFORMED'));
  });
});

describe('a hang-up', () => {
  it.each([
    'normal_clearing',
    'originator_cancel',
    'user_busy',
    'timeout',
    'unspecified',
    'time_limit',
    undefined,
  ])('of an answered call is one, whatever its cause: %s', async (hangup_cause) => {
    await token();
    await served.event('call.hangup', { ...ofCall, hangup_cause });
    expect(host.calls[0]?.ends).toEqual([{ reason: 'hung-up' }]);
    expect(api.commands).toEqual(['answer', 'streaming_start']);
  });

  it('withdraws the token and closes the media', async () => {
    const given = await token();
    await served.event('call.hangup', { ...ofCall, hangup_cause: 'normal_clearing' });
    await expect(served.stream(`?token=${given}`)).rejects.toThrow('401');
    const stream = await served.stream(`?token=${await token('v3:b')}`);
    stream.send(startMessage('v3:b'));
    stream.send(mediaMessage(1));
    await host.calls[1]?.audioOf(1);
    await served.event('call.hangup', { ...ofCall, call_control_id: 'v3:b' });
    expect(await stream.closed).toBe(1000);
    expect(host.calls[1]?.log).toEqual(['answered', 'connected', 'audio', 'ended hung-up']);
  });
});

describe('a stream that does not come about', () => {
  it('is apologised for, and the call hung up when that was said', async () => {
    api.reply = async ({ line }) => (line.endsWith('streaming_start') ? [500, {}] : [200, {}]);
    await served.event('call.initiated', ring);
    await served.event('call.answered', ofCall);
    expect(await host.calls[0]?.ended).toMatchObject({
      reason: 'failed',
      error: { code: 'PATCHCORD_CARRIER_API' },
    });
    await api.asked(3);
    expect(api.requests[2]).toMatchObject({
      line: 'POST /calls/v3%3Aa/actions/speak',
      json: {
        payload: expect.stringContaining('sorry'),
        payload_type: 'text',
        service_level: 'basic',
        voice: 'male',
        language: 'en-US',
      },
    });
    await served.event('call.speak.started', ofCall);
    await served.event('call.speak.ended', ofCall);
    await served.event('call.speak.ended', ofCall);
    await api.asked(4);
    expect(api.commands).toEqual(['answer', 'streaming_start', 'speak', 'hangup']);
  });

  it('as Telnyx reports it is apologised for once, and a stream of somebody else is none of ours', async () => {
    const given = await token();
    const failed = { ...ofCall, failure_reason: 'connection_failed' };
    await served.event('streaming.failed', { ...failed, stream_params: { stream_url: 'wss://else/where' } });
    expect(host.calls[0]?.ends).toEqual([]);
    const stream_url = `wss://gw.example.com/media-bridge?token=${given}`;
    await served.event('streaming_failed', { ...failed, stream_params: { stream_url } });
    await served.event('streaming.failed', failed);
    expect(host.calls[0]?.ends).toMatchObject([
      {
        reason: 'failed',
        error: { code: 'PATCHCORD_CARRIER_API', details: { reason: 'connection_failed' } },
      },
    ]);
    expect(JSON.stringify(host.calls[0]?.ends[0]?.error?.details)).not.toContain(given);
    await api.asked(3);
    await served.event('call.hangup', ofCall);
    await served.event('call.speak.ended', ofCall);
    expect(api.commands).toEqual(['answer', 'streaming_start', 'speak']);
  });

  it('is hung up at once where even the apology fails, and left alone where the caller has gone', async () => {
    api.reply = async ({ line }) => (/hangup|answer$/.test(line) ? [200, {}] : [500, {}]);
    await served.event('call.initiated', ring);
    await served.event('call.answered', ofCall);
    await api.asked(4);
    expect(api.commands).toEqual(['answer', 'streaming_start', 'speak', 'hangup']);
    api.reply = async ({ line }) => (line.endsWith('answer') ? [200, {}] : callEnded);
    await served.event('call.initiated', { ...ring, call_control_id: 'v3:b' });
    await served.event('call.answered', { ...ofCall, call_control_id: 'v3:b' });
    expect(await host.calls[1]?.ended).toEqual({ reason: 'hung-up' });
    expect(api.commands.slice(4)).toEqual(['answer', 'streaming_start']);
  });

  it('does not matter where it has come about all the same', async () => {
    const { promise: connected, resolve } = Promise.withResolvers<void>();
    host.onConnected = () => resolve();
    api.reply = async ({ line, json }) => {
      if (!line.endsWith('streaming_start')) return [200, {}];
      const stream = await served.stream(`?token=${json.stream_auth_token}`);
      stream.send(startMessage('v3:a'));
      stream.send(mediaMessage(1));
      await connected;
      return [500, {}];
    };
    await served.event('call.initiated', ring);
    await served.event('call.answered', ofCall);
    await connected;
    await host.calls[0]?.audioOf(1);
    await host.calls[0]?.leg.sendDigits?.('1');
    expect(host.calls[0]?.ends).toEqual([]);
    expect(api.commands).toEqual(['answer', 'streaming_start', 'send_dtmf']);
  });

  it('leaves nobody on the line when the carrier closes during an apology', async () => {
    await token();
    await served.event('streaming.failed', ofCall);
    await api.asked(3);
    served.carrier.close();
    await api.asked(4);
    expect(api.commands.slice(2)).toEqual(['speak', 'hangup']);
  });
});

describe('the media stream', () => {
  it('carries a call both ways, and a hang-up of ours ends it and the call', async () => {
    const stream = await served.stream(`?token=${await token()}`);
    stream.send({ event: 'connected', version: '1.0.0' });
    stream.send(startMessage('v3:a'));
    stream.send(mediaMessage(1));
    await host.calls[0]?.audioOf(1);
    const leg = host.calls[0]?.leg;
    leg?.play(AudioChunk.fromBytes(Buffer.from([0x7f, 0x7f, 0x80, 0x01])));
    leg?.mark('m1');
    leg?.clear();
    await stream.messages(3);
    expect(stream.received).toEqual([
      '{"event":"media","media":{"payload":"f3+AAQ=="}}',
      '{"event":"mark","mark":{"name":"m1"}}',
      '{"event":"clear"}',
    ]);
    await leg?.hangUp('agent', emptyRecord);
    expect(await stream.closed).toBe(1000);
    expect(host.calls[0]?.log).toEqual(['answered', 'connected', 'audio', 'ended hung-up']);
    expect(api.commands).toEqual(['answer', 'streaming_start', 'hangup']);
  });

  it.each([
    ['the address', async (given: string) => served.stream(`?token=${given}`)],
    ['the header', async (given: string) => served.stream('', { [tokenName]: given })],
    [
      'the header beside a spoilt address',
      async (given: string) => served.stream('?token=x', { [tokenName]: given }),
    ],
    [
      '`connected`',
      async (given: string) => {
        const stream = await served.stream();
        stream.send({ event: 'connected', version: '1.0.0', [tokenName]: given });
        return stream;
      },
    ],
  ])('may bring its token in %s, and only once', async (_where, open) => {
    const given = await token();
    const stream = await open(given);
    stream.send(startMessage('v3:a'));
    stream.send(mediaMessage(1));
    await host.calls[0]?.audioOf(1);
    await expect(served.stream(`?token=${given}`)).rejects.toThrow('401');
    const replay = await served.stream();
    replay.send({ event: 'connected', [tokenName]: given });
    replay.send(startMessage('v3:a'));
    expect(await replay.closed).toBe(1008);
    expect(host.codes).toEqual(['PATCHCORD_STREAM_TOKEN_INVALID', 'PATCHCORD_STREAM_TOKEN_INVALID']);
    stream.send(mediaMessage(2));
    await host.calls[0]?.audioOf(2);
  });

  it('is claimed by one of two that come with the same token', async () => {
    const given = await token();
    const [first, second] = [await served.stream(`?token=${given}`), await served.stream(`?token=${given}`)];
    first.send(startMessage('v3:a'));
    first.send(mediaMessage(1));
    await host.calls[0]?.audioOf(1);
    second.send(startMessage('v3:a'));
    expect(await second.closed).toBe(1008);
    expect(host.calls[0]?.ends).toEqual([]);
  });

  it('without a token is closed at its start', async () => {
    await token();
    const stream = await served.stream();
    stream.send({ event: 'connected', version: '1.0.0' });
    stream.send(startMessage('v3:a'));
    expect(await stream.closed).toBe(1008);
    expect(host.codes).toEqual(['PATCHCORD_STREAM_TOKEN_INVALID']);
    expect(host.calls[0]?.ends).toEqual([]);
  });

  it.each<[string, object, number, string]>([
    ['another call', startMessage('v3:b'), 1008, 'PATCHCORD_CALL_MISMATCH'],
    ['G.722', startMessage('v3:a', { encoding: 'G722', sample_rate: 8000 }), 1003, 'PATCHCORD_AUDIO_FORMAT'],
    [
      'two channels',
      startMessage('v3:a', { encoding: 'PCMU', sample_rate: 8000, channels: 2 }),
      1003,
      'PATCHCORD_AUDIO_FORMAT',
    ],
  ])('that is of %s is closed, and the caller gets an apology', async (_what, start, closeCode, code) => {
    const stream = await served.stream(`?token=${await token()}`);
    stream.send(start);
    expect(await stream.closed).toBe(closeCode);
    expect(host.codes).toEqual([code]);
    expect(host.calls[0]?.ends).toMatchObject([{ reason: 'protocol-error', error: { code } }]);
    await api.asked(3);
    expect(api.commands.at(-1)).toBe('speak');
  });

  it('that ends with the call still there is hung up', async () => {
    const stream = await served.stream(`?token=${await token()}`);
    stream.send(startMessage('v3:a'));
    stream.send({ event: 'stop' });
    expect(await host.calls[0]?.ended).toEqual({ reason: 'hung-up' });
    await api.asked(3);
    expect(api.commands.at(-1)).toBe('hangup');
  });

  it('that is cut off is apologised for, as the caller is still there', async () => {
    const stream = await served.stream(`?token=${await token()}`);
    stream.send(startMessage('v3:a'));
    stream.send(mediaMessage(1));
    await host.calls[0]?.audioOf(1);
    stream.socket.terminate();
    expect(await host.calls[0]?.ended).toEqual({ reason: 'connection-lost' });
    await api.asked(3);
    expect(api.commands.at(-1)).toBe('speak');
  });

  it.each(['media', 'mark', 'dtmf', 'stop'])('is closed with 1008 for %s before start', async (event) => {
    const bodies = { media: { payload: 'AAAA' }, mark: { name: 'm' }, dtmf: { digit: '1' } };
    const stream = await served.stream();
    stream.send({ event, ...bodies });
    expect(await stream.closed).toBe(1008);
    expect(host.codes).toEqual(['PATCHCORD_MESSAGE_ORDER']);
  });

  it.each<[string, (socket: WebSocket) => void, number, string]>([
    ['a second start', (s) => s.send(JSON.stringify(startMessage('v3:a'))), 1008, 'PATCHCORD_MESSAGE_ORDER'],
    ['a binary frame', (s) => s.send(Buffer.from('{"event":"stop"}')), 1003, 'PATCHCORD_MESSAGE_BINARY'],
    ['a message over the limit', (s) => s.send('x'.repeat(70_000)), 1009, 'PATCHCORD_MESSAGE_TOO_LARGE'],
    [
      'nothing but nonsense',
      (s) => {
        for (let i = 0; i < 11; i++) s.send('nonsense');
      },
      1007,
      'PATCHCORD_MESSAGE_MALFORMED',
    ],
    [
      'a flood',
      (s) => {
        for (let i = 0; i < 1_100; i++) s.send('{"event":"weather"}');
      },
      1008,
      'PATCHCORD_PEER_FLOOD',
    ],
  ])('is closed for %s, and another call goes on', async (_what, attack, closeCode, code) => {
    const other = await served.stream(`?token=${await token('v3:b')}`);
    other.send(startMessage('v3:b'));
    const stream = await served.stream(`?token=${await token()}`);
    stream.send(startMessage('v3:a'));
    attack(stream.socket);
    expect(await stream.closed).toBe(closeCode);
    expect(host.codes).toEqual(expect.arrayContaining([code]));
    const attacked = host.calls.find(({ leg }) => leg.carrierCallId === 'v3:a');
    expect((await attacked?.ended)?.error?.code).toBe(code);
    other.send(mediaMessage(1));
    await host.calls[0]?.audioOf(1);
    expect(host.calls[0]?.ends).toEqual([]);
  });
});

describe('keys', () => {
  it('are pressed through the API', async () => {
    await token();
    await host.calls[0]?.leg.sendDigits?.('12#');
    expect(api.requests.at(-1)).toMatchObject({
      line: 'POST /calls/v3%3Aa/actions/send_dtmf',
      json: { digits: '12#' },
    });
    api.reply = async () => callEnded;
    await expect(host.calls[0]?.leg.sendDigits?.('1')).rejects.toMatchObject({
      code: 'PATCHCORD_DIGITS_NOT_POSSIBLE',
    });
    api.reply = async () => [500, {}];
    await expect(host.calls[0]?.leg.sendDigits?.('1')).rejects.toMatchObject({
      code: 'PATCHCORD_CARRIER_API',
    });
  });
});
