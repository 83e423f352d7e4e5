import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attackCases } from '../../../test/support/attack-cases.ts';
import { formWebhookCases } from '../../../test/support/form-webhook-cases.ts';
import {
  mediaMessage,
  type ServedTwilio,
  serveTwilio,
  startMessage,
  tokenIn,
} from '../../../test/support/twilio-host.ts';
import { AudioChunk } from '../../audio/chunk.ts';
import { emptyRecord, TestHost } from '../testing/test-host.ts';

const ring = {
  CallSid: 'CA1',
  AccountSid: 'AC1',
  CallStatus: 'ringing',
  Direction: 'inbound',
  From: '+15550001111',
  To: '+15550002222',
};

let host: TestHost;
let served: ServedTwilio;

beforeEach(async () => {
  host = new TestHost();
  served = await serveTwilio(host);
});

afterEach(async () => {
  await served.close();
});

/** Rings and gives the token for the media stream. */
async function token(callSid = 'CA1'): Promise<string> {
  return tokenIn((await served.post('/incoming-call', { ...ring, CallSid: callSid })).text);
}

formWebhookCases({
  serve: serveTwilio,
  ring,
  idName: 'CallSid',
  otherId: 'CA9',
  outbound: { Direction: 'outbound-api' },
  over: [{ CallStatus: 'completed' }],
  nameless: [['/incoming-call', { From: '+1' }]],
  reportPaths: ['/twilio-status-callback', '/status-callback'],
  report: ['/twilio-status-callback', {}],
  ends: [
    ['busy', 'busy'],
    ['no-answer', 'no-answer'],
    ['failed', 'failed'],
    ['canceled', 'hung-up'],
    ['completed', 'hung-up'],
  ],
  goesOn: ['initiated', 'ringing', 'in-progress'],
  connects: '<Connect>',
  speaks: 'Say',
  tokenIn,
  wrongTokens: [undefined, 'x'.repeat(32)],
  startMessage,
  mediaMessage,
  mismatches: [
    ['call', { callSid: 'CA2' }],
    ['account', { accountSid: 'AC2' }],
  ],
  otherFormat: { encoding: 'audio/x-l16', sampleRate: 16_000 },
  endStream: (stream) => stream.send({ event: 'stop' }),
});

attackCases({
  host: () => host,
  callIds: ['CA1', 'CA2'],
  begin: async (callSid) => {
    const stream = await served.stream();
    stream.send(startMessage(await token(callSid), { callSid }));
    return stream;
  },
  start: startMessage('x'),
  media: mediaMessage(20),
});

describe('the voice webhook', () => {
  it('connects the call to a media stream at the public address and hangs up after it', async () => {
    const { status, type, text } = await served.post('/incoming-call', ring);
    expect(status).toBe(200);
    expect(type).toContain('text/xml');
    expect(text.replace(tokenIn(text), 'TOKEN')).toBe(
      '<?xml version="1.0" encoding="UTF-8"?><Response><Connect><Stream url="wss://gw.example.com/media-stream">' +
        '<Parameter name="token" value="TOKEN"/></Stream></Connect><Hangup/></Response>',
    );
    expect(tokenIn(text)).toMatch(/^[\w-]{32}$/);
  });

  it('lets the call begin while the phone still rings', async () => {
    await served.post('/inbound-call?tenant=acme', { ...ring, CallerName: 'ACME' });
    expect(host.calls[0]?.log).toEqual(['answered']);
    expect(host.calls[0]?.leg).toMatchObject({
      carrier: 'twilio',
      carrierCallId: 'CA1',
      party: {
        from: '+15550001111',
        to: '+15550002222',
        direction: 'inbound',
        variables: { CallerName: 'ACME', tenant: 'acme' },
      },
    });
  });

  it('may be called by GET', async () => {
    const { text } = await served.get('/incoming-call?CallSid=CA1&From=%2B15550001111&To=%2B15550002222');
    expect(tokenIn(text)).not.toBe('');
    expect(host.calls[0]?.leg.party).toMatchObject({ from: '+15550001111', variables: {} });
  });
});

describe('the media stream', () => {
  it('carries a call both ways', async () => {
    const stream = await served.stream();
    stream.send({ event: 'connected', protocol: 'Call', version: '1.0.0' });
    stream.send(startMessage(await token()));
    stream.send(mediaMessage(20));
    await host.calls[0]?.audioOf(1);
    const leg = host.calls[0]?.leg;
    leg?.play(AudioChunk.fromBytes(Buffer.from([0x7f, 0x7f, 0x80, 0x01])));
    leg?.mark('m1');
    leg?.clear();
    await stream.messages(3);
    expect(stream.received).toEqual([
      '{"event":"media","streamSid":"MZ1","media":{"payload":"f3+AAQ=="}}',
      '{"event":"mark","streamSid":"MZ1","mark":{"name":"m1"}}',
      '{"event":"clear","streamSid":"MZ1"}',
    ]);
    await leg?.hangUp('agent', emptyRecord);
    expect(await stream.closed).toBe(1000);
    expect(host.calls[0]?.log).toEqual(['answered', 'connected', 'audio', 'ended hung-up']);
  });

  it.each([
    '',
    'XbuEIyqfcj7N6LuncPZwBi5k3OI=',
  ])('is refused with 401 when its signature is "%s"', async (signature) => {
    await expect(served.stream(signature)).rejects.toThrow('401');
    expect(host.refusals).toEqual([
      {
        code: 'PATCHCORD_SIGNATURE_INVALID',
        fields: { status: 401, computedUrl: 'wss://gw.example.com/media-stream' },
      },
    ]);
  });

  it.each([
    ['no id of the stream', { streamSid: undefined }, {}],
    ['no id of the call', {}, { callSid: undefined }],
  ])('is closed with 1007 for a start with %s, and the call of its token ends at once', async (_, outer, inner) => {
    const message = startMessage(await token()) as { start: object };
    const stream = await served.stream();
    stream.send({ ...message, ...outer, start: { ...message.start, ...outer, ...inner } });
    expect(await stream.closed).toBe(1007);
    expect(host.calls[0]?.ends).toMatchObject([
      { reason: 'protocol-error', error: { code: 'PATCHCORD_MESSAGE_MALFORMED' } },
    ]);
    expect(host.codes).toEqual(['PATCHCORD_MESSAGE_MALFORMED']);
  });

  it('is closed with 1007 for a start without ids that has no token of a call, which waits on', async () => {
    await token();
    for (const customParameters of [{}, { token: 'x'.repeat(32) }, { token: 7 }, 'token']) {
      const stream = await served.stream();
      stream.send({ event: 'start', start: { customParameters } });
      expect(await stream.closed).toBe(1007);
    }
    expect(host.calls[0]?.ends).toEqual([]);
  });
});
