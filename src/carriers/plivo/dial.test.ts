import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  callUuid,
  mediaMessage,
  type ServedPlivo,
  servePlivo,
  startMessage,
  testSettings,
  tokenIn,
} from '../../../test/support/plivo-host.ts';
import { RestApi } from '../../../test/support/rest-api.ts';
import { PatchcordError } from '../../base/errors.ts';
import { carrierSaid } from '../http-api.ts';
import { emptyRecord, TestHost } from '../testing/test-host.ts';
import { type PlivoSettings, plivoCarrier } from './carrier.ts';
import { PlivoRest } from './rest.ts';

const requestUuid = 'aaaaaaaa-58b6-11e1-b8b7-a5bd0e4e126f';
const otherUuid = '99999999-2222-4333-8444-555555555555';

/** As much of Plivo's REST API as a dial needs. */
class TestApi extends RestApi<{ readonly body: Readonly<Record<string, unknown>> }> {
  constructor() {
    super(
      (text) => ({ body: JSON.parse(text || '{}') }),
      async ({ line }) => {
        if (line.startsWith('DELETE')) return [204];
        return line.endsWith('/Call/')
          ? [201, { message: 'call fired', request_uuid: requestUuid, api_id: 'a' }]
          : [202, { message: 'call transferred' }];
      },
    );
  }
}

let api: TestApi;
let host: TestHost;
let served: ServedPlivo;
let settings: PlivoSettings;

beforeEach(async () => {
  api = new TestApi();
  host = new TestHost();
  settings = {
    ...testSettings,
    authId: 'MA1',
    phoneNumber: '+15550009999',
    apiBaseUrl: `${await api.listen()}/v1`,
  };
  served = await servePlivo(host, settings);
});

afterEach(async () => {
  await served.close();
  await api.close();
});

const request = { to: '+15550001111', overrides: { instructions: 'Be brief.', voice: 'marin' } };
const dial = async () => served.carrier.dial?.(request);
const pathOf = (url: unknown) => String(url).replace('https://gw.example.com', '');
const answered = {
  CallUUID: callUuid,
  RequestUUID: requestUuid,
  CallStatus: 'in-progress',
  Direction: 'outbound',
  Event: 'StartApp',
};
const callPath = '/v1/Account/MA1/Call';

