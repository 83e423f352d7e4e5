import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  drained,
  mediaMessage,
  type ServedTwilio,
  serveTwilio,
  startMessage,
  tokenIn,
} from '../../../test/support/twilio-host.ts';
import { AudioChunk } from '../../audio/chunk.ts';
import { socketAttacks } from '../testing/attacks.ts';
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

  it('makes one call when Twilio repeats it, with a fresh token', async () => {
    const [first, second] = [await token(), await token()];
    expect(host.calls).toHaveLength(1);
    expect(host.calls[0]?.log).toEqual(['answered']);
    expect(second).not.toBe(first);
    const stream = await served.stream();
    stream.send(startMessage(second));
    stream.send(mediaMessage(20));
    stream.send({ event: 'stop' });
    await host.calls[0]?.ended;
    expect(host.calls[0]?.log).toEqual(['answered', 'connected', 'audio', 'ended hung-up']);
  });

  it('takes an outbound call that somebody else dialled', async () => {
    await served.post('/outbound-call', { ...ring, Direction: 'outbound-api' });
    expect(host.calls[0]?.leg.party.direction).toBe('outbound');
  });

  it('hangs up on an outbound call that is not waited for any more', async () => {
    const { text } = await served.post('/outbound-call?dial=gone', { ...ring, Direction: 'outbound-api' });
    expect(text).toContain('<Response><Hangup/></Response>');
    expect(host.calls).toHaveLength(0);
  });

  it('hangs up when the call gives up at the first ring', async () => {
    host.onAnswered = (leg) => void leg.hangUp('model-failed', emptyRecord).catch(() => expect.unreachable());
    const { text } = await served.post('/incoming-call', ring);
    expect(text).toContain('<Response><Hangup/></Response>');
  });

  it('says so politely when no call can be taken', async () => {
    host.full = drained;
    const { status, text } = await served.post('/incoming-call', ring);
    expect(status).toBe(200);
    expect(text).toMatch(/<Response><Say>.*Goodbye\.<\/Say><Hangup\/><\/Response>/);
    expect(host.codes).toEqual(['PATCHCORD_DRAINING']);
    host.full = undefined;
    expect(await token()).not.toBe('');
  });

  it('makes no call of a finished one', async () => {
    await served.post('/incoming-call', { ...ring, CallStatus: 'completed' });
    expect(host.calls).toHaveLength(0);
  });

  it.each([
    '/incoming-call',
    '/inbound-call',
    '/outbound-call',
    '/twilio-status-callback',
    '/status-callback',
  ])('is refused with 403 at %s without a signature, and the log shows the computed address', async (path) => {
    const { status, text } = await served.post(`${path}?a=1`, ring, false);
    expect({ status, text }).toEqual({ status: 403, text: 'PATCHCORD_SIGNATURE_INVALID' });
    expect(host.refusals).toEqual([
      {
        code: 'PATCHCORD_SIGNATURE_INVALID',
        fields: { status: 403, computedUrl: `https://gw.example.com${path}?a=1` },
      },
    ]);
    expect(host.calls).toHaveLength(0);
  });

  it('is refused with 403, naming the setting, when there is no public address', async () => {
    host.publicUrl = undefined;
    expect((await served.post('/incoming-call', ring)).status).toBe(403);
    expect(host.refusals[0]?.fields.setting).toBe('PUBLIC_URL');
    host.unsigned = true;
    expect((await served.post('/incoming-call', ring)).status).toBe(503);
    expect(host.refusals[1]?.fields.setting).toBe('PUBLIC_URL');
  });

  it('needs a call id', async () => {
    expect((await served.post('/incoming-call', { From: '+1' })).status).toBe(400);
    expect(host.codes).toEqual(['PATCHCORD_REQUEST_INVALID']);
  });

  it('is taken unsigned where that is allowed', async () => {
    host.unsigned = true;
    expect((await served.post('/incoming-call', ring, false)).text).toContain('<Connect>');
  });
});

