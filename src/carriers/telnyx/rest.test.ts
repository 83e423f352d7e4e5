import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { callEnded, TelnyxApi } from '../../../test/support/telnyx-api.ts';
import type { Timeout } from '../../base/clock.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { carrierSaid } from '../http-api.ts';
import { TelnyxRest } from './rest.ts';

const deadlineMs = 4321;

/** Stands still, but for the pauses between tries: each is written down and over at once, or when it is `held`. */
class PauseClock extends VirtualClock {
  readonly pauses: number[] = [];
  held = false;

  override setTimeout(callback: () => void, ms: number): Timeout {
    if (ms === deadlineMs) return super.setTimeout(callback, ms);
    this.pauses.push(ms);
    return super.setTimeout(callback, this.held ? ms : 0);
  }
}

let api: TelnyxApi;
let clock: PauseClock;
let rest: TelnyxRest;

beforeEach(async () => {
  api = new TelnyxApi();
  clock = new PauseClock();
  rest = new TelnyxRest({ apiKey: 'KEY0123', apiBaseUrl: await api.listen() }, clock, deadlineMs);
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

type Failure = () => Promise<readonly [number, unknown?, Record<string, string>?]>;

/** What may be better the next time. */
const badLuck: [string, Failure][] = [
  ['trouble at Telnyx', async () => [500, {}]],
  ['too many requests', async () => [429, {}]],
  ['a broken connection', () => Promise.reject(new Error('broken'))],
];
const tried: [string, number[], () => Promise<boolean>][] = [
  ['hangup', [500, 2000], () => rest.hangUp('v3:a')],
  ['reject', [500, 2000], () => rest.reject('v3:a')],
  ['answer', [500], () => rest.answer('v3:a')],
  ['speak', [500], () => rest.speak('v3:a', 'Sorry.')],
  [
    'streaming_start',
    [500],
    () => rest.startStreaming('v3:a', { url: 'wss://gw', token: 't', codec: 'PCMU' }),
  ],
];
/** Fails that many times, then takes everything. */
const failing = (times: number, failure: Failure) => {
  api.reply = async () => (api.requests.length <= times ? failure() : [200, {}]);
};
/** Lets the pauses be over until it is settled. */
const settled = async <T>(promise: Promise<T>): Promise<T> => {
  let isSettled = false;
  const done = promise.finally(() => {
    isSettled = true;
  });
  done.catch(() => undefined);
  while (!isSettled) {
    await new Promise(setImmediate);
    clock.advance(0);
  }
  return done;
};

describe.each(tried)('the command %s', (_, pauses, command) => {
  it.each(badLuck)('is tried again after %s, and the clock says when', async (_, failure) => {
    failing(pauses.length, failure);
    expect(await settled(command())).toBe(true);
    expect(clock.pauses).toEqual(pauses);
    expect(new Set(api.requests.map((request) => JSON.stringify(request))).size).toBe(1);
  });

  it.each(badLuck)('has failed at the last try after %s', async (_, failure) => {
    failing(9, failure);
    await expect(settled(command())).rejects.toMatchObject({ code: 'PATCHCORD_CARRIER_API' });
    expect(api.requests).toHaveLength(pauses.length + 1);
    expect(clock.pending).toBe(0);
  });

  it('is not tried again after a refusal', async () => {
    failing(9, async () => refusal);
    await expect(settled(command())).rejects.toMatchObject({ details: { carrierCode: '10015' } });
    expect(api.requests).toHaveLength(1);
  });

  it.each([
    ['1', 1000],
    ['0', 500],
    ['600', 5000],
    ['soon', 500],
  ])('waits for as long as Telnyx asks within bounds: %s', async (after, pauseMs) => {
    failing(1, async () => [429, {}, { 'retry-after': after }]);
    await settled(command());
    expect(clock.pauses).toEqual([pauseMs]);
  });

  it('is tried once more at once when nobody may wait any longer', async () => {
    clock.held = true;
    failing(9, async () => [503, {}]);
    const outcome = expect(command()).rejects.toMatchObject({ details: { status: 503 } });
    while (clock.pauses.length === 0) await new Promise(setImmediate);
    rest.close();
    await outcome;
    expect(api.requests).toHaveLength(2);
    expect(clock.pending).toBe(0);
  });
});

it('a transfer and keys are asked for once', async () => {
  failing(9, async () => [503, {}]);
  const transfer = {
    to: '+15550003333',
    from: undefined,
    targetLegClientState: '',
    webhookUrl: '',
    commandId: 'c',
  };
  await expect(rest.transfer('v3:a', transfer)).rejects.toMatchObject({ details: { status: 503 } });
  await expect(rest.sendDigits('v3:a', '1')).rejects.toMatchObject({ details: { status: 503 } });
  expect(api.requests).toHaveLength(2);
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
