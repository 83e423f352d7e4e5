import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { PatchcordError } from '../base/errors.ts';
import { silentLogger } from '../base/logger.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import type { CallSnapshot } from '../call/events.ts';
import type { TransferOutcome, TransferTarget } from '../call/leg.ts';
import { Access } from './access.ts';
import { type CallsApi, type LiveCall, registerCallsApi } from './calls.ts';
import type { StatusReply } from './contract.ts';
import {
  callReply,
  callsReply,
  dialReply,
  errorReply,
  makeCallReply,
  statusReply,
  transferReply,
} from './schemas.ts';
import { snapshotOf, turnOf } from './test-fixtures.ts';

class FakeCall implements LiveCall {
  readonly done: string[] = [];
  outcome: Promise<TransferOutcome> | undefined = Promise.resolve({ transferred: true });
  readonly #snapshot: CallSnapshot;
  constructor(snapshot: CallSnapshot) {
    this.#snapshot = snapshot;
  }
  snapshot(): CallSnapshot {
    return this.#snapshot;
  }
  interrupt(): boolean {
    this.done.push('interrupt');
    return false;
  }
  live = true;
  canTransfer = true;
  say(text: string): boolean {
    this.done.push(`say ${text}`);
    return this.live;
  }
  takesDigits: (() => Promise<void>) | undefined = () => Promise.resolve();
  sendDigits(digits: string): Promise<void> | undefined {
    this.done.push(`digits ${digits}`);
    return this.takesDigits?.();
  }
  transfer({ to, callerId }: TransferTarget): Promise<TransferOutcome> | undefined {
    this.done.push(`transfer ${to} ${callerId}`);
    return this.outcome;
  }
  end(reason: string): void {
    this.done.push(`end ${reason}`);
  }
}

const status: StatusReply = {
  version: '1.2.3',
  model: { name: 'demo', demo: true },
  carriers: [
    {
      name: 'twilio',
      takesCalls: false,
      missingForCalls: ['PUBLIC_URL'],
      canDial: false,
      missing: ['TWILIO_ACCOUNT_SID'],
    },
  ],
  draining: false,
  liveCalls: 1,
  maxCalls: 500,
};

const apps: FastifyInstance[] = [];

function setUp(dialFails?: unknown, carrier = 'twilio') {
  const call = new FakeCall(
    snapshotOf('call-1', { turns: [turnOf(1, { cut: 'caller-spoke', ended: true })] }),
  );
  const dialled: unknown[] = [];
  const logged: unknown[] = [];
  const announced: unknown[] = [];
  const api: CallsApi = {
    access: new Access({ clock: new VirtualClock(), keys: ['the-key'] }),
    calls: {
      find: (id) => (id === 'call-1' || id === 'CA-call-1' ? call : undefined),
      snapshots: () => [call.snapshot()],
    },
    dialling: {
      dial: async (...given) => {
        dialled.push(given);
        if (dialFails !== undefined) throw dialFails;
        return { callId: 'call-2', carrierCallId: 'CA2', carrier };
      },
      transferTarget: (to, callerId) => {
        if (dialFails !== undefined) throw dialFails;
        return { to, ...(callerId === undefined ? {} : { callerId }) };
      },
    },
    announcing: { announce: (given) => announced.push(given) },
    log: { ...silentLogger, warn: (...line) => logged.push(line) },
    status: () => status,
  };
  const app = Fastify();
  apps.push(app);
  registerCallsApi(app, api);
  const ask = (method: 'GET' | 'POST', url: string, payload?: object | string, headers = {}) =>
    app.inject({
      method,
      url,
      headers: { host: 'localhost', ...headers },
      ...(payload === undefined ? {} : { payload }),
    });
  return { call, dialled, logged, announced, ask, app };
}

afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
});

