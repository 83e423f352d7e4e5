import { beforeEach, describe, expect, it } from 'vitest';
import { AudioChunk } from '../../audio/chunk.ts';
import { pcmu8k } from '../../audio/format.ts';
import { PatchcordError } from '../../base/errors.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { CallHost } from '../testing/call-host.ts';
import { FakeWebSocket } from '../testing/fake-socket.ts';
import type { WrittenFrame } from '../testing/frames-written.ts';
import { type HeardCall, TestHost } from '../testing/test-host.ts';
import { AsteriskLeg } from './leg.ts';
import { AsteriskStream } from './stream.ts';
import { formatOf, type MediaStart } from './wire.ts';

class FakeSocket extends FakeWebSocket {
  /** Text as it is, audio as its length. */
  readonly sent: (string | number)[] = [];

  says(message: object | string): void {
    this.text(typeof message === 'string' ? message : JSON.stringify(message));
  }

  protected take({ binary, payload }: WrittenFrame): void {
    this.sent.push(binary ? payload.length : payload.toString());
  }
}

let clock: VirtualClock;
let host: TestHost;
let socket: FakeSocket;
let leg: AsteriskLeg;
let refusal: PatchcordError | undefined;
let complaints: string[];
let stream: AsteriskStream;

function claim(start: MediaStart): AsteriskLeg | PatchcordError {
  if (refusal !== undefined) return refusal;
  leg = new AsteriskLeg({
    carrierCallId: start.channelId ?? 'made',
    party: { direction: 'inbound', variables: start.variables },
    format: formatOf(start) ?? { encoding: 'pcmu', sampleRate: 8000 },
    start,
    maxQueuedMs: 10_000,
    stream,
  });
  host.accept(leg);
  return leg;
}

function call(): HeardCall {
  return host.calls[0] as HeardCall;
}

const startOf = (fields: object = {}) => ({
  event: 'MEDIA_START',
  channel_id: '1.2',
  format: 'ulaw',
  optimal_frame_size: 160,
  ptime: 20,
  ...fields,
});

function open(fields: object | string = {}): void {
  socket.says(typeof fields === 'string' ? fields : startOf(fields));
}

/** Lets what is held back within one turn of the event loop go. */
async function written(): Promise<(string | number)[]> {
  await new Promise((resolve) => process.nextTick(resolve));
  return socket.sent;
}

const chunk = (bytes = 160): AudioChunk => AudioChunk.fromBytes(Buffer.alloc(bytes));

beforeEach(() => {
  clock = new VirtualClock();
  host = new TestHost(clock);
  socket = new FakeSocket();
  refusal = undefined;
  complaints = [];
  stream = new AsteriskStream(socket.webSocket, socket.connection, {
    clock,
    claim,
    complained: (text) => complaints.push(text),
    refused: (error, fields) => host.refused('asterisk', error, fields),
  });
});

