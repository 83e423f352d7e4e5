import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RestApi } from '../../../test/support/rest-api.ts';
import {
  drained,
  mediaMessage,
  type ServedTwilio,
  serveTwilio,
  startMessage,
  testSettings,
  tokenIn,
} from '../../../test/support/twilio-host.ts';
import { PatchcordError } from '../../base/errors.ts';
import { carrierSaid } from '../http-api.ts';
import { emptyRecord, TestHost } from '../testing/test-host.ts';
import type { TwilioSettings } from './carrier.ts';
import { twilioCarrier } from './carrier.ts';

/** As much of Twilio's REST API as a dial needs. */
class TestApi extends RestApi<{ readonly form: URLSearchParams }> {
  constructor() {
    super(
      (text) => ({ form: new URLSearchParams(text) }),
      async ({ line }) =>
        line.endsWith('/Calls.json') ? [201, { sid: 'CA1', status: 'queued' }] : [200, { sid: 'CA1' }],
    );
  }
}

let api: TestApi;
let host: TestHost;
let served: ServedTwilio;
let settings: TwilioSettings;

beforeEach(async () => {
  api = new TestApi();
  host = new TestHost();
  settings = {
    ...testSettings,
    accountSid: 'AC1',
    phoneNumber: '+15550009999',
    apiBaseUrl: await api.listen(),
  };
  served = await serveTwilio(host, settings);
});

afterEach(async () => {
  await served.close();
  await api.close();
});

const request = { to: '+15550001111', overrides: { instructions: 'Be brief.', voice: 'marin' } };
const dial = async () => served.carrier.dial?.(request);
const pathOf = (url: string | null) => (url ?? '').replace('https://gw.example.com', '');
const answeredForm = {
  CallSid: 'CA1',
  AccountSid: 'AC1',
  CallStatus: 'in-progress',
  Direction: 'outbound-api',
};

