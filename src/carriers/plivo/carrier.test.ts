import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attackCases } from '../../../test/support/attack-cases.ts';
import {
  callUuid,
  liveStream,
  mediaMessage,
  type ServedPlivo,
  servePlivo,
  signed,
  startMessage,
  streamId,
} from '../../../test/support/plivo-host.ts';
import { AudioChunk } from '../../audio/chunk.ts';
import { emptyRecord, TestHost } from '../testing/test-host.ts';

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

attackCases({
  host: () => host,
  callIds: [callUuid, otherUuid],
  begin: async (callId) => {
    const stream = await served.stream();
    stream.send(startMessage(await served.token(callId), { callId }));
    return stream;
  },
  start: startMessage('x'),
  media: mediaMessage(20),
});

describe('the media stream', () => {
  it('carries a call both ways', async () => {
    const stream = await liveStream(served, host);
    const leg = host.calls[0]?.leg;
    leg?.play(AudioChunk.fromBytes(Buffer.from([0x7f, 0x7f, 0x80, 0x01])));
    leg?.mark('m1');
    leg?.clear();
    await leg?.sendDigits?.('12#');
    await stream.messages(4);
    expect(stream.received).toEqual([
      `{"event":"playAudio","streamId":"${streamId}","media":{"contentType":"audio/x-mulaw","sampleRate":8000,"payload":"f3+AAQ=="}}`,
      `{"event":"checkpoint","streamId":"${streamId}","name":"m1"}`,
      `{"event":"clearAudio","streamId":"${streamId}"}`,
      '{"event":"sendDTMF","dtmf":"12#"}',
    ]);
    await leg?.hangUp('agent', emptyRecord);
    expect(await stream.closed).toBe(1000);
    expect(host.calls[0]?.log).toEqual(['answered', 'connected', 'audio', 'ended hung-up']);
  });

  it('is refused with 401 when its signature is missing or wrong, and the log shows no token', async () => {
    const given = await served.token();
    const target = `/media-stream?token=${given}`;
    const wrong = [{}, { 'x-plivo-signature-v3': 'x' }, signed('http://other.example.com/media-stream')];
    for (const headers of wrong) {
      await expect(served.stream(target, headers)).rejects.toThrow('401');
    }
    const fields = { status: 401, computedUrl: 'wss://gw.example.com/media-stream?token=*' };
    expect(host.refusals).toEqual(wrong.map(() => ({ code: 'PATCHCORD_SIGNATURE_INVALID', fields })));
    // The token is still good for the call's own stream.
    const stream = await served.stream(target);
    stream.send(startMessage(given));
    stream.send(mediaMessage(20));
    await host.calls[0]?.audioOf(1);
  });

  it('is none of ours without Plivo headers and without a token', async () => {
    await expect(served.stream('/media-stream', {})).rejects.toThrow('404');
    expect(host.refusals).toEqual([]);
  });

  it('needs no signature where that is allowed, but its token', async () => {
    host.unsigned = true;
    const given = await served.token();
    const stream = await served.stream(`/media-stream?token=${given}`, {});
    stream.send(startMessage(undefined));
    stream.send(mediaMessage(20));
    await host.calls[0]?.audioOf(1);
    const other = await served.stream('/media-stream?token=x', {});
    other.send(startMessage(undefined));
    expect(await other.closed).toBe(1008);
    expect(host.codes).toEqual(['PATCHCORD_STREAM_TOKEN_INVALID']);
  });

  it.each([
    ['extra headers alone', '/media-stream', (given: string) => startMessage(given)],
    ['the address alone', undefined, () => startMessage(undefined)],
    [
      'the address, where the extra headers cannot be read',
      undefined,
      (given: string) => startMessage(given, { extra_headers: `<token>${given}</token>` }),
    ],
    [
      'extra headers in JSON',
      '/media-stream?token=other',
      (given: string) => startMessage(given, { extra_headers: JSON.stringify({ token: given }) }),
    ],
  ])('may bring its token in %s', async (_where, target, begin) => {
    const given = await served.token();
    const stream = await served.stream(target ?? `/media-stream?token=${given}`);
    stream.send(begin(given));
    stream.send(mediaMessage(20));
    await host.calls[0]?.audioOf(1);
    expect(host.codes).toEqual([]);
  });

  it('does not take a spent token from the address either', async () => {
    const given = await served.token();
    const begin = async () => {
      const stream = await served.stream(`/media-stream?token=${given}`);
      stream.send(startMessage(given));
      return stream;
    };
    await begin();
    expect(await (await begin()).closed).toBe(1008);
    expect(host.codes).toEqual(['PATCHCORD_STREAM_TOKEN_INVALID']);
    expect(host.calls[0]?.ends).toEqual([]);
  });
});