describe('a status callback', () => {
  it.each([
    ['busy', 'busy'],
    ['no-answer', 'no-answer'],
    ['failed', 'failed'],
    ['canceled', 'hung-up'],
    ['completed', 'hung-up'],
  ])('%s ends the call as %s', async (CallStatus, reason) => {
    const given = await token();
    const { status } = await served.post('/twilio-status-callback', { ...ring, CallStatus });
    expect(status).toBe(200);
    expect(host.calls[0]?.ends).toEqual([{ reason }]);
    const stream = await served.stream();
    stream.send(startMessage(given));
    expect(await stream.closed).toBe(1008);
  });

  it.each(['/twilio-status-callback', '/status-callback'])('may come by GET: %s', async (path) => {
    await token();
    const { CallSid, AccountSid } = ring;
    const query = new URLSearchParams({ CallSid, AccountSid, CallStatus: 'busy' });
    expect((await served.get(`${path}?${query}`)).status).toBe(200);
    expect(host.calls[0]?.ends).toEqual([{ reason: 'busy' }]);
  });

  it('closes the media of a live call that is over', async () => {
    const stream = await served.stream();
    stream.send(startMessage(await token()));
    stream.send(mediaMessage(20));
    await host.calls[0]?.audioOf(1);
    await served.post('/status-callback', { ...ring, CallStatus: 'completed' });
    expect(await stream.closed).toBe(1000);
    expect(host.calls[0]?.log.filter((line) => line.startsWith('ended'))).toEqual(['ended hung-up']);
  });

  it('changes nothing while the call goes on, or when the call is unknown', async () => {
    await token();
    for (const CallStatus of ['initiated', 'ringing', 'in-progress', 'constructor']) {
      expect((await served.post('/status-callback', { ...ring, CallStatus })).status).toBe(200);
    }
    await served.post('/status-callback', { ...ring, CallSid: 'CA9', CallStatus: 'completed' });
    expect(host.calls[0]?.log).toEqual(['answered']);
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

  it('needs its token, once, for its own call and account', async () => {
    const given = await token();
    const attempts: [string, object, string][] = [
      ['none', startMessage(undefined), 'PATCHCORD_STREAM_TOKEN_INVALID'],
      ['unknown', startMessage('x'.repeat(32)), 'PATCHCORD_STREAM_TOKEN_INVALID'],
    ];
    for (const [name, start, code] of attempts) {
      const stream = await served.stream();
      stream.send(start);
      expect(await stream.closed, name).toBe(1008);
      expect(host.codes.at(-1), name).toBe(code);
    }
    const stream = await served.stream();
    stream.send(startMessage(given));
    stream.send(mediaMessage(20));
    await host.calls[0]?.audioOf(1);
    const replay = await served.stream();
    replay.send(startMessage(given));
    expect(await replay.closed).toBe(1008);
    expect(host.codes.at(-1)).toBe('PATCHCORD_STREAM_TOKEN_INVALID');
    const second = await served.stream();
    second.send(startMessage(await token()));
    expect(await second.closed).toBe(1008);
    expect(host.codes.at(-1)).toBe('PATCHCORD_MESSAGE_ORDER');
    stream.send(mediaMessage(40));
    await host.calls[0]?.audioOf(2);
  });

  it.each([
    ['call', { callSid: 'CA2' }],
    ['account', { accountSid: 'AC2' }],
  ])('ends the call at once when its token came with another %s, as no other stream will come', async (_, changes) => {
    const stream = await served.stream();
    stream.send(startMessage(await token(), changes));
    expect(await stream.closed).toBe(1008);
    expect(host.codes).toEqual(['PATCHCORD_CALL_MISMATCH']);
    expect(host.calls[0]?.ends).toMatchObject([
      { reason: 'protocol-error', error: { code: 'PATCHCORD_CALL_MISMATCH' } },
    ]);
  });

  it('is closed with 1003 for another audio format, and the call ends', async () => {
    const stream = await served.stream();
    stream.send(
      startMessage(await token(), {
        mediaFormat: { encoding: 'audio/x-l16', sampleRate: 16000, channels: 1 },
      }),
    );
    expect(await stream.closed).toBe(1003);
    expect(host.codes).toEqual(['PATCHCORD_AUDIO_FORMAT']);
    expect(host.refusals[0]?.fields).toMatchObject({
      carrierCallId: host.calls[0]?.leg.carrierCallId,
      encoding: 'audio/x-l16',
      closeCode: 1003,
    });
    expect(host.calls[0]?.ends[0]?.error?.code).toBe('PATCHCORD_AUDIO_FORMAT');
  });

  it.each(['media', 'mark', 'dtmf', 'stop'])('is closed with 1008 for %s before start', async (event) => {
    const bodies = { media: { payload: 'AAAA' }, mark: { name: 'm' }, dtmf: { digit: '1' } };
    const stream = await served.stream();
    stream.send({ event, ...bodies });
    expect(await stream.closed).toBe(1008);
    expect(host.codes).toEqual(['PATCHCORD_MESSAGE_ORDER']);
  });

  it.each(
    socketAttacks(startMessage('x')),
  )('is closed for %s, and another call goes on', async (_what, attack, closeCode, code) => {
    const other = await served.stream();
    other.send(startMessage(await token('CA2'), { callSid: 'CA2' }));
    const stream = await served.stream();
    stream.send(startMessage(await token()));
    attack(stream.socket);
    expect(await stream.closed).toBe(closeCode);
    expect(host.codes.at(-1)).toBe(code);
    const attacked = host.calls.find(({ leg }) => leg.carrierCallId === 'CA1');
    expect((await attacked?.ended)?.error?.code).toBe(code);
    other.send(mediaMessage(20));
    await host.calls[0]?.audioOf(1);
    expect(host.calls[0]?.ends).toEqual([]);
  });
});