describe('what is done to a live call', () => {
  it('has the agent say something, and says so when nobody listens', async () => {
    const { ask, call } = setUp();
    expect((await ask('POST', '/v1/calls/call-1/say', { text: ' One moment. ' })).statusCode).toBe(200);
    expect(call.done).toEqual(['say One moment.']);
    expect((await ask('POST', '/v1/calls/call-1/say', { text: ' ' })).statusCode).toBe(400);
    call.live = false;
    const late = await ask('POST', '/v1/calls/call-1/say', { text: 'Hello' });
    expect([late.statusCode, late.json().code]).toEqual([409, 'PATCHCORD_CALL_NOT_LIVE']);
    expect((await ask('POST', '/v1/calls/none/say', { text: 'Hello' })).statusCode).toBe(404);
  });

  it('presses keys, where the carrier can', async () => {
    const { ask, call } = setUp();
    expect((await ask('POST', '/v1/calls/call-1/digits', { digits: '12#A' })).statusCode).toBe(200);
    expect(call.done).toEqual(['digits 12#A']);
    expect((await ask('POST', '/v1/calls/call-1/digits', { digits: '12x' })).statusCode).toBe(400);
    call.takesDigits = undefined;
    const cannot = await ask('POST', '/v1/calls/call-1/digits', { digits: '1' });
    expect([cannot.statusCode, cannot.json().code]).toEqual([409, 'PATCHCORD_DIGITS_NOT_POSSIBLE']);
    call.takesDigits = () => Promise.reject(new PatchcordError('PATCHCORD_CARRIER_API'));
    expect((await ask('POST', '/v1/calls/call-1/digits', { digits: '1' })).statusCode).toBe(502);
  });

  it('announces a call that will come', async () => {
    const { ask, announced } = setUp();
    const body = {
      carrier: 'audiosocket',
      id: 'u-1',
      from: '100',
      variables: { tenant: 'a' },
      greeting: 'Hi',
    };
    expect((await ask('POST', '/v1/announcements', body)).statusCode).toBe(201);
    expect(announced).toEqual([body]);
    expect((await ask('POST', '/v1/announcements', { carrier: 'audiosocket' })).statusCode).toBe(400);
    const many = Object.fromEntries(Array.from({ length: 51 }, (_, at) => [`v${at}`, '']));
    expect((await ask('POST', '/v1/announcements', { ...body, variables: many })).statusCode).toBe(400);
  });
});

describe('live calls over REST', () => {
  it('says how the gateway stands', async () => {
    const reply = await setUp().ask('GET', '/v1/status');
    expect(reply.statusCode).toBe(200);
    expect(statusReply.parse(reply.json())).toEqual(status);
  });

  it('lists the calls, and finds one by our id and by the carrier’s', async () => {
    const { ask, call } = setUp();
    const all = await ask('GET', '/v1/calls');
    expect(callsReply.parse(all.json())).toEqual({ calls: [call.snapshot()] });
    for (const id of ['call-1', 'CA-call-1']) {
      const one = await ask('GET', `/v1/calls/${id}`);
      expect(callReply.parse(one.json())).toEqual({ call: call.snapshot() });
    }
  });

  it('hangs up and interrupts', async () => {
    const { ask, call } = setUp();
    const interrupted = await ask('POST', '/v1/calls/call-1/interrupt');
    expect([interrupted.statusCode, interrupted.json()]).toEqual([200, {}]);
    const ended = await ask('POST', '/v1/calls/call-1/hangup', {});
    expect([ended.statusCode, ended.json()]).toEqual([200, {}]);
    expect(call.done).toEqual(['interrupt', 'end operator']);
  });

  it('takes a POST with an empty JSON body, as browsers and curl send it', async () => {
    const { ask } = setUp();
    const reply = await ask('POST', '/v1/calls/call-1/hangup', '', { 'content-type': 'application/json' });
    expect(reply.statusCode).toBe(200);
  });

  it.each([
    ['GET', '/v1/calls/unknown'],
    ['POST', '/v1/calls/unknown/hangup'],
    ['POST', '/v1/calls/unknown/interrupt'],
  ] as const)('knows no other call: %s %s', async (method, url) => {
    const reply = await setUp().ask(method, url);
    expect(reply.statusCode).toBe(404);
    expect(errorReply.parse(reply.json()).code).toBe('PATCHCORD_CALL_NOT_FOUND');
  });
});

