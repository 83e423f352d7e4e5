import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { NetworkConditions, type NetworkOptions } from '../network.ts';
import { Caller, type CallerStep } from '../phone/caller.ts';
import { generateSpeech } from '../phone/caller-audio.ts';
import { PhoneLine } from '../phone/line.ts';
import { TwilioWire } from './wire.ts';

const streamSid = `MZ${'a'.repeat(32)}`;

interface Frame {
  readonly atMs: number;
  readonly event: string;
  readonly sequenceNumber?: string;
  readonly media?: Record<string, string>;
  readonly mark?: { name: string };
  readonly [field: string]: unknown;
}

function newStream(steps: CallerStep[] = [], network: NetworkOptions = {}) {
  const clock = new VirtualClock();
  const frames: Frame[] = [];
  const ends: string[] = [];
  const stream = new PhoneLine({
    clock,
    wire: new TwilioWire({ accountSid: 'AC1', callSid: 'CA1', streamSid, parameters: { token: 't' } }),
    transport: {
      send: (text) => frames.push({ atMs: clock.now(), ...JSON.parse(String(text)) }),
      close: () => ends.push(`${clock.now()} close`),
      destroy: () => ends.push(`${clock.now()} destroy`),
    },
    caller: new Caller({ steps }),
    network: new NetworkConditions(clock, network),
    ended: (record) => ends.push(`${clock.now()} ended by ${record.endedBy}`),
  });
  const send = (message: object) =>
    stream.receive(Buffer.from(JSON.stringify({ streamSid, ...message })), false);
  const media = (ms: number) =>
    send({ event: 'media', media: { payload: Buffer.alloc(ms * 8, 1).toString('base64') } });
  return { clock, frames, ends, stream, send, media };
}

