import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formWebhookCases } from '../../../test/support/form-webhook-cases.ts';
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
import { TestHost } from '../testing/test-host.ts';
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

formWebhookCases({
  serve: servePlivo,
  ring,
  idName: 'CallUUID',
  otherId: otherUuid,
  outbound: { Direction: 'outbound', CallStatus: 'in-progress' },
  over: [{ CallStatus: 'completed' }, { CallStatus: 'busy' }, { CallStatus: '', Event: 'Hangup' }],
  nameless: [
    ['/incoming-call', { Event: 'x' }],
    ['/incoming-call', { Event: 'x', CallUUID: '../..' }],
    ['/incoming-call', { Event: 'x', RequestUUID: callUuid }],
    ['/callbacks', { Event: 'x', From: '1' }],
    ['/callbacks', { Event: 'x', CallUUID: '' }],
  ],
  reportPaths: ['/twilio-status-callback', '/status-callback', '/callbacks'],
  report: ['/callbacks', { Event: 'Hangup' }],
  ends: [
    ['busy', 'busy'],
    ['no-answer', 'no-answer'],
    ['timeout', 'no-answer'],
    ['failed', 'failed'],
    ['cancel', 'hung-up'],
    ['completed', 'hung-up'],
  ],
  goesOn: ['ringing', 'in-progress'],
  connects: '<Stream ',
  speaks: 'Speak',
  tokenIn,
  wrongTokens: [undefined, 'x'.repeat(48), '0'.repeat(48), 'AAAA'],
  startMessage,
  mediaMessage,
  mismatches: [['call', { callId: otherUuid }]],
  otherFormat: { encoding: 'audio/x-l16', sampleRate: 44_100 },
  endStream: (stream) => stream.socket.close(1000),
});

describe('the answer webhook of Plivo', () => {
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

  it('is not started with a format that Plivo does not have', () => {
    expect(() => plivoCarrier({ ...testSettings, contentType: 'audio/opus' }, host)).toThrow('audio/opus');
  });
});

describe('a report of Plivo', () => {
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