describe('POST /v1/calls/:id/transfer', () => {
  const url = '/v1/calls/call-1/transfer';

  it('gives the caller to another number', async () => {
    const { ask, call } = setUp();
    const reply = await ask('POST', url, { to: '+15551230100', callerId: '+15551230101' });
    expect(reply.statusCode).toBe(200);
    expect(transferReply.strict().parse(reply.json())).toEqual({ transferred: true });
    expect(call.done).toEqual(['transfer +15551230100 +15551230101']);
  });

  it('says why the carrier did not do it', async () => {
    const { ask, call } = setUp();
    call.outcome = Promise.resolve({ transferred: false, detail: 'the call has ended' });
    const reply = await ask('POST', url, { to: '+15551230100', callerId: '' });
    expect([reply.statusCode, reply.json()]).toEqual([
      200,
      { transferred: false, detail: 'the call has ended' },
    ]);
    expect(call.done).toEqual(['transfer +15551230100 undefined']);
  });

  it('answers 409 when the call is not live or its carrier has no transfer', async () => {
    const { ask, call } = setUp();
    call.outcome = undefined;
    const reply = await ask('POST', url, { to: '+15551230100' });
    expect(reply.statusCode).toBe(409);
    expect(errorReply.parse(reply.json()).code).toBe('PATCHCORD_TRANSFER_NOT_POSSIBLE');
  });

  it('says so before it names the setting that would allow the number', async () => {
    const { ask, call } = setUp(new PatchcordError('PATCHCORD_DIAL_NOT_ALLOWED'));
    call.canTransfer = false;
    const reply = await ask('POST', url, { to: '+15551230100' });
    expect([reply.statusCode, reply.json().code]).toEqual([409, 'PATCHCORD_TRANSFER_NOT_POSSIBLE']);
  });

  it('knows no other call and needs a number', async () => {
    const { ask, call } = setUp();
    expect((await ask('POST', '/v1/calls/unknown/transfer', { to: '+15551230100' })).statusCode).toBe(404);
    expect((await ask('POST', url, {})).statusCode).toBe(400);
    expect(call.done).toEqual([]);
  });

  it('asks the gate of dialling first', async () => {
    const { ask, call } = setUp(
      new PatchcordError('PATCHCORD_DIAL_NOT_ALLOWED', undefined, { setting: 'X' }),
    );
    const reply = await ask('POST', url, { to: '+15551230100' });
    expect([reply.statusCode, reply.json().setting]).toEqual([403, 'X']);
    expect(call.done).toEqual([]);
  });
});

describe('the API key', () => {
  const routes = [
    ['GET', '/v1/status'],
    ['GET', '/v1/calls'],
    ['GET', '/v1/calls/call-1'],
    ['POST', '/v1/calls'],
    ['POST', '/v1/calls/call-1/hangup'],
    ['POST', '/v1/calls/call-1/interrupt'],
    ['POST', '/v1/calls/call-1/transfer'],
    ['POST', '/make-call'],
  ] as const;

  it.each(routes)('is asked of every request that is not local: %s %s', async (method, url) => {
    const { ask, call, dialled } = setUp();
    const far = { host: 'gw.example.com' };
    const body = method === 'POST' ? { to: '+15551230100' } : undefined;
    const without = await ask(method, url, body, far);
    expect(without.statusCode).toBe(401);
    expect(without.headers['www-authenticate']).toBe('Bearer');
    expect(errorReply.parse(without.json()).code).toBe('PATCHCORD_UNAUTHORIZED');
    expect([...call.done, ...dialled]).toEqual([]);
    const withKey = await ask(method, url, body, { ...far, authorization: 'Bearer the-key' });
    expect(withKey.statusCode).toBeLessThan(300);
  });

  it('is asked of a page of another site that uses the browser of this machine', async () => {
    const { ask, dialled } = setUp();
    const form = {
      origin: 'https://evil.example.com',
      'content-type': 'application/x-www-form-urlencoded',
    };
    expect((await ask('POST', '/make-call', 'to=%2B15551230100', form)).statusCode).toBe(401);
    expect(dialled).toEqual([]);
  });

  it('can not be guessed by trying', async () => {
    const { ask } = setUp();
    const wrong = { host: 'gw.example.com', authorization: 'Bearer wrong' };
    for (let n = 0; n < 20; n++) await ask('GET', '/v1/calls', undefined, wrong);
    const reply = await ask('GET', '/v1/calls', undefined, wrong);
    expect([reply.statusCode, reply.headers['retry-after']]).toEqual([429, '60']);
  });
});

