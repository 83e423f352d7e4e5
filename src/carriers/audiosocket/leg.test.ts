import { beforeEach, describe, expect, it } from 'vitest';
import { AudioChunk } from '../../audio/chunk.ts';
import { encodeSamples } from '../../audio/convert.ts';
import { pcm16At, pcmu8k } from '../../audio/format.ts';
import { sine } from '../../audio/tones.ts';
import type { PatchcordError } from '../../base/errors.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { type HeardCall, TestHost } from '../testing/test-host.ts';
import type { AudioSocketConnection } from './connection.ts';
import { AudioSocketLeg } from './leg.ts';

/** The side of a connection that a leg uses. */
class FakeConnection {
  readonly played: string[] = [];
  readonly refusals: PatchcordError[] = [];
  owner: AudioSocketLeg | undefined;
  closed = 0;

  play(kind: number, audio: Buffer): void {
    this.played.push(`${kind.toString(16)} ${audio.length}`);
  }

  refuse(error: PatchcordError): void {
    this.refusals.push(error);
    this.owner?.ended({ reason: 'protocol-error', error });
  }

  close(): Promise<void> {
    this.closed += 1;
    return Promise.resolve();
  }
}

let clock: VirtualClock;
let host: TestHost;
let connection: FakeConnection;
let leg: AudioSocketLeg;
let call: HeardCall;

beforeEach(() => {
  clock = new VirtualClock();
  host = new TestHost(clock);
  connection = new FakeConnection();
  leg = new AudioSocketLeg({
    uuid: '11223344-5566-7788-99aa-bbccddeeff00',
    party: { direction: 'inbound', variables: {} },
    clock,
    connection: connection as unknown as AudioSocketConnection,
  });
  connection.owner = leg;
  host.accept(leg);
  call = host.calls[0] as HeardCall;
});

const slin = (sampleRate: number, ms = 20): Buffer =>
  encodeSamples(sine(440, ms, sampleRate), pcm16At(sampleRate));

describe('an AudioSocket leg', () => {
  it('passes audio on as it came, without a copy', () => {
    leg.opened();
    const audio = slin(8000);
    leg.callerAudio(8000, audio);
    expect(call.audio[0]?.chunk.bytes()).toBe(audio);
  });

  it('holds keys until its media flows', () => {
    leg.opened();
    for (const digit of '12') leg.callerDigit(digit);
    for (let i = 0; i < 100; i++) leg.callerDigit('9');
    expect(call.log).toEqual([]);
    leg.callerAudio(8000, slin(8000));
    const keys = ['digit 1', 'digit 2', ...Array.from({ length: 30 }, () => 'digit 9')];
    expect(call.log).toEqual(['answered', 'connected', ...keys, 'audio']);
  });

  it('is answered with its first audio, when its rate is known: the model is opened in formats that fit', () => {
    const rates: number[] = [];
    host.onAnswered = ({ receives, sends }) => rates.push(receives.sampleRate, sends.sampleRate);
    leg.opened();
    clock.advance(40);
    leg.callerAudio(16_000, slin(16_000));
    expect(rates).toEqual([16_000, 16_000]);
  });

  it('takes audio at other rates than the one it began with, made to fit', () => {
    leg.opened();
    clock.advance(500);
    for (let i = 0; i < 10; i++) leg.callerAudio(16_000, slin(16_000));
    leg.callerAudio(8000, slin(8000));
    const bytes = call.audio.map(({ chunk }) => chunk.byteLength);
    const narrow = bytes.slice(0, 10).reduce((sum, length) => sum + length);
    // 200 ms at 8 kHz, less the delay of the change of rate.
    expect(narrow).toBeGreaterThan(3000);
    expect(narrow).toBeLessThanOrEqual(3200);
    expect(bytes.at(-1)).toBe(320);
    leg.play(AudioChunk.fromBytes(Buffer.alloc(320)));
    expect(connection.played.at(-1)).toBe('10 320');
  });

  it('says what to write in the dialplan when G.711 comes as slin', () => {
    leg.opened();
    const mulaw = encodeSamples(sine(440, 20, 8000), pcmu8k);
    for (let i = 0; i < 100 && call.ends.length === 0; i++) {
      leg.callerAudio(8000, mulaw);
      clock.advance(20);
    }
    expect(call.ends[0]).toMatchObject({
      reason: 'protocol-error',
      error: { code: 'PATCHCORD_AUDIO_FORMAT' },
    });
    expect(connection.refusals[0]?.message).toContain('c(slin)');
    expect(connection.refusals[0]?.details).toEqual({ frameBytes: 160 });
    expect(clock.now()).toBeLessThan(1200);
  });

  it('does not connect when it is hung up as it is answered', async () => {
    let done: Promise<void> | undefined;
    host.onAnswered = () => {
      done = leg.hangUp();
    };
    leg.opened();
    leg.callerAudio(8000, slin(8000));
    clock.advance(1000);
    await done;
    expect(call.log).toEqual(['answered', 'ended hung-up']);
    expect(connection.played).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it('is closed once, however often it is hung up, and says nothing after its end', async () => {
    leg.opened();
    leg.callerAudio(8000, slin(8000));
    await Promise.all([leg.hangUp(), leg.hangUp()]);
    leg.ended({ reason: 'connection-lost' });
    leg.callerAudio(8000, slin(8000));
    leg.callerDigit('1');
    await leg.hangUp();
    expect(connection.closed).toBe(1);
    expect(call.log).toEqual(['answered', 'connected', 'audio', 'ended hung-up']);
  });

  it('has no timer left when Asterisk goes away while its rate is not known', () => {
    leg.opened();
    expect(clock.pending).toBe(1);
    leg.ended({ reason: 'hung-up' });
    expect(clock.pending).toBe(0);
    expect(call.log).toEqual(['ended hung-up']);
  });
});
