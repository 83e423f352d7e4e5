import { beforeEach, describe, expect, it, vi } from 'vitest';
import { mediaMessage, startMessage } from '../../../test/support/twilio-host.ts';
import { AudioChunk } from '../../audio/chunk.ts';
import { PatchcordError } from '../../base/errors.ts';
import { silentLogger } from '../../base/logger.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { FakeSocket } from '../testing/fake-socket.ts';
import { type HeardCall, TestHost } from '../testing/test-host.ts';
import { TwilioLeg } from './leg.ts';
import type { TwilioRest } from './rest.ts';
import { TwilioStream } from './stream.ts';

class FakeRest {
  readonly requests: string[] = [];
  outcome: () => Promise<boolean> = async () => true;

  endCall(callSid: string, status: string): Promise<boolean> {
    this.requests.push(`${callSid} ${status}`);
    return this.outcome();
  }

  redirect(callSid: string, { twiml }: { twiml: string }): Promise<boolean> {
    this.requests.push(`${callSid} ${twiml}`);
    return this.outcome();
  }
}

let clock: VirtualClock;
let host: TestHost;
let rest: FakeRest;
let socket: FakeSocket;
let leg: TwilioLeg;
let call: HeardCall;

function announce(direction: 'inbound' | 'outbound' = 'inbound'): void {
  leg = new TwilioLeg({
    callSid: 'CA1',
    accountSid: 'AC1',
    party: { direction, variables: {} },
    log: silentLogger,
    rest: rest as unknown as TwilioRest,
    onEnded: () => undefined,
  });
  host.accept(leg);
  call = host.calls.at(-1) as HeardCall;
}

function connect(): void {
  socket = new FakeSocket();
  new TwilioStream(socket.webSocket, socket.connection, {
    clock,
    claim: (start, stream) => leg.claim(start, stream) ?? leg,
    refused: (error, fields) => host.refused('twilio', error, fields),
  });
}

function open(): void {
  connect();
  socket.says({ event: 'connected', protocol: 'Call', version: '1.0.0' });
  socket.says(startMessage('t'));
}

beforeEach(() => {
  clock = new VirtualClock();
  host = new TestHost(clock);
  rest = new FakeRest();
  announce();
});