describe('POST /v1/calls', () => {
  it('dials, with what the body says about the agent', async () => {
    const { ask, dialled } = setUp();
    const body = { to: '+15551230100', carrier: 'twilio', instructions: 'Be kind.', voice: ' ', extra: 1 };
    const reply = await ask('POST', '/v1/calls', body);
    expect([reply.statusCode, reply.headers.location]).toEqual([201, '/v1/calls/call-2']);
    expect(dialReply.strict().parse(reply.json())).toEqual({ callId: 'call-2', carrierCallId: 'CA2' });
    expect(dialled).toEqual([['+15551230100', { instructions: 'Be kind.' }, 'twilio', undefined]]);
  });

  it.each([
    [{}, /^to: expected a number in E\.164, such as \+15551230100\.$/],
    [{ to: 15551230100 }, /^to: expected a number in E\.164/],
    [{ to: '  ' }, /^to: expected a number in E\.164/],
    [{ to: '+15551230100', greeting: 'x'.repeat(1001) }, /^greeting: expected at most 1000 characters$/],
    [{ to: '+15551230100', voice: {} }, /^voice: expected a text$/],
    ['[]', /^body: expected an object with fields$/],
    ['"+15551230100"', /^body: expected an object with fields$/],
    ['{', /^body: not valid JSON/],
  ])('refuses a body that is not right: %j', async (body, message) => {
    const { ask, dialled } = setUp();
    const reply = await ask('POST', '/v1/calls', body, { 'content-type': 'application/json' });
    expect(reply.statusCode).toBe(400);
    const error = errorReply.parse(reply.json());
    expect(error.code).toBe('PATCHCORD_REQUEST_INVALID');
    expect(error.error).toMatch(message);
    expect(dialled).toEqual([]);
  });

  it('refuses a body that is too large or of a type that it does not read', async () => {
    const { ask } = setUp();
    const large = await ask('POST', '/v1/calls', { to: '+15551230100', x: 'x'.repeat(300_000) });
    expect([large.statusCode, large.json().code]).toEqual([413, 'PATCHCORD_REQUEST_INVALID']);
    const xml = await ask('POST', '/v1/calls', '<to/>', { 'content-type': 'text/xml' });
    expect([xml.statusCode, xml.json().code]).toEqual([415, 'PATCHCORD_REQUEST_INVALID']);
  });

  it.each([
    ['PATCHCORD_DIAL_NOT_CONFIGURED', 403],
    ['PATCHCORD_DIAL_NOT_ALLOWED', 403],
    ['PATCHCORD_DIAL_LIMIT', 429],
    ['PATCHCORD_CALL_LIMIT', 503],
    ['PATCHCORD_DRAINING', 503],
    ['PATCHCORD_CARRIER_API', 502],
    ['PATCHCORD_DIAL_FAILED', 502],
  ] as const)('answers %s with %i and the setting that refused', async (code, expected) => {
    const { ask } = setUp(new PatchcordError(code, undefined, { setting: 'A_SETTING' }));
    const reply = await ask('POST', '/v1/calls', { to: '+15551230100' });
    expect(reply.statusCode).toBe(expected);
    expect(errorReply.parse(reply.json())).toMatchObject({ code, setting: 'A_SETTING' });
  });

  it("quotes the carrier's refusal to who asked, and keeps its words, which may name numbers, out of the log", async () => {
    for (const url of ['/v1/calls', '/make-call']) {
      const { ask, logged } = setUp(
        new PatchcordError(
          'PATCHCORD_DIAL_FAILED',
          'twilio: POST /Calls.json: 400 (21211)',
          { status: 400, carrierCode: '21211' },
          new Error('+15551230100 is not valid'),
        ),
      );
      const reply = await ask('POST', url, { to: '+15551230100' });
      expect(reply.body).toContain('400 (21211): +15551230100 is not valid');
      expect(logged).toHaveLength(1);
      expect(JSON.stringify(logged)).toContain('21211');
      expect(JSON.stringify(logged)).not.toContain('+1555');
    }
  });

  it('shows nothing of what broke inside', async () => {
    const reply = await setUp(new Error('secret inside')).ask('POST', '/v1/calls', { to: '+15551230100' });
    expect(reply.statusCode).toBe(500);
    expect(reply.body).not.toContain('secret');
    expect(errorReply.parse(reply.json()).code).toBe('PATCHCORD_INTERNAL');
  });
});

