import { beforeEach, describe, expect, it } from 'vitest';
import { mediaMessage, startMessage } from '../../../test/support/telnyx-host.ts';
import { AudioChunk } from '../../audio/chunk.ts';
import { pcm16At, pcma8k, pcmu8k } from '../../audio/format.ts';
import { silentLogger } from '../../base/logger.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { mediaSocketLimits } from '../media-socket.ts';
import { FakeSocket } from '../testing/fake-socket.ts';
import { streamCases } from '../testing/stream-cases.ts';
import { type HeardCall, TestHost } from '../testing/test-host.ts';
import type { TelnyxCodec } from './formats.ts';
import { TelnyxLeg } from './leg.ts';
import type { TelnyxRest } from './rest.ts';
import { TelnyxStream } from './stream.ts';

let clock: VirtualClock;
let host: TestHost;
let socket: FakeSocket;
let leg: TelnyxLeg;
let call: HeardCall;
let complaints: string[];
let aftermaths: string[];
let commands: string[];
let outcome: () => Promise<boolean>;

const rest = {
  hangUp: (id: string) => {
    commands.push(`hangup ${id}`);
    return outcome();
  },
} as TelnyxRest;

function announce(codec: TelnyxCodec = 'PCMU'): void {
  leg = new TelnyxLeg({
    callControlId: 'v3:a',
    dialId: undefined,
    party: { direction: 'outbound', variables: {} },
    codec,
    log: silentLogger,
    rest,
    keeper: {
      ended: (_leg, aftermath) => aftermaths.push(aftermath),
      newTransferId: () => 't',
      transfer: () => Promise.resolve(true),
    },
  });
  host.accept(leg);
  call = host.calls.at(-1) as HeardCall;
}

function connect(bigEndian = true): void {
  socket = new FakeSocket();
  new TelnyxStream(
    socket.webSocket,
    socket.connection,
    {
      clock,
      bigEndian,
      claim: (_tokens, start, stream) => leg.claim(start, stream) ?? leg,
      refused: (error, fields) => host.refused('telnyx', error, fields),
      refusedUnclaimed: () => undefined,
      complained: (title) => complaints.push(title),
    },
    [],
    mediaSocketLimits,
  );
}

function open(mediaFormat?: object, bigEndian = true): void {
  connect(bigEndian);
  socket.says({ event: 'connected', version: '1.0.0' });
  socket.says(startMessage('v3:a', mediaFormat));
}

const l16 = (bytes: readonly number[]) => ({
  event: 'media',
  media: { payload: Buffer.from(bytes).toString('base64') },
});
const sentAudioOf = (frame: string | undefined) => [
  ...Buffer.from(JSON.parse(frame ?? '').media.payload, 'base64'),
];

beforeEach(() => {
  clock = new VirtualClock();
  host = new TestHost(clock);
  complaints = [];
  aftermaths = [];
  commands = [];
  outcome = () => Promise.resolve(true);
  announce();
});

streamCases({
  connect: () => {
    announce();
    connect();
    return { clock, host, socket, leg, call };
  },
  start: startMessage('v3:a'),
  media: mediaMessage(1),
  early: { event: 'connected', version: '1.0.0' },
  late: ['media', 'mark', 'dtmf', 'stop'],
  played: (name) => ({ event: 'mark', mark: { name } }),
  clearReturnsMarks: true,
  sends: { audio: 'media', mark: 'mark', clear: 'clear' },
});

