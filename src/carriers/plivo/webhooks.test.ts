import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  callUuid,
  liveStream,
  mediaMessage,
  ring,
  type ServedPlivo,
  servePlivo,
  startMessage,
  streamId,
  testSettings,
  tokenIn,
} from '../../../test/support/plivo-host.ts';
import { PatchcordError } from '../../base/errors.ts';
import { emptyRecord, TestHost } from '../testing/test-host.ts';
import { plivoCarrier } from './carrier.ts';

const otherUuid = '99999999-2222-4333-8444-555555555555';

let host: TestHost;
let served: ServedPlivo;

beforeEach(async () => {
  host = new TestHost();
  served = await servePlivo(host);
});

afterEach(async () => {
  await served.close();
});

describe('the answer webhook', () => {
  it('connects the call to a media stream at the public address and hangs up after it', async () => {
    const { status, type, text } = await served.post('/incoming-call', ring);
    expect(status).toBe(200);
    expect(type).toContain('text/xml');
    const given = tokenIn(text);
    expect(given).toMatch(/^[0-9a-f]{48}$/);
    expect(text.replaceAll(given, 'TOKEN')).toBe(
      '<?xml version="1.0" encoding="UTF-8"?><Response><Stream bidirectional="true" keepCallAlive="true" ' +
        'audioTrack="inbound" contentType="audio/x-mulaw;rate=8000" ' +
        'statusCallbackUrl="https://gw.example.com/callbacks" statusCallbackMethod="POST" ' +
        'extraHeaders="token=TOKEN">wss://gw.example.com/media-stream?token=TOKEN</Stream><Hangup/></Response>',
    );
  });

  it('lets the call begin while the phone still rings, and writes its numbers as E.164', async () => {
    const more = { CallerName: 'ACME', ForwardedFrom: '15550004444', 'X-PH-Order': '7', BillRate: '0.1' };
    await served.post('/inbound-call?tenant=acme', { ...ring, ...more });
    expect(host.calls[0]?.log).toEqual(['answered']);
    expect(host.calls[0]?.leg).toMatchObject({
      carrier: 'plivo',
      carrierCallId: callUuid,
      party: {
        from: '+15550001111',
        to: '+15550002222',
        direction: 'inbound',
        variables: { CallerName: 'ACME', ForwardedFrom: '15550004444', 'X-PH-Order': '7', tenant: 'acme' },
      },
    });
  });

  it.each([
    ['15550001111', '+15550001111'],
    ['+15550001111', '+15550001111'],
    ['1234567', '+1234567'],
    ['123456', '123456'],
    ['1234567890123456', '1234567890123456'],
    ['0612345678', '0612345678'],
    ['sip:desk@phone.plivo.com', 'sip:desk@phone.plivo.com'],
    ['anonymous', 'anonymous'],
  ])('takes a caller %s for %s', async (From, from) => {
    await served.post('/incoming-call', { ...ring, From });
    expect(host.calls[0]?.leg.party.from).toBe(from);
  });

  it('may be called by GET', async () => {
    const target = `/incoming-call?CallUUID=${callUuid}&From=15550001111&To=15550002222&tenant=a`;
    const { text } = await served.get(target);
    expect(tokenIn(text)).not.toBe('');
    expect(host.calls[0]?.leg.party).toMatchObject({ from: '+15550001111', variables: { tenant: 'a' } });
  });

  it('makes one call when Plivo repeats it, with a fresh token', async () => {
    const [first, second] = [await served.token(), await served.token()];
    expect(host.calls).toHaveLength(1);
    expect(host.calls[0]?.log).toEqual(['answered']);
    expect(second).not.toBe(first);
    const stream = await served.stream();
    stream.send(startMessage(second));
    stream.send(mediaMessage(20));
    stream.socket.close(1000);
    await host.calls[0]?.ended;
    expect(host.calls[0]?.log).toEqual(['answered', 'connected', 'audio', 'ended hung-up']);
  });

  it('takes an outbound call that somebody else dialled', async () => {
    await served.post('/outbound-call', { ...ring, Direction: 'outbound', CallStatus: 'in-progress' });
    expect(host.calls[0]?.leg.party.direction).toBe('outbound');
  });

  it('hangs up on an outbound call that is not waited for any more', async () => {
    const { text } = await served.post('/outbound-call?dial=gone', { ...ring, Direction: 'outbound' });
    expect(text).toContain('<Response><Hangup/></Response>');
    expect(host.calls).toHaveLength(0);
  });

  it('hangs up when the call gives up at the first ring', async () => {
    host.onAnswered = (leg) => void leg.hangUp('model-failed', emptyRecord).catch(() => expect.unreachable());
    const { text } = await served.post('/incoming-call', ring);
    expect(text).toContain('<Response><Hangup/></Response>');
  });

  it('says so politely when no call can be taken', async () => {
    host.full = new PatchcordError('PATCHCORD_DRAINING');
    const { status, text } = await served.post('/incoming-call', ring);
    expect(status).toBe(200);
    expect(text).toMatch(/<Response><Speak>.*Goodbye\.<\/Speak><Hangup\/><\/Response>/);
    expect(host.codes).toEqual(['PATCHCORD_DRAINING']);
    host.full = undefined;
    expect(await served.token()).not.toBe('');
  });

  it.each([
    { CallStatus: 'completed' },
    { CallStatus: 'busy' },
    { CallStatus: '', Event: 'Hangup' },
  ])('makes no call of a finished one: %o', async (over) => {
    const { text } = await served.post('/incoming-call', { ...ring, ...over });
    expect(text).toContain('<Response/>');
    expect(host.calls).toHaveLength(0);
  });

  it.each([
    '/incoming-call',
    '/inbound-call',
    '/outbound-call',
    '/twilio-status-callback',
    '/status-callback',
    '/callbacks',
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

  it.each([
    ['/incoming-call', {}],
    ['/incoming-call', { CallUUID: '../..' }],
    ['/incoming-call', { RequestUUID: callUuid }],
    ['/callbacks', { From: '1' }],
    ['/callbacks', { CallUUID: '' }],
  ])('needs an id of the call: %s %o', async (path, form) => {
    expect((await served.post(path, { Event: 'x', ...form })).status).toBe(400);
    expect(host.codes).toEqual(['PATCHCORD_REQUEST_INVALID']);
  });

  it('is taken unsigned where that is allowed', async () => {
    host.unsigned = true;
    expect((await served.post('/incoming-call', ring, false)).text).toContain('<Stream ');
  });

  it('is not started with a format that Plivo does not have', () => {
    expect(() => plivoCarrier({ ...testSettings, contentType: 'audio/opus' }, host)).toThrow('audio/opus');
  });
});

describe('a report', () => {
  it.each([
    ['busy', 'busy'],
    ['no-answer', 'no-answer'],
    ['timeout', 'no-answer'],
    ['failed', 'failed'],
    ['cancel', 'hung-up'],
    ['completed', 'hung-up'],
  ])('%s ends the call as %s', async (CallStatus, reason) => {
    const given = await served.token();
    const { status } = await served.post('/callbacks', { ...ring, Event: 'Hangup', CallStatus });
    expect(status).toBe(200);
    expect(host.calls[0]?.ends).toEqual([{ reason }]);
    const stream = await served.stream();
    stream.send(startMessage(given));
    expect(await stream.closed).toBe(1008);
  });

  it.each([
    '/twilio-status-callback',
    '/status-callback',
    '/callbacks',
  ])('may come by GET: %s', async (path) => {
    await served.token();
    expect((await served.get(`${path}?CallStatus=busy&CallUUID=${callUuid}`)).status).toBe(200);
    expect(host.calls[0]?.ends).toEqual([{ reason: 'busy' }]);
  });

  it('closes the media of a live call that is over', async () => {
    const stream = await liveStream(served, host);
    await served.post('/status-callback', { ...ring, CallStatus: 'completed' });
    expect(await stream.closed).toBe(1000);
    expect(host.calls[0]?.log.filter((line) => line.startsWith('ended'))).toEqual(['ended hung-up']);
  });

  it('changes nothing while the call goes on, or when the call is unknown', async () => {
    await served.token();
    for (const CallStatus of ['ringing', 'in-progress', 'constructor']) {
      expect((await served.post('/callbacks', { ...ring, CallStatus })).status).toBe(200);
    }
    await served.post('/callbacks', { ...ring, CallUUID: otherUuid, CallStatus: 'completed' });
    expect(host.calls[0]?.log).toEqual(['answered']);
  });

  it.each([
    ['StopStream', 'hung-up'],
    ['stopped', 'hung-up'],
    ['DroppedStream', 'connection-lost'],
    ['failed', 'connection-lost'],
  ])('%s of the media stream ends the call as %s', async (Event, reason) => {
    const stream = await liveStream(served, host);
    const told = { CallUUID: callUuid, StreamID: streamId, Event };
    await served.post('/callbacks', { ...told, StreamID: 'another' });
    await served.post('/callbacks', { ...told, Event: 'StartStream' });
    await served.post('/callbacks', { ...told, Event: 'DegradedStream' });
    expect(host.calls[0]?.ends).toEqual([]);
    await served.post('/callbacks', told);
    expect(host.calls[0]?.ends).toEqual([{ reason }]);
    expect(await stream.closed).toBe(1000);
  });

  it('of a stream may name the stream alone', async () => {
    await liveStream(served, host);
    await served.post('/callbacks', { Event: 'StopStream', StreamID: 'another', From: '1', To: '2' });
    expect(host.calls[0]?.ends).toEqual([]);
    await served.post('/callbacks', { Event: 'StopStream', StreamID: streamId, From: '1', To: '2' });
    expect(host.calls[0]?.ends).toEqual([{ reason: 'hung-up' }]);
  });

  it('of a stream may name the call alone', async () => {
    await liveStream(served, host);
    await served.post('/callbacks', { Event: 'DroppedStream', CallUUID: callUuid });
    expect(host.calls[0]?.ends).toEqual([{ reason: 'connection-lost' }]);
  });

  it('of a stream that never came ends nothing, as Plivo tries again', async () => {
    const given = await served.token();
    await served.post('/callbacks', { CallUUID: callUuid, StreamID: 'first', Event: 'DroppedStream' });
    await served.post('/callbacks', { CallUUID: callUuid, Event: 'failed' });
    const stream = await served.stream();
    stream.send(startMessage(given));
    stream.send(mediaMessage(20));
    await host.calls[0]?.audioOf(1);
    expect(host.calls[0]?.ends).toEqual([]);
  });
});