describe('POST /make-call', () => {
  it('says what is missing from a body that is not there, or empty', async () => {
    for (const body of [undefined, {}]) {
      const { ask, dialled } = setUp();
      const reply = await ask('POST', '/make-call', body);
      expect(reply.statusCode).toBe(400);
      expect(errorReply.parse(reply.json())).toEqual({
        error: 'to: expected a number in E.164, such as +15551230100.',
        code: 'PATCHCORD_REQUEST_INVALID',
      });
      expect(dialled).toEqual([]);
    }
  });

  it('answers as the replaced bridges do', async () => {
    const { ask, dialled } = setUp();
    const reply = await ask('POST', '/make-call', { to: '+15551230100', instructions: 'Be kind.' });
    expect(reply.statusCode).toBe(200);
    expect(makeCallReply.parse(reply.json())).toEqual({
      message: 'Call initiated',
      callSid: 'CA2',
      callId: 'call-2',
    });
    expect(dialled).toEqual([['+15551230100', { instructions: 'Be kind.' }]]);
  });

  it('names a call over Plivo by the name that clients of that bridge read, too', async () => {
    const reply = await setUp(undefined, 'plivo').ask('POST', '/make-call', { to: '+15551230100' });
    expect(makeCallReply.strict().parse(reply.json())).toMatchObject({ callSid: 'CA2', callUuid: 'CA2' });
  });

  it('takes a form too', async () => {
    const { ask, dialled } = setUp();
    const form = 'to=%2B15551230100&voice=cedar&greeting=Hello+there';
    const reply = await ask('POST', '/make-call', form, {
      'content-type': 'application/x-www-form-urlencoded',
    });
    expect(reply.statusCode).toBe(200);
    expect(dialled).toEqual([['+15551230100', { voice: 'cedar', greeting: 'Hello there' }]]);
  });

  it.each([
    [700, { turnSilenceMs: 700 }],
    ['700', { turnSilenceMs: 700 }],
    ['', {}],
  ])('takes silence (%j) for what ends a turn in this call', async (silence, overrides) => {
    const { ask, dialled } = setUp();
    expect((await ask('POST', '/make-call', { to: '+15551230100', silence })).statusCode).toBe(200);
    expect(dialled).toEqual([['+15551230100', overrides]]);
  });

  it.each([
    ['long'],
    [49],
    [10_001],
    [500.5],
    [true],
    [{}],
    [[]],
  ])('refuses silence %j, in words', async (silence) => {
    const { ask, dialled } = setUp();
    const reply = await ask('POST', '/make-call', { to: '+15551230100', silence });
    expect([reply.statusCode, reply.json()]).toEqual([
      400,
      {
        error: 'silence: expected a whole number of milliseconds from 50 to 10,000',
        code: 'PATCHCORD_REQUEST_INVALID',
      },
    ]);
    expect(dialled).toEqual([]);
  });

  it.each([
    'PATCHCORD_CARRIER_API',
    'PATCHCORD_DIAL_FAILED',
  ] as const)('answers 500 when the carrier fails: %s', async (code) => {
    const failure = new PatchcordError(code, 'twilio: 400', { status: 400, carrierCode: '21211', more: 1 });
    const reply = await setUp(failure).ask('POST', '/make-call', { to: '+15551230100' });
    expect(reply.statusCode).toBe(500);
    expect(errorReply.parse(reply.json())).toEqual({
      error: 'Failed to make call',
      code,
      details: { message: 'twilio: 400', status: 400, carrierCode: '21211' },
    });
  });

  it.each([
    ['PATCHCORD_REQUEST_INVALID', 400],
    ['PATCHCORD_DIAL_NOT_ALLOWED', 403],
    ['PATCHCORD_DIAL_LIMIT', 429],
    ['PATCHCORD_DRAINING', 503],
  ] as const)('tells a refusal of ours apart: %s is %i', async (code, expected) => {
    const reply = await setUp(new PatchcordError(code)).ask('POST', '/make-call', { to: '+1' });
    expect([reply.statusCode, reply.json().code]).toEqual([expected, code]);
  });
});

describe('beside other routes', () => {
  it('leaves their bodies to them', async () => {
    const { app } = setUp();
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    app.post('/webhook', (request) => ({ raw: Buffer.isBuffer(request.body) }));
    const reply = await app.inject({
      method: 'POST',
      url: '/webhook',
      payload: 'a=b',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(reply.json()).toEqual({ raw: true });
  });
});
