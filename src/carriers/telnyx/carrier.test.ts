import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attackCases } from '../../../test/support/attack-cases.ts';
import { callEnded, TelnyxApi } from '../../../test/support/telnyx-api.ts';
import { answerCall, ofCall, tokenOfCall } from '../../../test/support/telnyx-call.ts';
import {
  mediaMessage,
  type ServedTelnyx,
  serveTelnyx,
  startMessage,
  testSettings,
} from '../../../test/support/telnyx-host.ts';
import { AudioChunk } from '../../audio/chunk.ts';
import { emptyRecord, TestHost } from '../testing/test-host.ts';
import type { TelnyxSettings } from './carrier.ts';
import { tokenName } from './wire.ts';

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

const answered = (callControlId?: string) => answerCall(served, api, callControlId);
const token = (callControlId?: string) => tokenOfCall(served, api, callControlId);

attackCases({
  host: () => host,
  callIds: ['v3:a', 'v3:b'],
  begin: async (callControlId) => {
    const stream = await served.stream(`?token=${await token(callControlId)}`);
    stream.send(startMessage(callControlId));
    return stream;
  },
  start: startMessage('v3:a'),
  media: mediaMessage(1),
});

describe('a stream that does not come about', () => {
  it('is apologised for, and the call hung up when that was said', async () => {
    api.reply = async ({ line }) => (line.endsWith('streaming_start') ? [422, {}] : [200, {}]);
    await answered();
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
    api.reply = async ({ line }) => (/hangup|answer$/.test(line) ? [200, {}] : [422, {}]);
    await answered();
    await api.asked(4);
    expect(api.commands).toEqual(['answer', 'streaming_start', 'speak', 'hangup']);
    api.reply = async ({ line }) => (line.endsWith('answer') ? [200, {}] : callEnded);
    await answered('v3:b');
    expect(await host.calls[1]?.ended).toEqual({ reason: 'hung-up' });
    expect(api.commands.slice(4)).toEqual(['answer', 'streaming_start']);
  });

  it.each([
    'answer-timeout',
    'model-failed',
    'internal-error',
  ] as const)('at all is apologised for when the call gives it up (%s)', async (reason) => {
    await token();
    await host.calls[0]?.leg.hangUp(reason, emptyRecord);
    await api.asked(3);
    await served.event('call.speak.ended', ofCall);
    await api.asked(4);
    expect(api.commands).toEqual(['answer', 'streaming_start', 'speak', 'hangup']);
    expect(host.calls[0]?.ends).toEqual([{ reason: 'hung-up' }]);
  });

  it('is hung up without a word where that is what somebody wanted', async () => {
    await token();
    await host.calls[0]?.leg.hangUp('operator', emptyRecord);
    expect(api.commands).toEqual(['answer', 'streaming_start', 'hangup']);
  });

  it.each<[string, string, string]>([
    ['media before its start', JSON.stringify(mediaMessage(1)), 'PATCHCORD_MESSAGE_ORDER'],
    ['what is no JSON', '{', 'PATCHCORD_MESSAGE_MALFORMED'],
  ])('because it was refused for %s is apologised for at once', async (_what, message, code) => {
    const given = await token();
    const stream = await served.stream(`?token=${given}`);
    stream.send({ event: 'connected', version: '1.0.0' });
    stream.socket.send(message);
    expect(await host.calls[0]?.ended).toMatchObject({ reason: 'protocol-error', error: { code } });
    await api.asked(3);
    expect(api.commands.at(-1)).toBe('speak');
    await expect(served.stream(`?token=${given}`)).rejects.toThrow('401');
  });

  it('because it was refused is apologised for where `connected` brought the token, and only there', async () => {
    const given = await token();
    const stranger = await served.stream();
    stranger.send(mediaMessage(1));
    expect(await stranger.closed).toBe(1008);
    expect(host.calls[0]?.ends).toEqual([]);
    const stream = await served.stream();
    stream.send({ event: 'connected', version: '1.0.0', [tokenName]: given });
    stream.send(mediaMessage(1));
    expect(await host.calls[0]?.ended).toMatchObject({ reason: 'protocol-error' });
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
    await answered();
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

  it('without a token is one of 256 that wait at once, and those with one are not kept out', async () => {
    const waiting = await Promise.all(Array.from({ length: 256 }, () => served.stream()));
    await expect(served.stream()).rejects.toThrow('429');
    expect(host.codes).toEqual(['PATCHCORD_PEER_FLOOD']);
    const good = await served.stream(`?token=${await token()}`);
    good.send(startMessage('v3:a'));
    await expect.poll(() => host.calls[0]?.log).toContain('connected');
    waiting[0]?.socket.close();
    await waiting[0]?.closed;
    waiting[1]?.send(startMessage('v3:b'));
    await waiting[1]?.closed;
    await served.stream();
    await served.stream();
    await expect(served.stream()).rejects.toThrow('429');
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
