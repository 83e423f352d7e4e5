import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { callEnded, TelnyxApi } from '../../../test/support/telnyx-api.ts';
import {
  mediaMessage,
  type ServedTelnyx,
  serveTelnyx,
  startMessage,
  testSettings,
} from '../../../test/support/telnyx-host.ts';
import { PatchcordError } from '../../base/errors.ts';
import type { DialRequest } from '../carrier.ts';
import { carrierSaid } from '../http-api.ts';
import { emptyRecord, TestHost } from '../testing/test-host.ts';
import { type TelnyxSettings, telnyxCarrier } from './carrier.ts';

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

const request: DialRequest = { to: '+15550001111', overrides: { instructions: 'Be brief.', voice: 'marin' } };
const dial = async (changes: Partial<DialRequest> = {}) => served.carrier.dial?.({ ...request, ...changes });
/** What every event of the call says: its id, and the state that the dial gave it. */
const ofCall = (callControlId = 'v3:out') => ({
  call_control_id: callControlId,
  client_state: api.requests[0]?.json.client_state,
});

describe('dialling', () => {
  it('asks Telnyx for the call, which comes alive when it is answered', async () => {
    expect(await dial()).toEqual({ callId: 'call-1', carrierCallId: 'v3:out' });
    const { client_state, command_id, ...asked } = api.requests[0]?.json ?? {};
    expect(api.requests[0]?.line).toBe('POST /calls');
    expect(asked).toEqual({
      connection_id: 'app-1',
      to: '+15550001111',
      from: '+15550009999',
      webhook_url: 'https://gw.example.com/api/webhooks/telnyx',
      webhook_url_method: 'POST',
      timeout_secs: 30,
      time_limit_secs: 660,
    });
    expect(Buffer.from(String(client_state), 'base64').toString()).toBe(`patchcord:dial:${command_id}`);
    const [call] = host.calls;
    expect(call?.log).toEqual([]);
    expect(call?.overrides).toEqual(request.overrides);
    expect(call?.leg.party).toEqual({
      direction: 'outbound',
      from: '+15550009999',
      to: '+15550001111',
      variables: {},
    });
    await served.event('call.initiated', { ...ofCall(), direction: 'outgoing', state: 'bridging' });
    expect(call?.log).toEqual([]);
    await served.event('call.answered', ofCall());
    expect(call?.log).toEqual(['answered']);
    await api.asked(2);
    expect(api.commands).toEqual(['calls', 'streaming_start']);
    const stream = await served.stream(`?token=${api.requests[1]?.json.stream_auth_token}`);
    stream.send(startMessage('v3:out'));
    stream.send(mediaMessage(1));
    await call?.audioOf(1);
    expect(call?.log).toEqual(['answered', 'connected', 'audio']);
    await call?.leg.hangUp('agent', emptyRecord);
    expect(api.requests.at(-1)?.line).toBe('POST /calls/v3%3Aout/actions/hangup');
  });

  it.each([
    ['the request', {}, { connection: 'app-2' }, 'app-2'],
    ['the application', {}, {}, 'app-1'],
    ['the profile', { callControlAppId: undefined, outboundProfileId: 'profile-1' }, {}, 'profile-1'],
  ])('goes through the connection of %s', async (_whose, changes, asked, connection) => {
    await served.close();
    served = await serveTelnyx(host, { ...settings, ...changes });
    await dial(asked);
    expect(api.requests[0]?.json.connection_id).toBe(connection);
  });

  it('asks for no longer calls and rings than Telnyx allows', async () => {
    const asked = async (changes: Partial<TelnyxSettings>) => {
      await served.close();
      served = await serveTelnyx(host, { ...settings, ...changes });
      await dial();
      const { timeout_secs, time_limit_secs } = api.requests.at(-1)?.json ?? {};
      return [timeout_secs, time_limit_secs];
    };
    expect(await asked({ maxCallMs: 86_400_000, ringTimeoutMs: 900_000 })).toEqual([600, 14_400]);
    expect(await asked({ maxCallMs: 0, ringTimeoutMs: 100 })).toEqual([5, 14_400]);
  });

  it('makes one call although events overtake the answer to the dial', async () => {
    api.reply = async ({ line }) => {
      if (!line.endsWith('/calls')) return [200, {}];
      await served.event('call.initiated', { ...ofCall(), direction: 'outgoing' });
      await served.event('call.answered', ofCall());
      return [200, { data: { call_control_id: 'v3:out' } }];
    };
    expect(await dial()).toEqual({ callId: 'call-1', carrierCallId: 'v3:out' });
    expect(host.calls).toHaveLength(1);
    expect(host.calls[0]?.log).toEqual(['answered']);
    expect(host.calls[0]?.overrides).toEqual(request.overrides);
  });

  it('knows the call although the answer to the dial was lost', async () => {
    api.reply = async ({ line }) => {
      if (!line.endsWith('/calls')) return [200, {}];
      await served.event('call.answered', ofCall());
      throw new Error('lost');
    };
    expect(await dial()).toEqual({ callId: 'call-1', carrierCallId: 'v3:out' });
  });

  it('hangs up on whoever answers a call that nobody knows of any more', async () => {
    api.reply = async ({ line }) => {
      if (line.endsWith('/calls')) throw new Error('lost');
      return [200, {}];
    };
    await expect(dial()).rejects.toMatchObject({ code: 'PATCHCORD_CARRIER_API' });
    await served.event('call.answered', ofCall());
    await api.asked(2);
    expect(api.commands).toEqual(['calls', 'hangup']);
    expect(host.calls).toHaveLength(0);
  });

  it('follows a call that is called otherwise once it is answered', async () => {
    await dial();
    await served.event('call.answered', ofCall('v3:new'));
    await api.asked(2);
    expect(host.calls[0]?.leg.carrierCallId).toBe('v3:new');
    expect(api.requests[1]?.line).toBe('POST /calls/v3%3Anew/actions/streaming_start');
    // A third one is another leg.
    await served.event('call.answered', ofCall('v3:other'));
    await served.event('call.hangup', ofCall('v3:other'));
    expect(host.calls[0]?.leg.carrierCallId).toBe('v3:new');
    expect(host.calls[0]?.ends).toEqual([]);
    await served.event('call.hangup', ofCall('v3:new'));
    expect(host.calls[0]?.ends).toEqual([{ reason: 'hung-up' }]);
    expect(host.calls).toHaveLength(1);
    expect(api.commands).toEqual(['calls', 'streaming_start']);
  });

  it.each([
    ['user_busy', 'busy'],
    ['call_rejected', 'busy'],
    ['no_answer', 'no-answer'],
    ['timeout', 'no-answer'],
    ['normal_clearing', 'hung-up'],
    ['originator_cancel', 'hung-up'],
    ['not_found', 'failed'],
    ['unspecified', 'failed'],
    ['something_new', 'failed'],
    [undefined, 'failed'],
  ])('that ends with %s before it is answered ended as %s', async (hangup_cause, reason) => {
    await dial();
    await served.event('call.hangup', { ...ofCall(), hangup_cause });
    expect(host.calls[0]?.ends).toEqual([{ reason }]);
    expect(api.commands).toEqual(['calls']);
  });

  it('tells that the line was busy, even before the answer to the dial', async () => {
    api.reply = async () => {
      await served.event('call.hangup', { ...ofCall(), hangup_cause: 'user_busy' });
      return [200, { data: { call_control_id: 'v3:out' } }];
    };
    await dial();
    expect(host.calls).toHaveLength(1);
    expect(host.calls[0]?.ends).toEqual([{ reason: 'busy' }]);
  });

  it('gives up a call that still rings, or is already gone', async () => {
    await dial();
    await host.calls[0]?.leg.hangUp('operator', emptyRecord);
    expect(api.commands).toEqual(['calls', 'hangup']);
    api.reply = async ({ line }) =>
      line.endsWith('/calls') ? [200, { data: { call_control_id: 'v3:two' } }] : callEnded;
    await dial();
    await host.calls[1]?.leg.hangUp('operator', emptyRecord);
    expect(host.calls[1]?.ends).toEqual([{ reason: 'hung-up' }]);
  });

  it("passes on Telnyx's refusal and keeps the key and the number to itself", async () => {
    const detail = 'The destination +15550001111 is not allowed.';
    api.reply = async () => [403, { errors: [{ code: '10010', title: 'Not allowed', detail }] }];
    const error = await dial().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'PATCHCORD_DIAL_FAILED',
      details: { status: 403, carrierCode: '10010' },
    });
    expect(carrierSaid(error)).toBe(detail);
    expect(JSON.stringify(error) + String(error)).not.toMatch(/5550001111|KEY0123/);
    expect(host.calls).toHaveLength(0);
  });

  it('says that Telnyx cannot be reached, or makes no sense', async () => {
    api.reply = async () => [200, {}];
    await expect(dial()).rejects.toMatchObject({ code: 'PATCHCORD_DIAL_FAILED' });
    api.reply = async () => {
      throw new Error('drop the connection');
    };
    await expect(dial()).rejects.toMatchObject({ code: 'PATCHCORD_CARRIER_API' });
  });

  it('dials nobody when no call is taken, and hangs up on what was dialled meanwhile', async () => {
    host.full = new PatchcordError('PATCHCORD_DRAINING');
    await expect(dial()).rejects.toMatchObject({ code: 'PATCHCORD_DRAINING' });
    expect(api.requests).toHaveLength(0);
    host.full = undefined;
    api.reply = async () => {
      host.full = new PatchcordError('PATCHCORD_CALL_LIMIT');
      return [200, { data: { call_control_id: 'v3:out' } }];
    };
    await expect(dial()).rejects.toMatchObject({ code: 'PATCHCORD_CALL_LIMIT' });
    await api.asked(2);
    expect(api.commands).toEqual(['calls', 'hangup']);
  });

  it('is not offered, naming the settings, when some are missing', () => {
    const missing = (changes: Partial<TelnyxSettings>) => {
      const carrier = telnyxCarrier({ ...settings, ...changes }, host);
      carrier.close();
      expect(carrier.dial === undefined).toBe(carrier.dialMissing.length > 0);
      return carrier.dialMissing;
    };
    expect(missing({})).toEqual([]);
    expect(missing({ apiKey: undefined, fromNumber: undefined })).toEqual([
      'TELNYX_API_KEY',
      'TELNYX_FROM_NUMBER',
    ]);
    expect(missing({ callControlAppId: undefined })).toEqual(['TELNYX_CALL_CONTROL_APP_ID']);
    expect(missing({ callControlAppId: undefined, outboundProfileId: 'p' })).toEqual([]);
    expect(missing({ publicKey: undefined })).toEqual(['TELNYX_PUBLIC_KEY']);
    host.unsigned = true;
    expect(missing({ publicKey: undefined })).toEqual([]);
    host.publicUrl = undefined;
    expect(missing({})).toEqual(['PUBLIC_URL']);
  });
});