describe('a line to Twilio', () => {
  it('begins as Twilio does: connected, start, then 160 bytes every 20 ms with counters as strings', () => {
    const { clock, frames, stream } = newStream();
    stream.start();
    clock.advance(60);
    expect(frames.slice(0, 2)).toEqual([
      { atMs: 0, event: 'connected', protocol: 'Call', version: '1.0.0' },
      {
        atMs: 0,
        event: 'start',
        sequenceNumber: '1',
        streamSid,
        start: {
          streamSid,
          accountSid: 'AC1',
          callSid: 'CA1',
          tracks: ['inbound'],
          customParameters: { token: 't' },
          mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 },
        },
      },
    ]);
    const payload = Buffer.alloc(160, 0xff).toString('base64');
    expect(frames.slice(2)).toEqual([
      {
        atMs: 20,
        event: 'media',
        sequenceNumber: '2',
        streamSid,
        media: { track: 'inbound', chunk: '1', timestamp: '20', payload },
      },
      {
        atMs: 40,
        event: 'media',
        sequenceNumber: '3',
        streamSid,
        media: { track: 'inbound', chunk: '2', timestamp: '40', payload },
      },
      {
        atMs: 60,
        event: 'media',
        sequenceNumber: '4',
        streamSid,
        media: { track: 'inbound', chunk: '3', timestamp: '60', payload },
      },
    ]);
  });

  it('keeps to absolute deadlines for a minute without losing a frame, and leaves no timer at the end', () => {
    const { clock, ends, stream } = newStream();
    stream.start();
    clock.advance(60_000);
    expect(stream.record).toMatchObject({ framesSent: 3000, framesLate: 0, framesLost: 0, maxLateMs: 0 });
    stream.stop('caller');
    expect(ends).toEqual(['60000 close', '60000 ended by caller']);
    expect(clock.pending).toBe(0);
  });

  it('returns marks when what was before them has been played, over a network with delays both ways', () => {
    const { clock, frames, stream, send, media } = newStream([], {
      toCarrier: { delayMs: 30 },
      toGateway: { delayMs: 50 },
    });
    stream.start();
    clock.advance(100);
    media(200);
    send({ event: 'mark', mark: { name: 'm1' } });
    clock.advance(1000);
    expect(frames.filter(({ event }) => event === 'mark')).toMatchObject([
      { atMs: 100 + 30 + 200 + 50, mark: { name: 'm1' } },
    ]);
    expect(stream.record.firstAudioAtMs).toBe(130);
  });

  it('measures a barge-in: voice on the wire, clear received, what had been played to the sample', () => {
    const speak: CallerStep = {
      do: 'speak',
      audio: generateSpeech(1000),
      after: 'agent-started',
      delayMs: 500,
    };
    const { clock, frames, stream, send, media } = newStream([speak]);
    stream.start();
    clock.advance(105);
    media(4000);
    send({ event: 'mark', mark: { name: 'end' } });
    clock.advance(620);
    expect(clock.now()).toBe(725);
    send({ event: 'clear' });
    clock.advance(2000);
    media(100);
    clock.advance(500);
    const { speeches, clears, marks } = stream.record;
    expect(speeches).toEqual([
      { startedAtMs: 620, endedAtMs: 1620, overAgent: true, clearedAtMs: 725, replyAtMs: 2725 },
    ]);
    expect(clears).toEqual([{ atMs: 725, stretchMs: 620, playedMs: 620, droppedMs: 3380, marks: ['end'] }]);
    expect(marks).toMatchObject([{ name: 'end', how: 'cleared', returnedAtMs: 725 }]);
    expect(frames.filter(({ event }) => event === 'mark')).toHaveLength(1);
    expect(stream.record.playedMs).toBe(720);
  });

  it('presses keys, waits and hangs up as scripted', () => {
    const { clock, frames, ends, stream } = newStream([
      { do: 'digits', digits: '4#', atMs: 100 },
      { do: 'wait', ms: 300 },
      { do: 'hangup' },
    ]);
    stream.start();
    clock.advance(2000);
    const keys = frames.filter(({ event }) => event === 'dtmf');
    expect(keys).toMatchObject([
      { atMs: 100, dtmf: { track: 'inbound_track', digit: '4' } },
      { atMs: 300, dtmf: { track: 'inbound_track', digit: '#' } },
    ]);
    expect(frames.at(-1)).toMatchObject({
      event: 'stop',
      atMs: 800,
      stop: { accountSid: 'AC1', callSid: 'CA1' },
    });
    expect(ends).toEqual(['800 close', '800 ended by caller']);
  });

  it('waits for the agent to finish before it answers, and counts a wait in vain', () => {
    const audio = generateSpeech(200);
    const { clock, stream, media } = newStream([
      { do: 'speak', audio, after: 'agent-finished', delayMs: 400 },
      { do: 'speak', audio, after: 'agent-finished', withinMs: 1000 },
    ]);
    stream.start();
    clock.advance(200);
    media(1000);
    clock.advance(5000);
    expect(stream.record.speeches.map(({ startedAtMs }) => startedAtMs)).toEqual([1600]);
    expect(stream.record.missedSteps).toBe(1);
  });

  it('names what the gateway does wrong', () => {
    const { clock, stream, send } = newStream([], { toGateway: { delayMs: 20 } });
    stream.start();
    send({ event: 'clear' });
    clock.advance(40);
    send({ event: 'mark' });
    send({ event: 'hangup' });
    send({ event: 'clear', streamSid: 'MZother' });
    send({ event: 'media', media: { payload: '!' } });
    stream.receive(Buffer.from([1]), true);
    stream.receive('{', false);
    expect(stream.record.violations.map(({ kind }) => kind)).toEqual([
      'media-before-start',
      'mark-without-name',
      'unknown-event',
      'wrong-stream-sid',
      'bad-base64',
      'binary-frame',
      'not-json',
    ]);
    expect(stream.record.violationCount).toBe(7);
  });

  it('keeps a bounded list of violations but counts them all', () => {
    const { stream, send } = newStream();
    stream.start();
    for (let time = 0; time < 1000; time++) send({ event: 'nonsense' });
    expect(stream.record.violations).toHaveLength(100);
    expect(stream.record.violationCount).toBe(1000);
  });

  it('loses the socket without a goodbye where the network says so', () => {
    const { clock, ends, frames, stream } = newStream([], { dropAtMs: 500 });
    stream.start();
    clock.advance(1000);
    expect(ends).toEqual(['500 destroy', '500 ended by network']);
    expect(frames.some(({ event }) => event === 'stop')).toBe(false);
    expect(clock.pending).toBe(0);
  });

  it('holes in the playout of the carrier delay marks and are counted', () => {
    const { clock, frames, stream, send, media } = newStream([], {
      playback: { stallEveryMs: 300, stallMs: 100 },
    });
    stream.start();
    media(2000);
    send({ event: 'mark', mark: { name: 'late' } });
    clock.advance(10_000);
    const { playbackStalls } = stream.record;
    expect(playbackStalls).toBeGreaterThan(1);
    const [mark] = frames.filter(({ event }) => event === 'mark');
    expect(mark?.atMs).toBeGreaterThanOrEqual(2100);
    expect(mark?.atMs).toBeLessThanOrEqual(2000 + 100 * playbackStalls);
  });

  it('skips frames when it is a second behind, with the gap visible in the timestamps', () => {
    let now = 0;
    const callbacks: (() => void)[] = [];
    const clock = {
      now: () => now,
      epochMs: () => now,
      setTimeout: (callback: () => void) => {
        callbacks.push(callback);
        return { cancel: () => undefined };
      },
    };
    const sent: string[] = [];
    const stream = new PhoneLine({
      clock,
      transport: {
        send: (text) => sent.push(String(text)),
        close: () => undefined,
        destroy: () => undefined,
      },
      wire: new TwilioWire({ accountSid: 'AC1', callSid: 'CA1', streamSid }),
      caller: new Caller({ steps: [] }),
    });
    stream.start();
    now = 3000;
    callbacks.shift()?.();
    const timestamps = sent.slice(2).map((text) => Number(JSON.parse(text).media.timestamp));
    expect(timestamps[0]).toBe(2000);
    expect(timestamps.at(-1)).toBe(3000);
    expect(stream.record.framesLost).toBe(99);
    expect(stream.record.framesLate).toBe(150 - 1);
  });
});
