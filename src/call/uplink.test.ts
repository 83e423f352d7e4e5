import { describe, expect, it } from 'vitest';
import { AudioChunk } from '../audio/chunk.ts';
import { pcm16At, pcmu8k } from '../audio/format.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { Uplink } from './uplink.ts';

function setUp(holdMs = 10_000, to = pcmu8k) {
  const clock = new VirtualClock();
  const lost: number[] = [];
  const uplink = new Uplink({
    clock,
    from: pcmu8k,
    to,
    holdMs,
    events: { lost: (lostMs) => lost.push(lostMs) },
  });
  let bytes = 0;
  const open = () =>
    uplink.open({
      appendAudio: (chunk) => {
        bytes += chunk.byteLength;
      },
    });
  const frame = (timestampMs?: number) =>
    uplink.push(AudioChunk.fromBytes(Buffer.alloc(160, 1)), timestampMs);
  return { clock, uplink, lost, open, frame, sentMs: () => bytes / 8 };
}

describe('caller audio on its way to the model', () => {
  it('has silence where the media clock shows a gap', () => {
    const { clock, open, frame, sentMs, uplink } = setUp();
    open();
    frame(0);
    clock.advance(320);
    frame(320);
    expect(sentMs()).toBe(340);
    expect(uplink.paddedMs).toBe(300);
  });

  it('takes frames out of order and repeated ones as they come, without silence', () => {
    const { open, frame, uplink } = setUp();
    open();
    for (const at of [0, 20, 60, 40, 80, 80]) frame(at);
    expect(uplink.paddedMs).toBe(20);
    frame(100);
    expect(uplink.paddedMs).toBe(20);
  });

  it('takes a jump of the media clock for what it is, forward and back, and sees gaps afterwards', () => {
    const { clock, open, frame, uplink } = setUp();
    open();
    frame(0);
    clock.advance(20);
    frame(3_600_000);
    expect(uplink.paddedMs).toBe(0);
    frame(40);
    frame(60);
    clock.advance(120);
    frame(180);
    expect(uplink.paddedMs).toBe(100);
  });

  it('fills no more than the time that passed, within a second', () => {
    const { clock, open, frame, uplink } = setUp();
    open();
    frame(0);
    clock.advance(500);
    frame(9000);
    expect(uplink.paddedMs).toBe(1500);
  });

  it('ends a stall with silence each time the media stops while the caller speaks', () => {
    const { clock, open, frame, uplink } = setUp();
    open();
    frame();
    uplink.watchStall(true);
    clock.advance(1700);
    expect(uplink.paddedMs).toBe(1000);
    frame();
    clock.advance(1700);
    expect(uplink.paddedMs).toBe(2000);
    uplink.watchStall(false);
    frame();
    clock.advance(2000);
    expect(uplink.paddedMs).toBe(2000);
    expect(clock.pending).toBe(0);
  });

  it('goes on with silence as long as a model may wait for it, and ends with that', () => {
    const { clock, open, frame, uplink } = setUp();
    open();
    frame(0);
    uplink.watchStall(true);
    clock.advance(5000);
    expect(uplink.paddedMs).toBe(5000);
    clock.advance(60_000);
    expect(uplink.paddedMs).toBe(11_000);
    expect(clock.pending).toBe(0);
    // Media that comes back may stop again.
    frame(65_000);
    clock.advance(800);
    expect(uplink.paddedMs).toBe(12_000);
  });

  it('does not take the silence of a stall off a later gap that has nothing to do with it', () => {
    const { clock, open, frame, uplink } = setUp();
    open();
    frame(0);
    uplink.watchStall(true);
    clock.advance(800);
    uplink.watchStall(false);
    frame(20);
    clock.advance(500);
    frame(540);
    expect(uplink.paddedMs).toBe(1500);
  });

  it('counts what the model does not read, at once and once', () => {
    const { uplink, lost, frame } = setUp();
    const sink = { droppedBytes: 0, appendAudio: () => undefined };
    uplink.open(sink);
    frame();
    sink.droppedBytes = 800;
    expect([uplink.lostMs, lost]).toEqual([100, []]);
    uplink.hold();
    expect([uplink.lostMs, lost]).toEqual([100, [100]]);
    uplink.open(sink);
    uplink.close();
    expect([uplink.lostMs, lost]).toEqual([100, [100]]);
  });

  it('counts what falls out of the early buffer in milliseconds, also when it is converted and padded', () => {
    const { clock, uplink, lost, frame } = setUp(1000, pcm16At(24_000));
    for (let at = 0; at < 1000; at += 20) frame(at);
    clock.advance(10_000);
    frame(9000);
    const sum = lost.reduce((total, ms) => total + ms, 0);
    expect(uplink.lostMs).toBe(sum);
    // 1,000 ms said, 8,000 ms of gap and 20 ms more, of which one second at most is kept.
    expect(sum).toBeGreaterThanOrEqual(8000);
    expect(sum).toBeLessThanOrEqual(9020);
  });
});