describe('a media stream of Telnyx', () => {
  it('brings audio with its times, digits and played marks, and ends when Telnyx stops it', () => {
    open();
    for (const chunk of [1, 2, 3]) socket.says(mediaMessage(chunk));
    socket.says(mediaMessage(5, 'outbound'));
    socket.says(mediaMessage(4, 'inbound_track'));
    socket.says({ event: 'dtmf', dtmf: { digit: '5' } });
    socket.says({ event: 'mark', mark: { name: 'm1' } });
    socket.says({ event: 'weather' });
    socket.says({ event: 'connected' });
    socket.says({ event: 'stop' });
    socket.says(mediaMessage(5));
    socket.emit('close', 1000);
    expect(call.log).toEqual(['answered', 'connected', 'audio', 'digit 5', 'played m1', 'ended hung-up']);
    expect(call.audio.map(({ timestampMs }) => timestampMs)).toEqual([undefined, 20, 40, 60]);
    expect(call.audio[3]?.chunk.bytes()).toEqual(Buffer.alloc(160, 4));
    expect(aftermaths).toEqual(['hang-up']);
    expect(clock.pending).toBe(0);
    expect(socket.eventNames()).toEqual([]);
  });

  it('puts frames in order, drops repeated ones and gives up a missing one after 100 ms', () => {
    open();
    const heard = () => call.audio.map(({ chunk }) => chunk.bytes()[0]);
    for (const chunk of [1, 3, 2, 2, 4, 6]) socket.says(mediaMessage(chunk));
    expect(heard()).toEqual([1, 2, 3, 4]);
    clock.advance(100);
    socket.says(mediaMessage(5));
    expect(heard()).toEqual([1, 2, 3, 4, 6]);
  });

  it('hears what is still held when it is stopped, and nothing after its own close', async () => {
    open();
    socket.says(mediaMessage(1));
    socket.says(mediaMessage(3));
    socket.says({ event: 'stop' });
    expect(call.audio).toHaveLength(2);
    socket.emit('close', 1000);
    announce();
    open();
    socket.says(mediaMessage(1));
    socket.says(mediaMessage(3));
    const done = leg.hangUp('agent');
    clock.advance(100);
    socket.emit('close', 1000);
    await done;
    expect(call.audio).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it('goes on when Telnyx complains, and logs no more than five of it', () => {
    connect();
    socket.says({ event: 'error', payload: { code: 100_002, title: 'unknown_error' } });
    socket.says(startMessage('v3:a'));
    for (let i = 0; i < 20; i++) socket.says({ event: 'error', payload: { title: 'invalid_media' } });
    socket.says(mediaMessage(1));
    expect(complaints).toEqual(['unknown_error', ...Array(4).fill('invalid_media')]);
    expect(call.audio).toHaveLength(1);
  });

  it.each([
    [1000, 'hung-up', 'hang-up'],
    [1001, 'connection-lost', 'apologise'],
    [1006, 'connection-lost', 'apologise'],
  ])('that is closed without a stop, with %i, ended as %s', (code, reason, aftermath) => {
    open();
    socket.emit('close', code);
    expect(call.ends).toEqual([{ reason }]);
    expect(aftermaths).toEqual([aftermath]);
  });

  it('that says what it must not leaves the caller to an apology', () => {
    open();
    socket.says(startMessage('v3:a'));
    expect(call.log.at(-1)).toBe('ended protocol-error');
    expect(aftermaths).toEqual(['apologise']);
  });
});

describe('the formats', () => {
  it('of both directions are apart: what comes is what `start` says, what goes is what was asked for', () => {
    expect([leg.receives, leg.sends]).toEqual([pcmu8k, pcmu8k]);
    open({ encoding: 'PCMA', sample_rate: 8000, channels: 1 });
    expect([leg.receives, leg.sends]).toEqual([pcma8k, pcmu8k]);
    announce('L16');
    open({ encoding: 'PCMU', sample_rate: 8000, channels: 1 });
    expect([leg.receives, leg.sends]).toEqual([pcmu8k, pcm16At(16_000)]);
  });

  it('are known when the call is told that media flows', () => {
    host.onConnected = ({ receives }) => expect(receives).toEqual(pcm16At(24_000));
    open({ encoding: 'L16', sample_rate: 24_000, channels: 1 });
    expect(call.log).toEqual(['answered', 'connected']);
  });

  it.each([
    [true, [2, 1, 4, 3]],
    [false, [1, 2, 3, 4]],
  ])('have L16 with the high byte first: %s', (bigEndian, swapped) => {
    announce('L16');
    open({ encoding: 'L16', sample_rate: 16_000, channels: 1 }, bigEndian);
    socket.says(l16([1, 2, 3, 4]));
    expect([...(call.audio[0]?.chunk.bytes() ?? [])]).toEqual(swapped);
    leg.play(AudioChunk.fromBytes(Buffer.from([1, 2, 3, 4])));
    leg.clear();
    expect(sentAudioOf(socket.sent[0])).toEqual(swapped);
  });

  it('of G.711 have no byte order', () => {
    open();
    socket.says(mediaMessage(1));
    leg.play(AudioChunk.fromBytes(Buffer.from([1, 2, 3])));
    leg.clear();
    expect(sentAudioOf(socket.sent[0])).toEqual([1, 2, 3]);
    expect(call.audio[0]?.chunk.byteLength).toBe(160);
  });

  it('have no half samples', () => {
    announce('L16');
    open({ encoding: 'L16', sample_rate: 16_000, channels: 1 });
    socket.says(l16([1, 2, 3]));
    expect(call.audio).toEqual([]);
    expect(host.codes).toEqual(['PATCHCORD_AUDIO_MALFORMED']);
    expect(socket.closeCode).toBeUndefined();
  });
});

describe('hanging up', () => {
  it('tells Telnyx, once', async () => {
    open();
    const done = leg.hangUp('agent');
    leg.hangUp('operator').catch(expect.unreachable);
    socket.emit('close', 1000);
    await done;
    expect(commands).toEqual(['hangup v3:a']);
    expect(aftermaths).toEqual(['none']);
    await leg.hangUp('agent');
    expect(commands).toEqual(['hangup v3:a']);
  });

  it('never rejects, whatever the API does', async () => {
    outcome = () => Promise.reject(new Error('down'));
    await leg.hangUp('answer-timeout');
    expect(call.log).toEqual(['ended hung-up']);
  });
});