describe('dialling', () => {
  it.each([
    [600_000, 660],
    [86_400_000, 86_400],
    [0, 86_400],
  ])('has Plivo end a call of at most %i ms after %i s', async (maxCallMs, seconds) => {
    await served.close();
    served = await servePlivo(host, { ...settings, maxCallMs });
    await dial();
    expect(api.requests.at(-1)?.body.time_limit).toBe(seconds);
  });

  it('asks Plivo for the call, which comes alive and gets its own name when it is answered', async () => {
    expect(await dial()).toEqual({ callId: 'call-1', carrierCallId: requestUuid });
    const [asked] = api.requests;
    expect(asked?.line).toBe(`POST ${callPath}/`);
    expect(asked?.authorization).toBe(
      `Basic ${Buffer.from(`MA1:${testSettings.authToken}`).toString('base64')}`,
    );
    const body = Object.fromEntries(
      Object.entries(asked?.body ?? {}).map(([name, value]) => [
        name,
        typeof value === 'string' ? value.replace(/dial=[\w-]+$/, 'dial=ID') : value,
      ]),
    );
    expect(body).toEqual({
      from: '15550009999',
      to: '15550001111',
      answer_url: 'https://gw.example.com/outbound-call?dial=ID',
      answer_method: 'POST',
      ring_url: 'https://gw.example.com/callbacks?dial=ID',
      ring_method: 'POST',
      hangup_url: 'https://gw.example.com/callbacks?dial=ID',
      hangup_method: 'POST',
      ring_timeout: 30,
      time_limit: 660,
    });
    const [call] = host.calls;
    expect(call?.log).toEqual([]);
    expect(call?.overrides).toEqual(request.overrides);
    expect(call?.leg.party).toEqual({
      direction: 'outbound',
      from: '+15550009999',
      to: '+15550001111',
      variables: {},
    });
    const { text } = await served.post(pathOf(asked?.body.answer_url), answered);
    expect(call?.log).toEqual(['answered']);
    expect(call?.leg.carrierCallId).toBe(callUuid);
    const stream = await served.stream();
    stream.send(startMessage(tokenIn(text)));
    stream.send(mediaMessage(20));
    await call?.audioOf(1);
    expect(call?.log).toEqual(['answered', 'connected', 'audio']);
    await call?.leg.hangUp('agent', emptyRecord);
    expect(api.lines.slice(1)).toEqual([`DELETE ${callPath}/${callUuid}/`]);
  });

  it('takes the first of several request ids', async () => {
    api.reply = async () => [201, { request_uuid: [requestUuid, otherUuid] }];
    expect(await dial()).toMatchObject({ carrierCallId: requestUuid });
  });

  it('makes one call although webhooks overtake the answer to the dial', async () => {
    api.reply = async ({ body }) => {
      await served.post(pathOf(body.ring_url), { ...answered, CallStatus: 'ringing', Event: 'Ring' });
      await served.post(pathOf(body.answer_url), answered);
      return [201, { request_uuid: requestUuid }];
    };
    expect(await dial()).toEqual({ callId: 'call-1', carrierCallId: callUuid });
    expect(host.calls).toHaveLength(1);
    expect(host.calls[0]?.log).toEqual(['answered']);
    expect(host.calls[0]?.overrides).toEqual(request.overrides);
    await served.post('/callbacks', { RequestUUID: requestUuid, CallStatus: 'completed' });
    expect(host.calls[0]?.ends).toEqual([{ reason: 'hung-up' }]);
  });

  it('knows the call although the answer to the dial was lost', async () => {
    api.reply = async ({ body }) => {
      await served.post(pathOf(body.answer_url), answered);
      throw new Error('lost');
    };
    expect(await dial()).toEqual({ callId: 'call-1', carrierCallId: callUuid });
  });

  it.each([
    ['busy', 'busy'],
    ['no-answer', 'no-answer'],
    ['timeout', 'no-answer'],
    ['failed', 'failed'],
    // Plivo may say so of a phone that nobody has picked up.
    ['completed', 'no-answer'],
    ['cancel', 'no-answer'],
  ])('ends a call that nobody answers when Plivo reports %s, by whatever name', async (CallStatus, reason) => {
    await dial();
    await served.post(pathOf(api.requests[0]?.body.hangup_url), {
      CallUUID: callUuid,
      Event: 'Hangup',
      CallStatus,
    });
    expect(host.calls[0]?.ends).toEqual([{ reason }]);
    await dial();
    await served.post('/callbacks', { ALegRequestUUID: requestUuid, CallStatus });
    expect(host.calls[1]?.ends).toEqual([{ reason }]);
  });

  it('tells that the line was busy, even before the answer to the dial', async () => {
    api.reply = async ({ body }) => {
      await served.post(pathOf(body.hangup_url), { ...answered, CallStatus: 'busy', Event: 'Hangup' });
      return [201, { request_uuid: requestUuid }];
    };
    await dial();
    expect(host.calls[0]?.ends).toEqual([{ reason: 'busy' }]);
    expect(host.calls).toHaveLength(1);
  });

  it('cancels a call that still rings', async () => {
    await dial();
    await host.calls[0]?.leg.hangUp('operator', emptyRecord);
    expect(api.lines.slice(1)).toEqual([`DELETE /v1/Account/MA1/Request/${requestUuid}/`]);
    const { text } = await served.post(pathOf(api.requests[0]?.body.answer_url), answered);
    expect(text).toContain('<Response><Hangup/></Response>');
    await dial();
    await served.post(pathOf(api.requests.at(-1)?.body.ring_url), { ...answered, CallStatus: 'ringing' });
    await host.calls[1]?.leg.hangUp('operator', emptyRecord);
    expect(api.lines.at(-1)).toBe(`DELETE ${callPath}/${callUuid}/`);
  });

  it('hangs up on another call that comes with the address of this one', async () => {
    await dial();
    const answerUrl = pathOf(api.requests[0]?.body.answer_url);
    expect((await served.post(answerUrl, answered)).text).toContain('<Stream ');
    const other = await served.post(answerUrl, { ...answered, CallUUID: otherUuid });
    expect(other.text).toContain('<Response><Hangup/></Response>');
    expect(host.calls).toHaveLength(1);
    expect(host.calls[0]?.leg.carrierCallId).toBe(callUuid);
  });

  it('takes a call that is already gone for hung up', async () => {
    await dial();
    api.reply = async () => [404, { error: 'not found' }];
    await host.calls[0]?.leg.hangUp('operator', emptyRecord);
    expect(host.calls[0]?.ends).toEqual([{ reason: 'hung-up' }]);
  });

  it("passes on Plivo's refusal and keeps the credentials to itself", async () => {
    api.reply = async () => [400, { api_id: 'a', error: '15550001111 is not a valid phone number' }];
    const error = await dial().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PatchcordError);
    expect(error).toMatchObject({ code: 'PATCHCORD_DIAL_FAILED', details: { status: 400 } });
    expect(carrierSaid(error)).toBe('15550001111 is not a valid phone number');
    expect(JSON.stringify(error) + String(error)).not.toContain('15550001111');
    expect(JSON.stringify(error) + String(error)).not.toContain(testSettings.authToken);
    // The dial is forgotten: should the phone ring all the same, nobody is there.
    const { text } = await served.post(pathOf(api.requests[0]?.body.answer_url), answered);
    expect(text).toContain('<Response><Hangup/></Response>');
    expect(host.calls).toHaveLength(0);
  });

  it('says that Plivo cannot be reached, or makes no sense', async () => {
    for (const body of [{}, { request_uuid: [] }, { request_uuid: '' }, { request_uuid: '../../Call' }]) {
      api.reply = async () => [201, body];
      await expect(dial()).rejects.toMatchObject({ code: 'PATCHCORD_DIAL_FAILED' });
    }
    api.reply = async () => {
      throw new Error('drop the connection');
    };
    await expect(dial()).rejects.toMatchObject({ code: 'PATCHCORD_CARRIER_API' });
  });

  it('dials nobody when no call is taken, and cancels what is not admitted after all', async () => {
    host.full = new PatchcordError('PATCHCORD_DRAINING');
    await expect(dial()).rejects.toMatchObject({ code: 'PATCHCORD_DRAINING' });
    expect(api.requests).toHaveLength(0);
    host.full = undefined;
    const cancelled = Promise.withResolvers<void>();
    api.reply = async ({ line }) => {
      if (line.startsWith('DELETE')) cancelled.resolve();
      host.full = new PatchcordError('PATCHCORD_DRAINING');
      return [201, { request_uuid: requestUuid }];
    };
    await expect(dial()).rejects.toMatchObject({ code: 'PATCHCORD_DRAINING' });
    await cancelled.promise;
    expect(api.lines.at(-1)).toBe(`DELETE /v1/Account/MA1/Request/${requestUuid}/`);
    expect(host.calls).toHaveLength(0);
  });

  it('is not offered, naming the settings, when some are missing', () => {
    const missing = (changes: Partial<PlivoSettings>) => {
      const carrier = plivoCarrier({ ...settings, ...changes }, host);
      carrier.close();
      expect(carrier.dial).toBeUndefined();
      return carrier.dialMissing;
    };
    expect(missing({ authId: undefined })).toEqual(['PLIVO_AUTH_ID']);
    expect(missing({ authToken: undefined, phoneNumber: undefined })).toEqual([
      'PLIVO_AUTH_TOKEN',
      'PLIVO_PHONE_NUMBER',
    ]);
    host.publicUrl = undefined;
    expect(missing({})).toEqual(['PUBLIC_URL']);
    expect(plivoCarrier({ ...testSettings }, host).dialMissing).toHaveLength(3);
  });
});

