import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { callEnded, TelnyxApi } from '../../../test/support/telnyx-api.ts';
import { ofCall, ring, tokenOfCall } from '../../../test/support/telnyx-call.ts';
import {
  keyOfSeed,
  mediaMessage,
  type ServedTelnyx,
  serveTelnyx,
  signedHeaders,
  startMessage,
  testSettings,
} from '../../../test/support/telnyx-host.ts';
import { PatchcordError } from '../../base/errors.ts';
import { emptyRecord, TestHost } from '../testing/test-host.ts';
import type { TelnyxSettings } from './carrier.ts';

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

const token = (callControlId?: string) => tokenOfCall(served, api, callControlId);

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
    await api.asked(1);
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
    expect(api.commands).toEqual(['answer', 'streaming_start']);
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
    api.reply = async ({ line }) => (line.endsWith('answer') ? [422, {}] : [200, {}]);
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