describe('dialling', () => {
  it('asks Twilio for the call, which comes alive when it is answered', async () => {
    expect(await dial()).toEqual({ callId: 'call-1', carrierCallId: 'CA1' });
    const [asked] = api.requests;
    expect(asked?.line).toBe('POST /2010-04-01/Accounts/AC1/Calls.json');
    expect(asked?.authorization).toBe(
      `Basic ${Buffer.from(`AC1:${testSettings.authToken}`).toString('base64')}`,
    );
    expect(
      [...(asked?.form ?? [])].map(([name, value]) => [name, value.replace(/dial=[\w-]+$/, 'dial=ID')]),
    ).toEqual([
      ['To', '+15550001111'],
      ['From', '+15550009999'],
      ['Url', 'https://gw.example.com/outbound-call?dial=ID'],
      ['Method', 'POST'],
      ['StatusCallback', 'https://gw.example.com/twilio-status-callback?dial=ID'],
      ['StatusCallbackMethod', 'POST'],
      ['StatusCallbackEvent', 'initiated'],
      ['StatusCallbackEvent', 'ringing'],
      ['StatusCallbackEvent', 'answered'],
      ['StatusCallbackEvent', 'completed'],
      ['Timeout', '30'],
      ['TimeLimit', '660'],
    ]);
    const [call] = host.calls;
    expect(call?.log).toEqual([]);
    expect(call?.overrides).toEqual(request.overrides);
    expect(call?.leg.party).toEqual({
      direction: 'outbound',
      from: '+15550009999',
      to: '+15550001111',
      variables: {},
    });
    const { text } = await served.post(pathOf(asked?.form.get('Url') ?? null), answeredForm);
    expect(call?.log).toEqual(['answered']);
    const stream = await served.stream();
    stream.send(startMessage(tokenIn(text)));
    stream.send(mediaMessage(20));
    await call?.audioOf(1);
    expect(call?.log).toEqual(['answered', 'connected', 'audio']);
    await call?.leg.hangUp('agent', emptyRecord);
    expect(api.requests.at(-1)?.line).toBe('POST /2010-04-01/Accounts/AC1/Calls/CA1.json');
    expect(api.requests.at(-1)?.form.get('Status')).toBe('completed');
  });

  it('makes one call although webhooks overtake the answer to the dial', async () => {
    api.reply = async ({ form }) => {
      await served.post(pathOf(form.get('StatusCallback')), { ...answeredForm, CallStatus: 'initiated' });
      await served.post(pathOf(form.get('Url')), answeredForm);
      return [201, { sid: 'CA1' }];
    };
    expect(await dial()).toEqual({ callId: 'call-1', carrierCallId: 'CA1' });
    expect(host.calls).toHaveLength(1);
    expect(host.calls[0]?.log).toEqual(['answered']);
    expect(host.calls[0]?.overrides).toEqual(request.overrides);
  });

  it('knows the call although the answer to the dial was lost', async () => {
    api.reply = async ({ form }) => {
      await served.post(pathOf(form.get('Url')), answeredForm);
      throw new Error('lost');
    };
    expect(await dial()).toEqual({ callId: 'call-1', carrierCallId: 'CA1' });
  });

  it('tells that the line was busy, even before the answer to the dial', async () => {
    api.reply = async ({ form }) => {
      await served.post(pathOf(form.get('StatusCallback')), { ...answeredForm, CallStatus: 'busy' });
      return [201, { sid: 'CA1' }];
    };
    await dial();
    expect(host.calls[0]?.ends).toEqual([{ reason: 'busy' }]);
    expect(host.calls).toHaveLength(1);
  });

  it('cancels a call that still rings', async () => {
    await dial();
    await host.calls[0]?.leg.hangUp('operator', emptyRecord);
    expect(api.requests.at(-1)?.form.get('Status')).toBe('canceled');
    const { text } = await served.post(pathOf(api.requests[0]?.form.get('Url') ?? null), answeredForm);
    expect(text).toContain('<Response><Hangup/></Response>');
  });

  it('takes a call that is already gone for hung up', async () => {
    await dial();
    api.reply = async () => [404, { code: 20404, message: 'not found', status: 404 }];
    await host.calls[0]?.leg.hangUp('operator', emptyRecord);
    expect(host.calls[0]?.ends).toEqual([{ reason: 'hung-up' }]);
  });

  it("passes on Twilio's refusal and keeps the credentials to itself", async () => {
    api.reply = async () => [400, { code: 21211, message: "The 'To' number is not valid.", status: 400 }];
    const error = await dial().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PatchcordError);
    expect(error).toMatchObject({
      code: 'PATCHCORD_DIAL_FAILED',
      details: { status: 400, carrierCode: '21211' },
    });
    expect(carrierSaid(error)).toBe("The 'To' number is not valid.");
    expect(JSON.stringify(error) + String(error)).not.toContain('not valid');
    expect(JSON.stringify(error) + String(error)).not.toContain(testSettings.authToken);
    expect(host.calls).toHaveLength(0);
  });

  it('says that Twilio cannot be reached, or makes no sense', async () => {
    api.reply = async () => [201, {}];
    await expect(dial()).rejects.toMatchObject({ code: 'PATCHCORD_DIAL_FAILED' });
    api.reply = async () => {
      throw new Error('drop the connection');
    };
    await expect(dial()).rejects.toMatchObject({ code: 'PATCHCORD_CARRIER_API' });
  });

  it('dials nobody when no call is taken', async () => {
    host.full = drained;
    await expect(dial()).rejects.toMatchObject({ code: 'PATCHCORD_DRAINING' });
    expect(api.requests).toHaveLength(0);
  });

  it('uses an API key where there is one', async () => {
    const keyed = twilioCarrier({ ...settings, apiKeySid: 'SK1', apiKeySecret: 'hidden' }, host);
    await keyed.dial?.(request);
    expect(api.requests[0]?.authorization).toBe(`Basic ${Buffer.from('SK1:hidden').toString('base64')}`);
    keyed.close();
  });

  it('is not offered, naming the settings, when some are missing', () => {
    const missing = (changes: Partial<TwilioSettings>) => {
      const carrier = twilioCarrier({ ...settings, ...changes }, host);
      carrier.close();
      expect(carrier.dial).toBeUndefined();
      return carrier.dialMissing;
    };
    expect(missing({ accountSid: undefined })).toEqual(['TWILIO_ACCOUNT_SID']);
    expect(missing({ authToken: undefined, phoneNumber: undefined })).toEqual([
      'TWILIO_AUTH_TOKEN',
      'TWILIO_PHONE_NUMBER',
    ]);
    host.publicUrl = undefined;
    expect(missing({})).toEqual(['PUBLIC_URL']);
  });
});
