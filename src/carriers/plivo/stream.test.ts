import { beforeEach, describe, expect, it } from 'vitest';
import { mediaMessage, startMessage, streamId } from '../../../test/support/plivo-host.ts';
import { LegBench } from '../../../test/support/plivo-leg.ts';
import { AudioChunk } from '../../audio/chunk.ts';
import { pcm16At, pcmu8k } from '../../audio/format.ts';
import { streamCases } from '../testing/stream-cases.ts';

let bench: LegBench;
const played = (name: string) => ({ event: 'playedStream', streamId, name });

beforeEach(() => {
  bench = new LegBench();
});

streamCases({
  connect: () => {
    bench = new LegBench();
    bench.connect();
    return bench;
  },
  start: startMessage('t'),
  media: mediaMessage(20),
  early: { event: 'weather' },
  late: ['media', 'playedStream', 'clearedAudio', 'dtmf', 'stop', 'error'],
  played,
  clearReturnsMarks: false,
  sends: { audio: 'playAudio', mark: 'checkpoint', clear: 'clearAudio' },
});

describe('a media stream of Plivo', () => {
  it('brings audio with its times, digits and played checkpoints, and ends when Plivo closes it', () => {
    bench.leg.answered();
    bench.open();
    bench.socket.says(mediaMessage(20));
    bench.socket.says(mediaMessage(40));
    bench.socket.says(mediaMessage(860));
    bench.socket.says(mediaMessage(900, 'outbound'));
    bench.socket.says({ event: 'dtmf', streamId, dtmf: { track: 'inbound', digit: '5', timestamp: '1' } });
    bench.socket.says({ event: 'playedStream', streamId, name: 'm1' });
    bench.socket.says({ event: 'clearedAudio', streamId });
    bench.socket.says({ event: 'weather' });
    bench.socket.emit('close', 1000);
    expect(bench.call.log).toEqual([
      'answered',
      'connected',
      'audio',
      'digit 5',
      'played m1',
      'ended hung-up',
    ]);
    expect(bench.call.audio.map(({ timestampMs }) => timestampMs)).toEqual([20, 40, 860]);
    expect(bench.call.audio[1]?.chunk.bytes()).toEqual(Buffer.alloc(160, 40));
    expect(bench.clock.pending).toBe(0);
    expect(bench.socket.eventNames()).toEqual([]);
  });

  it.each([
    [1000, 'hung-up'],
    [1001, 'hung-up'],
    [1005, 'hung-up'],
    [1006, 'connection-lost'],
  ])('that is closed with %i ends the call as %s', (code, reason) => {
    bench.open();
    bench.socket.emit('close', code);
    expect(bench.call.log.at(-1)).toBe(`ended ${reason}`);
  });

  it('takes a stop for the end, should one come', () => {
    bench.open();
    bench.socket.says({ event: 'stop' });
    bench.socket.says(mediaMessage(20));
    expect(bench.call.log.at(-1)).toBe('ended hung-up');
    expect(bench.socket.closeCode).toBe(1000);
  });

  it.each([
    ['audio/x-mulaw', 8000, pcmu8k, 1500],
    ['audio/x-l16', 8000, pcm16At(8000), 750],
    ['audio/x-l16', 16_000, pcm16At(16_000), 375],
  ])('speaks what start says: %s at %i', (encoding, sampleRate, format, maxChunkMs) => {
    bench.open({ mediaFormat: { encoding, sampleRate } });
    expect(bench.leg.receives).toEqual(format);
    expect(bench.leg.sends).toEqual(format);
    expect(bench.leg.playback).toMatchObject({
      buffering: 'queued',
      acknowledges: 'marks',
      markEveryMs: 200,
      continuousMedia: false,
      delivery: { leadMs: 15_000, maxChunkMs },
    });
    bench.leg.play(AudioChunk.fromBytes(Buffer.alloc(4)));
    bench.leg.clear();
    expect(JSON.parse(bench.socket.sent[0] ?? '')).toMatchObject({
      media: { contentType: encoding, sampleRate },
    });
  });

  it('speaks what the XML asked for where start does not say', () => {
    bench.open({ mediaFormat: {} });
    expect(bench.leg.receives).toEqual(pcmu8k);
  });

  it('reckons the length of linear audio by its samples, and takes no half ones', () => {
    bench.open({ mediaFormat: { encoding: 'audio/x-l16', sampleRate: 16_000 } });
    for (const ms of [0, 20, 40]) bench.socket.says(mediaMessage(ms, 'inbound', 640));
    expect(bench.call.audio.map(({ timestampMs }) => timestampMs)).toEqual([0, 20, 40]);
    bench.socket.says(mediaMessage(60, 'inbound', 639));
    expect(bench.call.audio).toHaveLength(3);
    expect(bench.host.codes).toEqual(['PATCHCORD_AUDIO_MALFORMED']);
    expect(bench.socket.closeCode).toBeUndefined();
  });

  it('takes the widest audio of a stall at once, but not five times real time', () => {
    const wide = { mediaFormat: { encoding: 'audio/x-l16', sampleRate: 16_000 } };
    bench.open(wide);
    for (let ms = 0; ms < 900 * 20; ms += 20) bench.socket.says(mediaMessage(ms, 'inbound', 640));
    bench.clock.advance(20_000);
    for (let ms = 0; ms < 900 * 20; ms += 20) bench.socket.says(mediaMessage(ms, 'inbound', 640));
    expect(bench.socket.closeCode).toBeUndefined();
    for (let ms = 0; ms < 1200 * 20; ms += 20) bench.socket.says(mediaMessage(ms, 'inbound', 640));
    expect(bench.socket.closeCode).toBe(1008);
    expect(bench.call.ends[0]?.error?.code).toBe('PATCHCORD_PEER_FLOOD');
  });

  it('takes no reports of checkpoints that a clear overtook', () => {
    bench.open();
    for (let n = 0; n < 1000; n++) bench.leg.mark(`m${n}`);
    bench.leg.clear();
    for (let n = 0; n < 1000; n++) bench.socket.says(played(`m${n}`));
    expect(bench.socket.closeCode).toBe(1008);
    expect(bench.host.codes).toEqual(['PATCHCORD_PEER_FLOOD']);
  });

  it('tells once that Plivo could not use what it was sent, and goes on', () => {
    bench.open();
    for (const reason of ['bad rate', 'bad rate']) bench.socket.says({ event: 'playFailed', reason });
    expect(bench.complaints).toEqual(['playFailed: bad rate']);
    expect(bench.call.ends).toEqual([]);
  });
});