describe('a media socket of Asterisk', () => {
  it('brings audio of any length, digits and marks, and ends when the phone hangs up', async () => {
    open();
    socket.binary(Buffer.alloc(160, 1));
    socket.binary(Buffer.alloc(480, 2));
    socket.says({ event: 'DTMF_END', digit: '5' });
    socket.says({ event: 'MEDIA_MARK_PROCESSED', correlation_id: 'p1' });
    socket.says({ event: 'QUEUE_DRAINED' });
    socket.emit('close', 1000);
    expect(call().log).toEqual(['answered', 'connected', 'audio', 'digit 5', 'played p1', 'ended hung-up']);
    expect(call().audio.map((heard) => heard.chunk.byteLength)).toEqual([160, 480]);
    expect(await written()).toEqual(['{"command":"ANSWER"}']);
    expect(clock.pending).toBe(0);
    expect(socket.eventNames()).toEqual([]);
  });

  it('is spoken to in plain text where it speaks plain text', async () => {
    open(
      'MEDIA_START channel:WebSocket/gateway/0x1 channel_id:1.2 format:ulaw optimal_frame_size:160 ptime:20',
    );
    leg.play(chunk());
    leg.mark('p1');
    leg.clear();
    expect(await written()).toEqual(['ANSWER', 160, 'MARK_MEDIA p1', 'FLUSH_MEDIA']);
  });

  it('sends audio as bytes and commands as text, in their order', async () => {
    open();
    leg.play(chunk(8000));
    leg.mark('p1');
    expect(await written()).toEqual([
      '{"command":"ANSWER"}',
      8000,
      '{"command":"MARK_MEDIA","correlation_id":"p1"}',
    ]);
  });

  it('has written the flush, and what came before it, when clear() returns', () => {
    open();
    leg.play(chunk());
    leg.clear();
    expect(socket.sent.slice(1)).toEqual([160, '{"command":"FLUSH_MEDIA"}']);
  });

  it('keeps audio that comes before MEDIA_START', () => {
    socket.binary(Buffer.alloc(160, 1));
    socket.binary(Buffer.alloc(160, 2));
    open();
    socket.binary(Buffer.alloc(160, 3));
    expect(call().log).toEqual(['answered', 'connected', 'audio']);
    expect(call().audio.map((heard) => heard.chunk.bytes()[0])).toEqual([1, 2, 3]);
  });

  it('keeps the newest 64 KiB of it', () => {
    for (let i = 0; i < 420; i++) socket.binary(Buffer.alloc(160, i % 200));
    open();
    expect(call().audio).toHaveLength(409);
    expect(call().audio[0]?.chunk.bytes()[0]).toBe(11);
  });

  it('tells that the queue of Asterisk is full, and that it is no longer', async () => {
    open();
    await written();
    leg.play(chunk(320));
    socket.says({ event: 'MEDIA_XOFF' });
    leg.mark('p1');
    expect(call().log.slice(2)).toEqual(['takes no audio']);
    socket.says({ event: 'MEDIA_XON' });
    expect(call().log.slice(2)).toEqual(['takes no audio', 'takes audio again']);
    leg.play(chunk(160));
    expect((await written()).slice(1)).toEqual([320, '{"command":"MARK_MEDIA","correlation_id":"p1"}', 160]);
  });

  it('takes audio again after a flush, whatever Asterisk said before', async () => {
    open();
    socket.says('MEDIA_XOFF');
    leg.clear();
    expect(call().log.slice(2)).toEqual(['takes no audio', 'takes audio again']);
    expect(socket.sent.at(-1)).toBe('{"command":"FLUSH_MEDIA"}');
  });

  it('is given nothing while its queue is full, then what waited; a barge-in forgets that', async () => {
    const calls = new CallHost(clock, pcmu8k);
    host = calls;
    open();
    const { session } = calls.model;
    session.events.ready();
    session.answer('r1', 'i1', 12_000, 'One two three four.');
    const sentMs = async () =>
      (await written()).reduce<number>((ms, one) => (typeof one === 'number' ? ms + one / 8 : ms), 0);
    expect(await sentMs()).toBe(10_000);
    socket.says('MEDIA_XOFF');
    clock.advance(3_000);
    expect(await sentMs()).toBe(10_000);
    socket.says('MEDIA_XON');
    expect(await sentMs()).toBe(12_000);
    clock.advance(9_000);
    session.answer('r2', 'i2', 20_000, 'Five six seven eight.');
    expect(await sentMs()).toBe(22_000);
    socket.says('MEDIA_XOFF');
    clock.advance(2_000);
    session.events.speechStarted('caller-1');
    expect(session.interruptions.at(-1)?.items).toMatchObject([{ itemId: 'i2', heardMs: 2_000 }]);
    session.events.speechStopped('caller-1');
    session.answer('r3', 'i3', 1_000, 'Nine.');
    expect(await sentMs()).toBe(23_000);
    clock.advance(30_000);
    expect(await sentMs()).toBe(23_000);
  });

  it.each([
    [1000, 'hung-up'],
    [1001, 'hung-up'],
    [1006, 'connection-lost'],
    [1009, 'connection-lost'],
    [1011, 'connection-lost'],
  ])('that is closed with %i is %s', (code, reason) => {
    open();
    socket.emit('close', code);
    expect(call().log.at(-1)).toBe(`ended ${reason}`);
  });

  it('is hung up with a command and then closed', async () => {
    open();
    const done = leg.hangUp();
    expect(leg.hangUp()).toBe(done);
    expect(socket.closeCode).toBe(1000);
    expect((await written()).at(-1)).toBe('{"command":"HANGUP"}');
    expect(call().ends).toEqual([]);
    socket.binary(Buffer.alloc(160));
    socket.emit('close', 1000);
    await done;
    expect(call().log).toEqual(['answered', 'connected', 'ended hung-up']);
    leg.play(chunk());
    leg.mark('late');
    leg.clear();
    await leg.hangUp();
    expect((await written()).at(-1)).toBe('{"command":"HANGUP"}');
    expect(clock.pending).toBe(0);
  });

  it('is not answered when the call hangs up as it begins', async () => {
    host.onAnswered = (answered) => {
      (answered as AsteriskLeg).hangUp().catch(() => undefined);
    };
    open();
    socket.emit('close', 1000);
    await Promise.resolve();
    expect(await written()).toEqual(['{"command":"HANGUP"}']);
    expect(call().log).toEqual(['answered', 'ended hung-up']);
  });

  it('is told to hang up, and closed, where its call is not taken', async () => {
    refusal = new PatchcordError('PATCHCORD_CALL_LIMIT');
    socket.binary(Buffer.alloc(160));
    open();
    expect(await written()).toEqual(['{"command":"HANGUP"}']);
    expect(socket.closeCode).toBe(1008);
    expect(host.codes).toEqual(['PATCHCORD_CALL_LIMIT']);
  });

  it('tells ten of its complaints', () => {
    open();
    for (let i = 0; i < 30; i++) socket.says({ event: 'ERROR', error_text: `no ${i}` });
    expect(complaints).toHaveLength(10);
    expect(call().ends).toEqual([]);
  });
});

