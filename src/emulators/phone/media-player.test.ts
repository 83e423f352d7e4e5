import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AudioFormat, bytesPerMs, pcm16At, pcma8k, pcmu8k } from '../../audio/format.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { MediaPlayer, type MediaPlayerOptions } from './media-player.ts';

function newPlayer(options: MediaPlayerOptions = {}, format: AudioFormat = pcmu8k) {
  const clock = new VirtualClock();
  const log: string[] = [];
  const player = new MediaPlayer(
    clock,
    format,
    {
      mark: (name, how) => log.push(`${clock.now()} mark ${name} ${how}`),
      started: (atMs) => log.push(`${atMs} started`),
      silent: (atMs, how) => log.push(`${atMs} silent ${how}`),
    },
    options,
  );
  return { clock, log, player };
}

const audioOf = (ms: number, value = 1) => new Uint8Array(ms * 8).fill(value);

describe('MediaPlayer', () => {
  it('plays in real time, in order, and returns a mark when all before it was played', () => {
    const { clock, log, player } = newPlayer();
    player.play(audioOf(400));
    player.mark('a');
    player.play(audioOf(100));
    player.mark('b');
    clock.advance(399.875);
    expect(player.playedSamples).toBe(3199);
    clock.advance(1000);
    expect(log).toEqual(['0 started', '400 mark a played', '500 silent played', '500 mark b played']);
    expect(player.playedMs).toBe(500);
    expect(clock.pending).toBe(0);
  });

  it('returns a mark at once when nothing is queued', () => {
    const { log, player } = newPlayer();
    player.mark('idle');
    expect(log).toEqual(['0 mark idle idle']);
  });

  it('drops the queue at a clear, returns pending marks at once and knows to the sample what was heard', () => {
    const { clock, log, player } = newPlayer({ keepAudio: true });
    player.play(audioOf(100, 1));
    player.mark('a');
    player.play(audioOf(200, 2));
    player.mark('b');
    player.play(audioOf(50, 3));
    player.mark('c');
    clock.advance(170.125);
    player.clear();
    expect(log).toEqual([
      '0 started',
      '100 mark a played',
      '170.125 silent cleared',
      '170.125 mark b cleared',
      '170.125 mark c cleared',
    ]);
    expect(player.media.map(({ playedSamples }) => playedSamples)).toEqual([800, 561, 0]);
    expect(player.media.map(({ startedAtMs }) => startedAtMs)).toEqual([0, 100, undefined]);
    expect(player.media.map(({ clearedAtMs }) => clearedAtMs)).toEqual([undefined, 170.125, 170.125]);
    expect(player.clears).toEqual([
      { atMs: 170.125, stretchMs: 170.125, playedMs: 170.125, droppedMs: 179.875, marks: ['b', 'c'] },
    ]);
    expect(Buffer.from(player.playedAudio())).toEqual(Buffer.concat([audioOf(100, 1), Buffer.alloc(561, 2)]));
    expect(clock.pending).toBe(0);
  });

  it.each([
    pcma8k,
    pcm16At(8000),
    pcm16At(16_000),
    pcm16At(24_000),
    pcm16At(48_000),
  ])('plays $encoding/$sampleRate to the sample', (format) => {
    const { clock, log, player } = newPlayer({ keepAudio: true }, format);
    const first = Buffer.alloc(100 * bytesPerMs(format), 1);
    const second = Buffer.alloc(200 * bytesPerMs(format), 2);
    player.play(first);
    player.mark('a');
    expect(player.play(second)).toBe(100);
    clock.advance(150.5);
    player.clear();
    expect(player.clears).toMatchObject([{ playedMs: 150.5, droppedMs: 149.5 }]);
    expect(player.playedMs).toBe(150.5);
    const heard = Buffer.concat([first, second.subarray(0, 50.5 * bytesPerMs(format))]);
    expect(Buffer.from(player.playedAudio())).toEqual(heard);
    expect(log).toEqual(['0 started', '100 mark a played', '150.5 silent cleared']);
  });

  it('drops pending marks at a clear where the carrier does so: they never come back', () => {
    const { clock, log, player } = newPlayer({ marksOnClear: 'dropped' });
    player.play(audioOf(100));
    player.mark('a');
    clock.advance(50);
    player.clear();
    clock.advance(1000);
    expect(log).toEqual(['0 started', '50 silent cleared']);
    expect(player.marks).toEqual([{ name: 'a', receivedAtMs: 0, returnedAtMs: undefined, how: 'cleared' }]);
    expect(player.clears[0]?.marks).toEqual(['a']);
  });

  it('waits before it plays where audio comes in real time, so that a late frame leaves no hole', () => {
    const { clock, log, player } = newPlayer({ startDelayMs: 40 });
    expect(player.play(audioOf(20))).toBe(40);
    clock.advance(30);
    expect(player.playedMs).toBe(0);
    player.play(audioOf(20));
    clock.advance(30);
    player.play(audioOf(20));
    clock.advance(1000);
    expect(log).toEqual(['40 started', '100 silent played']);
    expect(player.underruns).toBe(0);
  });

  it('counts a short hole as an underrun, a long one as the end of an answer', () => {
    const { clock, player } = newPlayer();
    player.play(audioOf(100));
    clock.advance(130);
    player.play(audioOf(100));
    clock.advance(2000);
    player.play(audioOf(100));
    expect(player.underruns).toBe(1);
    expect(player.underrunMs).toBe(30);
    expect(player.media.map(({ startedAtMs }) => startedAtMs)).toEqual([0, 130, 2130]);
  });

  it('stands still through a stall of the carrier and goes on at the exact sample', () => {
    const { clock, log, player } = newPlayer();
    player.play(audioOf(300));
    player.mark('end');
    clock.advance(100);
    player.stall(250);
    clock.advance(200);
    expect(player.playedSamples).toBe(800);
    clock.advance(60);
    expect(player.playedSamples).toBe(880);
    clock.advance(500);
    expect(log).toEqual(['0 started', '550 silent played', '550 mark end played']);
  });

  it('refuses media beyond the longest queue', () => {
    const { clock, player } = newPlayer({ maxQueuedMs: 1000 });
    expect(player.play(audioOf(1000))).toBe(0);
    expect(player.play(audioOf(20))).toBeUndefined();
    clock.advance(20);
    expect(player.play(audioOf(20))).toBe(1000);
  });

  it('lets a listener play on from inside a returned mark', () => {
    const clock = new VirtualClock();
    let left = 3;
    const player = new MediaPlayer(clock, pcmu8k, {
      mark: () => {
        if (left-- > 0) next();
      },
    });
    const next = () => {
      player.play(audioOf(40));
      player.mark('next');
    };
    next();
    clock.advance(1000);
    expect(player.playedMs).toBe(160);
    expect(player.underruns).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('agrees with a sample-by-sample count under any order of audio, marks, clears, stalls and pauses', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('play' as const), n: fc.nat(4000) }),
      fc.record({ do: fc.constant('wait' as const), n: fc.nat(4000) }),
      fc.record({ do: fc.constantFrom('mark' as const, 'clear' as const), n: fc.nat(1) }),
      fc.record({ do: fc.constant('stall' as const), n: fc.nat(800) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { clock, player } = newPlayer({ keepAudio: true });
        let queued = 0;
        let held = 0;
        let played = 0;
        for (const { do: what, n } of steps) {
          if (what === 'play') {
            player.play(new Uint8Array(n));
            queued += n;
          } else if (what === 'mark') player.mark('m');
          else if (what === 'stall') {
            player.stall(n / 8);
            if (queued > 0) held += n;
          } else if (what === 'clear') {
            player.clear();
            queued = 0;
            held = 0;
          } else {
            clock.advance(n / 8);
            const still = Math.min(held, n);
            held -= still;
            const sounded = Math.min(queued, n - still);
            queued -= sounded;
            played += sounded;
          }
          expect(player.playedSamples).toBe(played);
          expect(player.queuedMs).toBe(queued / 8);
        }
        player.close();
        expect(player.media.reduce((sum, one) => sum + one.playedSamples, 0)).toBe(played);
        expect(player.playedAudio().length).toBe(played);
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 500 },
    );
  });
});
