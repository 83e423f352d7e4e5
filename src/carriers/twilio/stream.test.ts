import { beforeEach, describe, expect, it, vi } from 'vitest';
import { mediaMessage, startMessage } from '../../../test/support/twilio-host.ts';
import { PatchcordError } from '../../base/errors.ts';
import { silentLogger } from '../../base/logger.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { FakeSocket } from '../testing/fake-socket.ts';
import { streamCases } from '../testing/stream-cases.ts';
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
    clock,
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
    forgo: (_token, error) => leg.forgo(error),
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

streamCases({
  connect: () => {
    announce();
    connect();
    return { clock, host, socket, leg, call };
  },
  start: startMessage('t'),
  media: mediaMessage(20),
  early: { event: 'connected', protocol: 'Call', version: '1.0.0' },
  late: ['media', 'mark', 'dtmf', 'stop'],
  played: (name) => ({ event: 'mark', streamSid: 'MZ1', mark: { name } }),
  clearReturnsMarks: true,
  sends: { audio: 'media', mark: 'mark', clear: 'clear' },
});

describe('a media stream of Twilio', () => {
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
});

describe('hanging up', () => {
  it('tells Twilio, once', async () => {
    open();
    const done = leg.hangUp('agent');
    leg.hangUp('operator').catch(expect.unreachable);
    socket.emit('close', 1000);
    await done;
    expect(rest.requests).toEqual(['CA1 completed']);
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

  it('ends our part in the call as transferred, however the stream then ends', async () => {
    open();
    await leg.transfer?.({ to: '+15550003333' });
    expect(leg.hasEnded).toBe(false);
    socket.emit('close', 1006);
    expect(call.log.at(-1)).toBe('ended transferred');
  });

  it('leaves the caller at once, and closes a stream that Twilio has not ended within five seconds', async () => {
    open();
    await leg.transfer?.({ to: '+15550003333' });
    expect(call.log.at(-1)).toBe('left');
    clock.advance(4999);
    expect(leg.hasEnded).toBe(false);
    expect(socket.closeCode).toBeUndefined();
    clock.advance(1);
    expect(call.log.at(-1)).toBe('ended transferred');
    expect(socket.closeCode).toBe(1000);
    socket.emit('close', 1000);
    expect(clock.pending).toBe(0);
  });

  it('ends it so too when the stream is over before Twilio has answered, and as hung up when it refuses', async () => {
    for (const taken of [true, false]) {
      announce();
      open();
      const { promise, resolve } = Promise.withResolvers<boolean>();
      rest.outcome = () => promise;
      const transfer = leg.transfer?.({ to: '+15550003333' });
      expect(await leg.transfer?.({ to: '+15550004444' })).toMatchObject({ transferred: false });
      socket.says({ event: 'stop' });
      expect(leg.hasEnded).toBe(false);
      resolve(taken);
      await transfer;
      expect(call.log.at(-1)).toBe(taken ? 'ended transferred' : 'ended hung-up');
    }
  });

  it('is not taken back by a hang-up of ours, be it asked for before Twilio has answered', async () => {
    for (const answered of [true, false]) {
      announce();
      open();
      const transfer = leg.transfer?.({ to: '+15550003333' });
      if (answered) await transfer;
      const hungUp = leg.hangUp('drain');
      if (!answered) await transfer;
      await vi.waitFor(() => expect(call.log.at(-1)).toBe('ended transferred'));
      expect(rest.requests.filter((request) => request.endsWith('completed'))).toEqual([]);
      socket.emit('close', 1000);
      await hungUp;
    }
  });

  it('is ended by an operator, and by a hang-up after Twilio has refused it', async () => {
    open();
    await leg.transfer?.({ to: '+15550003333' });
    const operator = leg.hangUp('operator');
    socket.emit('close', 1000);
    await operator;
    expect(rest.requests.at(-1)).toBe('CA1 completed');
    announce();
    open();
    rest.requests.length = 0;
    rest.outcome = async () => false;
    const transfer = leg.transfer?.({ to: '+15550003333' });
    const hungUp = leg.hangUp('drain');
    await transfer;
    await vi.waitFor(() => expect(rest.requests.at(-1)).toBe('CA1 completed'));
    socket.emit('close', 1000);
    await hungUp;
    expect(call.log.at(-1)).toBe('ended hung-up');
  });
});
