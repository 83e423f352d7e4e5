import fc from 'fast-check';
import twilio from 'twilio';
import { afterEach, describe, expect, it } from 'vitest';
import { answer, type TinyGatewayOptions, tinyGateway } from '../../../test/support/tiny-gateway.ts';
import { SystemClock } from '../../base/clock.ts';
import { FakeTwilioRest, type FakeTwilioRestOptions } from './rest-server.ts';

const authToken = '0123456789abcdef0123456789abcdef';
const accountSid = `AC${'0'.repeat(32)}`;
const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Twilio's own HTTP client, sent to the fake. */
function clientFor(origin: string) {
  const http = new twilio.RequestClient();
  const request = http.request.bind(http);
  http.request = (options) => {
    options.uri = options.uri.replace('https://api.twilio.com', origin);
    return request(options);
  };
  return twilio(accountSid, authToken, { httpClient: http });
}

async function setUp(
  gatewayOptions: Partial<TinyGatewayOptions> = {},
  restOptions: Partial<FakeTwilioRestOptions> = {},
) {
  const gateway = await tinyGateway({ authToken, ...gatewayOptions });
  const rest = new FakeTwilioRest({
    clock: new SystemClock(),
    accountSid,
    authToken,
    gatewayUrl: gateway.url,
    ringMs: 10,
    callOptions: () => ({ allowInsecureStream: true, maxCallMs: 5_000 }),
    ...restOptions,
  });
  const origin = await rest.listen();
  const base = `${origin}/2010-04-01/Accounts/${accountSid}`;
  closers.push(gateway.close, () => rest.close());
  const send = async (
    path: string,
    fields?: Record<string, string> | [string, string][],
    password = authToken,
  ) => {
    const response = await fetch(base + path, {
      method: fields === undefined ? 'GET' : 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${accountSid}:${password}`).toString('base64')}` },
      ...(fields === undefined ? {} : { body: new URLSearchParams(fields) }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const dial = (extra: [string, string][] = []) =>
    send('/Calls.json', [
      ['To', '+15550001234'],
      ['From', '+15550002222'],
      ['Url', `${gateway.url}/outbound-call`],
      ...extra,
    ]);
  return { gateway, rest, send, dial, origin };
}

const everyEvent: [string, string][] = ['initiated', 'ringing', 'answered', 'completed'].map((event) => [
  'StatusCallbackEvent',
  event,
]);

describe('FakeTwilioRest', () => {
  it('really rings: fetches the TwiML, opens the stream and reports every step, all signed', async () => {
    const { gateway, rest, dial } = await setUp({
      twiml: (seen, stream) =>
        seen.path === '/outbound-call'
          ? `<Response><Connect><Stream url="${stream}"/></Connect><Hangup/></Response>`
          : '<Response/>',
      onStream: (socket, frame) => {
        if (frame.event === 'start') answer(socket, frame.streamSid, 60);
        if (frame.event === 'mark') socket.close();
      },
    });
    const created = await dial([['StatusCallback', `${gateway.url}/status`], ...everyEvent]);
    expect(created).toMatchObject({ status: 201, body: { status: 'queued', to: '+15550001234' } });
    const call = rest.call(String(created.body.sid));
    const record = await call?.ended;
    expect(record).toMatchObject({ status: 'completed', failure: undefined, stream: { playedMs: 60 } });
    const reports = gateway.webhooks.filter(({ path }) => path === '/status').map(({ params }) => params);
    expect(reports.map(({ CallStatus }) => CallStatus)).toEqual([
      'initiated',
      'ringing',
      'in-progress',
      'completed',
    ]);
    expect(reports.map(({ SequenceNumber }) => SequenceNumber)).toEqual(['0', '1', '2', '3']);
    expect(gateway.webhooks.every(({ signed }) => signed)).toBe(true);
    const voice = gateway.webhooks.find(({ path }) => path === '/outbound-call');
    expect(voice?.params).toMatchObject({
      CallStatus: 'in-progress',
      Direction: 'outbound-api',
      CallSid: created.body.sid,
    });
    expect(call?.callbackFailures).toEqual([]);
  });

  it("is taken for Twilio by Twilio's own client", async () => {
    const { rest, gateway, origin } = await setUp();
    const client = clientFor(origin);
    const created = await client.calls.create({
      to: '+15550001234',
      from: '+15550002222',
      url: `${gateway.url}/voice`,
    });
    await gateway.until(() => gateway.frames.length > 2);
    expect((await client.calls(created.sid).fetch()).status).toBe('in-progress');
    await client.calls(created.sid).update({ status: 'completed' });
    const record = await rest.call(created.sid)?.ended;
    expect(record?.stream?.endedBy).toBe('carrier');
    expect((await client.calls(created.sid).fetch()).status).toBe('completed');
    await expect(client.calls(created.sid).update({ status: 'completed' })).rejects.toMatchObject({
      code: 20_404,
    });
  });

  it('ends the stream when the call is given new TwiML', async () => {
    const { gateway, rest, send } = await setUp();
    const twiml = `<Response><Connect><Stream url="${gateway.url.replace('http', 'ws')}/media-stream"/></Connect></Response>`;
    const created = await send('/Calls.json', { To: '+15550001234', From: '+15550002222', Twiml: twiml });
    await gateway.until(() => gateway.frames.length > 2);
    await send(`/Calls/${created.body.sid}.json`, { Twiml: '<Response><Say>Moved</Say></Response>' });
    const record = await rest.call(String(created.body.sid))?.ended;
    expect(record?.verbs.map(({ verb }) => verb)).toEqual(['connect', 'say']);
    expect(gateway.webhooks).toEqual([]);
  });

  it.each(['busy', 'no-answer', 'failed'] as const)('reports a party that is %s', async (kind) => {
    const { gateway, rest, dial } = await setUp({}, { answer: () => kind });
    const created = await dial([
      ['StatusCallback', `${gateway.url}/status`],
      ['Timeout', '1'],
    ]);
    expect(await rest.call(String(created.body.sid))?.ended).toBeUndefined();
    expect(gateway.webhooks.map(({ params }) => params.CallStatus)).toEqual([kind]);
    expect(rest.call(String(created.body.sid))?.status).toBe(kind);
  });

  it('can cancel a call while it rings, but not once it is answered', async () => {
    const { gateway, rest, send, dial } = await setUp({}, { ringMs: 10_000 });
    const created = await dial();
    expect((await send(`/Calls/${created.body.sid}.json`, { Twiml: '<Response/>' })).body.code).toBe(21_220);
    const canceled = await send(`/Calls/${created.body.sid}.json`, { Status: 'canceled' });
    expect(canceled).toMatchObject({ status: 200, body: { status: 'canceled' } });
    expect(rest.calls.map(({ over }) => over)).toEqual([true]);
    expect(gateway.webhooks).toEqual([]);
  });

  it('refuses wrong credentials with 20003 and unknown calls with 20404', async () => {
    const { rest, send } = await setUp();
    expect(await send('/Calls.json', { To: '+15550001234' }, 'wrong')).toMatchObject({
      status: 401,
      body: { code: 20_003 },
    });
    expect(await send('/Calls/CAnone.json', { Status: 'completed' })).toMatchObject({
      status: 404,
      body: { code: 20_404 },
    });
    expect(await send('/Calls/CAnone.json')).toMatchObject({ status: 404 });
    expect(rest.refusals).toEqual(
      new Map([
        [20_003, 1],
        [20_404, 2],
      ]),
    );
  });

  it.each([
    ['To', 21_201],
    ['From', 21_213],
    ['Url', 21_205],
  ])('refuses a call without %s', async (missing, code) => {
    const { send } = await setUp();
    const fields = { To: '+15550001234', From: '+15550002222', Url: 'https://gw.example.com/x' };
    const { [missing as 'To']: _left, ...rest } = fields;
    expect(await send('/Calls.json', rest)).toMatchObject({ status: 400, body: { code } });
  });

  it('has a bound on the calls it keeps: forgets ended ones, refuses when all are live', async () => {
    const { rest, dial, send } = await setUp({}, { maxCalls: 2, ringMs: 10_000 });
    const first = await dial();
    await dial();
    expect(await dial()).toMatchObject({ status: 429, body: { code: 20_429 } });
    await send(`/Calls/${first.body.sid}.json`, { Status: 'canceled' });
    expect((await dial()).status).toBe(201);
    expect(rest.calls).toHaveLength(2);
    expect(rest.call(String(first.body.sid))).toBeUndefined();
  });

  it('answers nonsense with an error of Twilio, never with one of its own', async () => {
    const { rest, send } = await setUp({}, { ringMs: 10_000 });
    const field = fc.constantFrom(
      'To',
      'From',
      'Url',
      'Twiml',
      'Timeout',
      'Status',
      'StatusCallbackEvent',
      '__proto__',
    );
    const value = fc.oneof(
      fc.string(),
      fc.constantFrom('+15550001234', 'https://gw.example.com/x', 'completed', '-1'),
    );
    const path = fc.oneof(
      fc.constantFrom('/Calls.json', '/Calls/CA1.json', '/Calls/.json', '/Calls'),
      fc.webPath(),
    );
    await fc.assert(
      fc.asyncProperty(path, fc.array(fc.tuple(field, value), { maxLength: 6 }), async (where, fields) => {
        const { status, body } = await send(where, fields);
        expect([201, 400, 401, 404]).toContain(status);
        expect(status === 201 ? body.sid : body.code).toBeDefined();
      }),
      { numRuns: 300 },
    );
    expect(rest.refusals.has(20_500)).toBe(false);
  });
});