describe('what Asterisk must not send', () => {
  it('nothing for ten seconds', () => {
    socket.binary(Buffer.alloc(160));
    clock.advance(10_000);
    expect(socket.closeCode).toBe(1008);
    expect(host.codes).toEqual(['PATCHCORD_MESSAGE_ORDER']);
  });

  it.each<[string, string, string, number]>([
    ['an event before MEDIA_START', 'DTMF_END digit:5', 'PATCHCORD_MESSAGE_ORDER', 1008],
    ['nonsense before MEDIA_START', 'hello', 'PATCHCORD_MESSAGE_MALFORMED', 1007],
    ['a start without a codec', 'MEDIA_START channel:a', 'PATCHCORD_MESSAGE_MALFORMED', 1007],
  ])('%s', (_, text, code, closeCode) => {
    socket.says(text);
    expect(socket.closeCode).toBe(closeCode);
    expect(host.codes).toEqual([code]);
  });

  it('a second MEDIA_START', () => {
    open();
    open();
    expect(socket.closeCode).toBe(1008);
    expect(call().ends[0]).toMatchObject({
      reason: 'protocol-error',
      error: { code: 'PATCHCORD_MESSAGE_ORDER' },
    });
  });

  it('half samples and nonsense, more than ten times a minute', () => {
    open({ format: 'slin', optimal_frame_size: 320 });
    for (let i = 0; i < 5; i++) {
      socket.binary(Buffer.alloc(321));
      socket.says('hello');
    }
    socket.binary(Buffer.alloc(320));
    expect(call().audio).toHaveLength(1);
    expect(call().ends).toEqual([]);
    socket.binary(Buffer.alloc(1));
    expect(socket.closeCode).toBe(1007);
    expect(host.codes).toEqual([
      ...Array.from({ length: 5 }, () => ['PATCHCORD_AUDIO_MALFORMED', 'PATCHCORD_MESSAGE_MALFORMED']).flat(),
      'PATCHCORD_AUDIO_MALFORMED',
    ]);
  });

  it('audio at many times its rate, though a stall may come at once', () => {
    open({ format: 'slin48', optimal_frame_size: 1920 });
    for (let i = 0; i < 250; i++) socket.binary(Buffer.alloc(1920));
    for (let i = 0; i < 400; i++) {
      socket.binary(Buffer.alloc(1920));
      clock.advance(20);
    }
    expect(call().ends).toEqual([]);
    for (let i = 0; i < 2000; i++) socket.binary(Buffer.alloc(1920));
    expect(call().ends[0]).toMatchObject({ error: { code: 'PATCHCORD_PEER_FLOOD' } });
    expect(socket.closeCode).toBe(1008);
  });
});

describe('the playback of Asterisk', () => {
  it('is queued, ten seconds ahead, in whole frames', () => {
    open();
    expect(leg.playback).toEqual({
      buffering: 'queued',
      acknowledges: 'marks',
      markEveryMs: 200,
      continuousMedia: false,
      delivery: { frameMs: 20, leadMs: 10_000, maxChunkMs: 1000 },
    });
  });

  it('stays below what makes Asterisk ask for a stop, however short its frames are', () => {
    open({ optimal_frame_size: 80, ptime: 10 });
    expect(leg.playback.delivery).toEqual({ frameMs: 10, leadMs: 8500, maxChunkMs: 1000 });
  });

  it('is known by the clock alone in versions without marks', () => {
    open('MEDIA_START connection_id:a channel:WebSocket/a/0x1 format:ulaw optimal_frame_size:160');
    expect(leg.playback).toMatchObject({ buffering: 'queued', acknowledges: 'nothing' });
  });

  it('is paced where the dial string turned the queue off', async () => {
    open({ unbuffered: true });
    expect(leg.playback).toMatchObject({
      buffering: 'paced',
      acknowledges: 'nothing',
      delivery: { frameMs: 20 },
    });
    leg.clear();
    expect(await written()).toEqual(['{"command":"ANSWER"}']);
  });
});
