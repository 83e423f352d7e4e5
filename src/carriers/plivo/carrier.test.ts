import { afterEach, beforeEach, describe, expect, it } from 'vitest';
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
import { socketAttacks } from '../testing/attacks.ts';
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

  it('needs its token, once, for its own call', async () => {
    const given = await served.token();
    for (const wrong of [undefined, 'x'.repeat(48), '0'.repeat(48), 'AAAA']) {
      const stream = await served.stream();
      stream.send(startMessage(wrong));
      expect(await stream.closed).toBe(1008);
      expect(host.codes.at(-1)).toBe('PATCHCORD_STREAM_TOKEN_INVALID');
    }
    const stream = await served.stream();
    stream.send(startMessage(given));
    stream.send(mediaMessage(20));
    await host.calls[0]?.audioOf(1);
    const replay = await served.stream(`/media-stream?token=${given}`);
    replay.send(startMessage(given));
    expect(await replay.closed).toBe(1008);
    expect(host.codes.at(-1)).toBe('PATCHCORD_STREAM_TOKEN_INVALID');
    const second = await served.stream();
    second.send(startMessage(await served.token()));
    expect(await second.closed).toBe(1008);
    expect(host.codes.at(-1)).toBe('PATCHCORD_MESSAGE_ORDER');
    stream.send(mediaMessage(40));
    await host.calls[0]?.audioOf(2);
  });

  it('ends the call at once when its token came with another call, as no other stream will come', async () => {
    const stream = await served.stream();
    stream.send(startMessage(await served.token(), { callId: otherUuid }));
    expect(await stream.closed).toBe(1008);
    expect(host.codes).toEqual(['PATCHCORD_CALL_MISMATCH']);
    expect(host.calls[0]?.ends).toMatchObject([
      { reason: 'protocol-error', error: { code: 'PATCHCORD_CALL_MISMATCH' } },
    ]);
  });

  it('is closed with 1003 for another audio format, and the call ends', async () => {
    const stream = await served.stream();
    const mediaFormat = { encoding: 'audio/x-l16', sampleRate: 44_100 };
    stream.send(startMessage(await served.token(), { mediaFormat }));
    expect(await stream.closed).toBe(1003);
    expect(host.codes).toEqual(['PATCHCORD_AUDIO_FORMAT']);
    expect(host.calls[0]?.ends[0]?.error?.code).toBe('PATCHCORD_AUDIO_FORMAT');
  });

  it.each([
    'media',
    'playedStream',
    'clearedAudio',
    'dtmf',
    'stop',
    'error',
  ])('is closed with 1008 for %s before start', async (event) => {
    const stream = await served.stream();
    stream.send({ event, media: { payload: 'AAAA' }, name: 'm', dtmf: { digit: '1' } });
    expect(await stream.closed).toBe(1008);
    expect(host.codes).toEqual(['PATCHCORD_MESSAGE_ORDER']);
  });

  it.each(
    socketAttacks(startMessage('x')),
  )('is closed for %s, and another call goes on', async (_what, attack, closeCode, code) => {
    const other = await served.stream();
    other.send(startMessage(await served.token(otherUuid), { callId: otherUuid }));
    const stream = await served.stream();
    stream.send(startMessage(await served.token()));
    attack(stream.socket);
    expect(await stream.closed).toBe(closeCode);
    expect(host.codes.at(-1)).toBe(code);
    const attacked = host.calls.find(({ leg }) => leg.carrierCallId === callUuid);
    expect((await attacked?.ended)?.error?.code).toBe(code);
    other.send(mediaMessage(20));
    await host.calls[0]?.audioOf(1);
    expect(host.calls[0]?.ends).toEqual([]);
  });
});
