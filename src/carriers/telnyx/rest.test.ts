import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { callEnded, TelnyxApi } from '../../../test/support/telnyx-api.ts';
import { SystemClock } from '../../base/clock.ts';
import { carrierSaid } from '../http-api.ts';
import { TelnyxRest } from './rest.ts';

let api: TelnyxApi;
let rest: TelnyxRest;

beforeEach(async () => {
  api = new TelnyxApi();
  rest = new TelnyxRest({ apiKey: 'KEY0123', apiBaseUrl: await api.listen() }, new SystemClock());
});

afterEach(async () => {
  await api.close();
});

const last = () => api.requests.at(-1);
const refusal: [number, unknown] = [
  422,
  { errors: [{ code: '10015', title: 'Bad Request', detail: 'The number +15550001111 is wrong.' }] },
];

describe('a command', () => {
  it('names the call, percent-encoded, and carries the key', async () => {
    expect(await rest.answer('v3:a/b')).toBe(true);
    expect(last()).toEqual({
      line: 'POST /calls/v3%3Aa%2Fb/actions/answer',
      authorization: 'Bearer KEY0123',
      json: { command_id: 'patchcord-answer' },
    });
  });

  it('asks for a stream of the caller in the codec of both directions', async () => {
    await rest.startStreaming('v3:a', { url: 'wss://gw/x?token=t', token: 't', codec: 'PCMA' });
    expect(last()?.json).toEqual({
      stream_url: 'wss://gw/x?token=t',
      stream_track: 'inbound_track',
      stream_codec: 'PCMA',
      stream_bidirectional_mode: 'rtp',
      stream_bidirectional_codec: 'PCMA',
      stream_auth_token: 't',
      command_id: 'patchcord-streaming-start',
    });
    await rest.startStreaming('v3:a', { url: 'wss://gw/x', token: 't', codec: 'L16' });
    expect(last()?.json).toMatchObject({ stream_codec: 'L16', stream_bidirectional_sampling_rate: 16_000 });
  });

  it('says a sentence, declines as busy, presses keys and transfers', async () => {
    await rest.speak('v3:a', 'Sorry.');
    expect(last()?.json).toEqual({
      payload: 'Sorry.',
      payload_type: 'text',
      service_level: 'basic',
      voice: 'male',
      language: 'en-US',
      command_id: 'patchcord-apology',
    });
    await rest.reject('v3:a');
    expect(last()).toMatchObject({ line: 'POST /calls/v3%3Aa/actions/reject', json: { cause: 'USER_BUSY' } });
    await rest.sendDigits('v3:a', '12#');
    expect(last()).toMatchObject({ line: 'POST /calls/v3%3Aa/actions/send_dtmf', json: { digits: '12#' } });
    const transfer = {
      to: 'sip:a@b',
      targetLegClientState: 'eA==',
      webhookUrl: 'https://gw/w',
      commandId: 'c',
    };
    await rest.transfer('v3:a', { ...transfer, from: undefined });
    expect(last()?.json).toEqual({
      to: 'sip:a@b',
      target_leg_client_state: 'eA==',
      webhook_url: 'https://gw/w',
      webhook_url_method: 'POST',
      command_id: 'c',
    });
    await rest.transfer('v3:a', { ...transfer, from: '+1555' });
    expect(last()?.json).toMatchObject({ from: '+1555' });
  });

  it('finds a call over and says so', async () => {
    api.reply = async () => callEnded;
    expect(await rest.answer('v3:a')).toBe(false);
    expect(await rest.hangUp('v3:a')).toBe(false);
    api.reply = async () => [422, { errors: [{ code: '1' }, { code: 90_018 }] }];
    expect(await rest.hangUp('v3:a')).toBe(false);
    api.reply = async () => [404, {}];
    expect(await rest.hangUp('v3:a')).toBe(false);
  });

  it('that is refused fails with the code, and what Telnyx says is not in what is logged', async () => {
    api.reply = async () => refusal;
    const error = await rest.answer('v3:a').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'PATCHCORD_CARRIER_API',
      details: { status: 422, carrierCode: '10015' },
    });
    expect(carrierSaid(error)).toBe('The number +15550001111 is wrong.');
    expect(JSON.stringify(error) + String(error)).not.toMatch(/5550001111|KEY0123/);
  });
});

describe('a hang-up', () => {
  it('is tried again once after bad luck, and not after a refusal', async () => {
    const bad = [async () => [500, {}] as const, () => Promise.reject(new Error('broken'))];
    for (const first of bad) {
      let tries = 0;
      api.reply = (request) => (tries++ === 0 ? first() : Promise.resolve([200, request.json]));
      expect(await rest.hangUp('v3:a')).toBe(true);
      expect(tries).toBe(2);
    }
    let tries = 0;
    api.reply = async () => {
      tries += 1;
      return refusal;
    };
    await expect(rest.hangUp('v3:a')).rejects.toMatchObject({ code: 'PATCHCORD_CARRIER_API' });
    expect(tries).toBe(1);
    api.reply = async () => [503, {}];
    await expect(rest.hangUp('v3:a')).rejects.toMatchObject({ details: { status: 503 } });
  });
});

describe('a dial', () => {
  it('gives the id of the call', async () => {
    const call = {
      connectionId: 'app-1',
      to: '+15550001111',
      from: '+15550009999',
      webhookUrl: 'https://gw/w',
      clientState: 'eA==',
      commandId: 'c',
      timeoutS: 30,
      timeLimitS: 660,
    };
    expect(await rest.createCall(call)).toBe('v3:out');
    expect(last()).toMatchObject({
      line: 'POST /calls',
      json: {
        connection_id: 'app-1',
        to: '+15550001111',
        from: '+15550009999',
        webhook_url: 'https://gw/w',
        webhook_url_method: 'POST',
        client_state: 'eA==',
        command_id: 'c',
        timeout_secs: 30,
        time_limit_secs: 660,
      },
    });
    for (const body of [{}, { data: {} }, { data: { call_control_id: 7 } }, null]) {
      api.reply = async () => [200, body];
      await expect(rest.createCall(call)).rejects.toMatchObject({ code: 'PATCHCORD_CARRIER_API' });
    }
  });
});