describe('a transfer', () => {
  async function liveCall(): Promise<void> {
    const { text } = await served.post('/incoming-call', {
      ...answered,
      Direction: 'inbound',
      To: '15550002222',
    });
    const stream = await served.stream();
    stream.send(startMessage(tokenIn(text)));
    stream.send(mediaMessage(20));
    await host.calls[0]?.audioOf(1);
  }

  it('is answered with a dial when Plivo asks, signed, for this very call', async () => {
    await liveCall();
    const outcome = await host.calls[0]?.leg.transfer?.({ to: '+15550003333' });
    expect(outcome).toEqual({ transferred: true });
    expect(host.calls[0]?.ends).toEqual([{ reason: 'transferred' }]);
    const [asked] = api.requests;
    expect(asked?.line).toBe(`POST ${callPath}/${callUuid}/`);
    expect(asked?.body).toMatchObject({ legs: 'aleg', aleg_method: 'POST' });
    const target = pathOf(asked?.body.aleg_url);
    expect(target).toMatch(/^\/outbound-call\?transfer=[\w-]{16}$/);
    expect((await served.post(target, answered, false)).status).toBe(403);
    const dialled =
      '<Response><Dial callerId="15550002222"><Number>15550003333</Number></Dial><Hangup/></Response>';
    for (let times = 0; times < 2; times++) {
      const { type, text } = await served.post(target, { ...answered, Event: 'Redirect' });
      expect(type).toContain('text/xml');
      expect(text).toContain(dialled);
    }
    const wrong = await served.post(target, { ...answered, CallUUID: otherUuid });
    expect(wrong.text).toContain('<Response><Hangup/></Response>');
    expect(host.codes.at(-1)).toBe('PATCHCORD_CALL_MISMATCH');
    const unknown = await served.post('/outbound-call?transfer=unknown', answered);
    expect(unknown.text).toContain('<Response><Hangup/></Response>');
    expect(host.calls).toHaveLength(1);
  });

  it('has taken the call away when Plivo asks, though it has not answered us yet', async () => {
    await liveCall();
    api.reply = async ({ body }) => {
      await served.post(pathOf(body.aleg_url), answered);
      expect(host.calls[0]?.ends).toEqual([{ reason: 'transferred' }]);
      return [500, {}];
    };
    expect(await host.calls[0]?.leg.transfer?.({ to: '+15550003333' })).toEqual({ transferred: true });
  });

  it('that Plivo does not take is forgotten', async () => {
    await liveCall();
    api.reply = async () => [404, { error: 'not found' }];
    const outcome = await host.calls[0]?.leg.transfer?.({ to: '+15550003333' });
    expect(outcome).toEqual({ transferred: false, detail: 'the call has ended' });
    api.reply = async () => [400, { error: 'cannot transfer' }];
    const refused = await host.calls[0]?.leg.transfer?.({ to: '+15550003333' });
    expect(refused).toEqual({ transferred: false, detail: 'cannot transfer' });
    expect(host.calls[0]?.ends).toEqual([]);
    const { text } = await served.post(pathOf(api.requests[0]?.body.aleg_url), answered);
    expect(text).toContain('<Response><Hangup/></Response>');
  });

  it('is not offered without an account', async () => {
    const host2 = new TestHost();
    const plain = await servePlivo(host2);
    await plain.post('/incoming-call', answered);
    expect(host2.calls[0]?.leg.transfer).toBeUndefined();
    await plain.close();
  });
});

describe('the REST API', () => {
  it('is never asked to hang up all calls at once', async () => {
    const rest = new PlivoRest(
      { authId: 'MA1', authToken: 't', apiBaseUrl: settings.apiBaseUrl },
      host.clock,
    );
    for (const id of ['', '.', '..', 'a/b', '../Call', ' '])
      for (const asked of [rest.endCall(id), rest.cancelRequest(id), rest.transfer(id, 'https://x')])
        await expect(asked).rejects.toMatchObject({ code: 'PATCHCORD_CARRIER_API' });
    expect(api.requests).toEqual([]);
  });
});