describe('a media stream', () => {
  it('brings audio with its times, digits and played marks, and ends when Twilio stops it', () => {
    leg.answered();
    open();
    socket.says(mediaMessage(20));
    socket.says(mediaMessage(60));
    socket.says(mediaMessage(40));
    socket.says(mediaMessage(80, 'outbound'));
    socket.says({ event: 'dtmf', dtmf: { track: 'inbound_track', digit: '5' } });
    socket.says({ event: 'mark', mark: { name: 'm1' } });
    socket.says({ event: 'weather' });
    socket.says({ event: 'stop' });
    socket.says(mediaMessage(100));
    socket.emit('close', 1000);
    expect(call.log).toEqual(['answered', 'connected', 'audio', 'digit 5', 'played m1', 'ended hung-up']);
    expect(call.audio.map(({ timestampMs }) => timestampMs)).toEqual([20, 60, 40]);
    expect(call.audio[1]?.chunk.bytes()).toEqual(Buffer.alloc(160, 60));
    expect(clock.pending).toBe(0);
    expect(socket.eventNames()).toEqual([]);
  });

  it('answers and connects in one go where no webhook said so before', () => {
    open();
    expect(call.log).toEqual(['answered', 'connected']);
  });

  it('writes audio at once, and its mark with what follows or after the turn', async () => {
    open();
    const writes = vi.spyOn(socket.connection, 'write');
    const eventsSent = (): unknown[] => socket.sent.map((frame) => JSON.parse(frame).event);
    leg.play(AudioChunk.fromBytes(Buffer.from([1, 2, 3])));
    expect(eventsSent()).toEqual(['media']);
    leg.mark('m1');
    expect(eventsSent()).toEqual(['media']);
    leg.play(AudioChunk.fromBytes(Buffer.from([4, 5, 6])));
    expect(eventsSent()).toEqual(['media', 'mark', 'media']);
    leg.mark('m2');
    await new Promise((resolve) => process.nextTick(resolve));
    expect(eventsSent()).toEqual(['media', 'mark', 'media', 'mark']);
    expect(writes).toHaveBeenCalledTimes(3);
  });

  it('has written the clear, and what came before it, when clear() returns', () => {
    open();
    leg.play(AudioChunk.fromBytes(Buffer.from([1, 2, 3])));
    leg.clear();
    expect(socket.sent.map((frame) => JSON.parse(frame).event)).toEqual(['media', 'clear']);
  });

  it('is closed with 1008 when no start comes in ten seconds', () => {
    connect();
    socket.says({ event: 'connected' });
    clock.advance(9_999);
    expect(socket.closeCode).toBeUndefined();
    clock.advance(1);
    expect(socket.closeCode).toBe(1008);
    expect(host.codes).toEqual(['PATCHCORD_MESSAGE_ORDER']);
  });

  it('forgives ten malformed frames a minute and closes with 1007 at the eleventh', () => {
    open();
    for (let i = 0; i < 10; i++) socket.says('nonsense');
    clock.advance(60_001);
    for (let i = 0; i < 10; i++) socket.says('nonsense');
    socket.says(mediaMessage(20));
    expect(call.audio).toHaveLength(1);
    expect(socket.closeCode).toBeUndefined();
    socket.says('{"event":"media","media":{"payload":"?"}}');
    expect(socket.closeCode).toBe(1007);
    expect(call.ends[0]?.error?.code).toBe('PATCHCORD_AUDIO_MALFORMED');
    expect(call.log.at(-1)).toBe('ended protocol-error');
  });

  it('forgives nothing before start', () => {
    connect();
    socket.says('nonsense');
    expect(socket.closeCode).toBe(1007);
    expect(call.log).toEqual([]);
  });

  it('takes the audio of a stall at once, but not five times real time', () => {
    open();
    for (let ms = 0; ms < 900 * 20; ms += 20) socket.says(mediaMessage(ms));
    clock.advance(20_000);
    for (let ms = 0; ms < 900 * 20; ms += 20) socket.says(mediaMessage(ms));
    expect(socket.closeCode).toBeUndefined();
    for (let ms = 0; ms < 1200 * 20; ms += 20) socket.says(mediaMessage(ms));
    expect(socket.closeCode).toBe(1008);
    expect(call.ends[0]?.error?.code).toBe('PATCHCORD_PEER_FLOOD');
  });

  it('takes all marks that a clear sends back at once, and no more of them than it sent', () => {
    open();
    const returned = (n: number) => ({ event: 'mark', streamSid: 'MZ1', mark: { name: `mark-${n}` } });
    for (let n = 0; n < 5000; n++) leg.mark(`mark-${n}`);
    leg.clear();
    for (let n = 0; n < 5000; n++) socket.says(returned(n));
    for (let ms = 0; ms < 900 * 20; ms += 20) socket.says(mediaMessage(ms));
    expect(socket.closeCode).toBeUndefined();
    expect(call.log.filter((line) => line.startsWith('played'))).toHaveLength(5000);
    for (let n = 0; n < 100; n++) socket.says(returned(n));
    expect(socket.closeCode).toBe(1008);
    expect(host.codes).toEqual(['PATCHCORD_PEER_FLOOD']);
  });

  it('counts bytes as well as messages', () => {
    open();
    const large = JSON.stringify({ event: 'weather', sky: 'x'.repeat(60_000) });
    for (let i = 0; i < 8; i++) socket.says(large);
    expect(host.codes).toEqual(['PATCHCORD_PEER_FLOOD']);
  });

  it('ends the call as lost when its socket goes without a stop', () => {
    open();
    socket.emit('error', Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
    socket.emit('close', 1006);
    expect(call.log.at(-1)).toBe('ended connection-lost');
    expect(call.ends).toHaveLength(1);
    leg.play(AudioChunk.fromBytes(Buffer.from([1])));
    leg.mark('late');
    leg.clear();
    expect(socket.sent).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('is given up when the peer does not read, without ending the call inside play()', () => {
    open();
    socket.connection.cork();
    leg.play(AudioChunk.fromBytes(Buffer.alloc(3_000_000)));
    leg.play(AudioChunk.fromBytes(Buffer.alloc(3_000_000)));
    expect(socket.terminated).toBe(true);
    expect(call.ends).toEqual([]);
    socket.emit('close', 1006);
    expect(call.log.at(-1)).toBe('ended connection-lost');
  });

  it('is cut off when the peer does not answer our close', () => {
    open();
    socket.says({ event: 'stop' });
    expect(socket.closeCode).toBe(1000);
    clock.advance(3_000);
    expect(socket.terminated).toBe(true);
  });
});

describe('hanging up', () => {
  it('closes the stream with 1000, tells Twilio, and ends the call once', async () => {
    open();
    const done = leg.hangUp('agent');
    expect(leg.hangUp('operator')).toBe(done);
    expect(socket.closeCode).toBe(1000);
    expect(call.ends).toEqual([]);
    socket.says(mediaMessage(20));
    socket.emit('close', 1000);
    await done;
    expect(call.log).toEqual(['answered', 'connected', 'ended hung-up']);
    expect(rest.requests).toEqual(['CA1 completed']);
    expect(clock.pending).toBe(0);
  });

  it('never rejects, whatever the API does', async () => {
    rest.outcome = async () => {
      throw new PatchcordError('PATCHCORD_CARRIER_API');
    };
    await leg.hangUp('answer-timeout');
    expect(call.log).toEqual(['ended hung-up']);
    await leg.hangUp('answer-timeout');
    expect(rest.requests).toEqual(['CA1 completed']);
  });

  it('cancels an outbound call that nobody has answered', async () => {
    announce('outbound');
    await leg.hangUp('operator');
    expect(rest.requests).toEqual(['CA1 canceled']);
  });

  it('leaves no way in for a media stream', async () => {
    const done = leg.hangUp('operator');
    open();
    await done;
    expect(socket.closeCode).toBe(1008);
    expect(host.codes).toEqual(['PATCHCORD_STREAM_TOKEN_INVALID']);
    expect(call.log).toEqual(['ended hung-up']);
  });

  it('does nothing after the caller has hung up', async () => {
    open();
    socket.says({ event: 'stop' });
    await leg.hangUp('agent');
    expect(rest.requests).toEqual([]);
  });
});

describe('a transfer', () => {
  it('gives the call to a number or a SIP address', async () => {
    open();
    expect(await leg.transfer?.({ to: '+15550003333', callerId: '+1<&' })).toEqual({ transferred: true });
    expect(rest.requests[0]).toContain('<Dial callerId="+1&lt;&amp;"><Number>+15550003333</Number></Dial>');
    expect(await leg.transfer?.({ to: 'sip:desk@example.com' })).toEqual({ transferred: true });
    expect(rest.requests[1]).toContain('<Dial><Sip>sip:desk@example.com</Sip></Dial>');
  });

  it('says why it did not happen', async () => {
    open();
    expect(await leg.transfer?.({ to: 'the desk' })).toMatchObject({ transferred: false });
    rest.outcome = async () => false;
    expect(await leg.transfer?.({ to: '+15550003333' })).toEqual({
      transferred: false,
      detail: 'the call has ended',
    });
    rest.outcome = async () => {
      throw new PatchcordError('PATCHCORD_CARRIER_API', 'twilio: 500');
    };
    expect(await leg.transfer?.({ to: '+15550003333' })).toEqual({
      transferred: false,
      detail: 'twilio: 500',
    });
  });
});
