import { describe, expect, it } from 'vitest';
import { pcmu8k } from '../../audio/format.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { ChannelPlayer } from './channel-player.ts';

function newPlayer() {
  const clock = new VirtualClock();
  const told: string[] = [];
  const tell = (what: string) => told.push(`${clock.now()} ${what}`);
  const player = new ChannelPlayer({
    clock,
    format: pcmu8k,
    keepAudio: true,
    tell: ({ event }) => tell(event),
  }).listen({
    mark: (name, how) => tell(`mark ${name} ${how}`),
    started: (atMs) => tell(`started ${atMs}`),
    silent: (atMs, how) => tell(`silent ${atMs} ${how}`),
  });
  return { clock, player, told };
}

const ms = (length: number, fill = 1) => Buffer.alloc(length * 8, fill);

describe('ChannelPlayer', () => {
  it('gives the phone a frame at each tick of its timer, which has run since the start', () => {
    const { clock, player, told } = newPlayer();
    clock.advance(33);
    expect(player.play(ms(40))).toBe(40);
    expect(player.play(ms(20))).toBe(80);
    clock.advance(20);
    expect([player.playing, player.playedMs]).toEqual([true, 13]);
    clock.advance(200);
    expect(told).toEqual(['40 started 40', '100 silent 100 played']);
    expect(player.playedMs).toBe(60);
    expect(player.playedAudio()).toEqual(ms(60));
    expect(player.media.map(({ startedAtMs, playedSamples }) => [startedAtMs, playedSamples])).toEqual([
      [40, 320],
      [80, 160],
    ]);
    expect(clock.pending).toBe(0);
  });

  it('starts at the next tick when something comes on a tick', () => {
    const { clock, player, told } = newPlayer();
    clock.advance(40);
    expect(player.play(ms(20))).toBe(60);
    clock.advance(40);
    expect(told).toEqual(['60 started 60', '80 silent 80 played']);
  });

  it('returns a mark at the end of the frame before it, and at the next tick when nothing is queued', () => {
    const { clock, player, told } = newPlayer();
    player.play(ms(60));
    player.mark('end');
    clock.advance(105);
    player.mark('idle');
    clock.advance(100);
    expect(told).toEqual([
      '20 started 20',
      '80 mark end played',
      '80 silent 80 played',
      '120 mark idle idle',
    ]);
    expect(player.marks.map(({ returnedAtMs, how }) => [returnedAtMs, how])).toEqual([
      [80, 'played'],
      [120, 'idle'],
    ]);
  });

  it('falls silent within a frame when it is cleared, and drops the marks', () => {
    const { clock, player, told } = newPlayer();
    player.play(ms(1000));
    player.mark('gone');
    clock.advance(105);
    player.clear();
    player.play(ms(20, 9));
    clock.advance(500);
    expect(player.clears).toEqual([
      { atMs: 105, stretchMs: 100, playedMs: 100, droppedMs: 900, marks: ['gone'] },
    ]);
    expect(player.playedAudio()).toEqual(Buffer.concat([ms(100), ms(20, 9)]));
    expect(told).toEqual([
      '20 started 20',
      '105 silent 105 cleared',
      '120 started 120',
      '140 silent 140 played',
    ]);
    expect(player.marks[0]).toMatchObject({ how: 'cleared', returnedAtMs: undefined });
    player.clear();
    expect(player.clears[1]).toMatchObject({ stretchMs: 0, playedMs: 120, droppedMs: 0 });
  });

  it('counts a hole within an answer as an underrun, and a pause between two as none', () => {
    const { clock, player } = newPlayer();
    player.play(ms(40));
    clock.advance(110);
    player.play(ms(40));
    clock.advance(1000);
    player.play(ms(40));
    clock.advance(100);
    expect([player.underruns, player.underrunMs]).toEqual([1, 60]);
  });

  it('holds the queue while it is paused', () => {
    const { clock, player, told } = newPlayer();
    player.play(ms(60));
    clock.advance(30);
    player.pause(true);
    clock.advance(1000);
    expect(player.playedMs).toBe(20);
    player.pause(false);
    clock.advance(100);
    expect(player.playedMs).toBe(60);
    expect(told).toContain('1040 started 1040');
  });

  it('says XOFF, XON and that it is drained', () => {
    const { clock, player, told } = newPlayer();
    player.play(ms(901 * 20));
    player.reportDrained();
    clock.advance(60_000);
    // 102 frames are gone after 2,040 ms.
    expect(told).toEqual([
      '0 MEDIA_XOFF',
      '20 started 20',
      '2060 MEDIA_XON',
      '18040 QUEUE_DRAINED',
      '18040 silent 18040 played',
    ]);
  });

  it('refuses what comes when 1,000 frames are queued', () => {
    const { player } = newPlayer();
    expect(player.play(ms(20_000))).toBe(20);
    expect(player.play(ms(20))).toBeUndefined();
  });

  it('stands still for a stall and leaves no timer when it is closed', () => {
    const { clock, player, told } = newPlayer();
    player.play(ms(100));
    clock.advance(50);
    player.stall(100);
    clock.advance(300);
    expect(told).toEqual(['20 started 20', '220 silent 220 played']);
    player.play(ms(100));
    player.close();
    expect(clock.pending).toBe(0);
  });

  it('buffers tails between messages', () => {
    const { clock, player, told } = newPlayer();
    expect(player.tailOf(100)).toBe(100);
    player.startBuffering();
    expect(player.tailOf(100)).toBe(0);
    player.play(Buffer.alloc(100, 1));
    player.play(Buffer.alloc(100, 2));
    player.stopBuffering('b');
    clock.advance(100);
    expect(player.playedAudio()).toEqual(Buffer.concat([Buffer.alloc(100, 1), Buffer.alloc(100, 2)]));
    expect(told).toContain('60 MEDIA_BUFFERING_COMPLETED');
  });
});
