import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../base/virtual-clock.ts';
import { PlayoutClock } from './playout-clock.ts';
import { seeded } from './testing/seeded.ts';

function setUp() {
  const clock = new VirtualClock();
  const timeline = new PlayoutClock(clock);
  /** Marks every 200 ms up to `untilMs`, each coming back `lateMs` after its place was to sound. */
  const marks = (fromMs: number, untilMs: number, lateMs: number): void => {
    for (let at = fromMs; at <= untilMs; at += 200) {
      clock.advance(Math.max(0, at + lateMs - clock.now()));
      timeline.acknowledge(at);
    }
  };
  return { clock, timeline, marks };
}

describe('the place that the caller hears', () => {
  it('moves with the clock from the first audio on and stops at the end of what was sent', () => {
    const { clock, timeline } = setUp();
    clock.advance(500);
    expect(timeline.extend(1000)).toEqual({ startMs: 0, silentForMs: 500 });
    clock.advance(300);
    expect([timeline.position(), timeline.remainingMs()]).toEqual([300, 700]);
    clock.advance(5000);
    expect([timeline.position(), timeline.remainingMs()]).toEqual([1000, 0]);
  });

  it('runs on through audio that comes in time, and stands still through a gap', () => {
    const { clock, timeline } = setUp();
    timeline.extend(1000);
    clock.advance(900);
    expect(timeline.extend(1000)).toEqual({ startMs: 1000, silentForMs: undefined });
    clock.advance(2000);
    expect(timeline.extend(500)).toEqual({ startMs: 2000, silentForMs: 900 });
    clock.advance(100);
    expect(timeline.position()).toBe(2100);
  });

  it('is at least where the carrier says it is', () => {
    const { clock, timeline } = setUp();
    timeline.extend(1000);
    clock.advance(100);
    timeline.acknowledge(400);
    expect([timeline.position(), timeline.isConfirmed]).toEqual([400, false]);
  });

  it('is not moved back by one late mark', () => {
    const { timeline, marks } = setUp();
    timeline.extend(10_000);
    marks(200, 2000, 60);
    marks(2200, 2200, 400);
    expect(timeline.position()).toBe(2600);
  });

  it('is moved back when marks stay late: the carrier is behind', () => {
    const { clock, timeline, marks } = setUp();
    timeline.extend(20_000);
    marks(200, 1000, 60);
    marks(1200, 4000, 560);
    expect(clock.now()).toBe(4560);
    expect(timeline.position()).toBe(4060);
  });

  it('is too early, and never too late, where the network itself grows slower in the call', () => {
    const { clock, timeline } = setUp();
    timeline.extend(1000);
    clock.advance(1000);
    timeline.acknowledge(1000);
    clock.advance(1000);
    const startedAt = clock.now();
    timeline.extend(8000);
    for (let at = 200; at <= 4000; at += 200) {
      clock.advance(startedAt + at + 240 - clock.now());
      timeline.acknowledge(1000 + at);
      const heardMs = timeline.position() - 1000;
      const isBelieved = at >= 200 + 1000;
      expect([at, heardMs]).toEqual([at, isBelieved ? at : at + 240]);
    }
  });

  it('does not take back what was told as heard', () => {
    const { clock, timeline, marks } = setUp();
    timeline.extend(2000);
    marks(200, 400, 60);
    clock.advance(3000);
    timeline.settle();
    timeline.extend(1000);
    expect(timeline.position()).toBe(2000);
  });

  it('is the end of everything once the rest was cut', () => {
    const { clock, timeline } = setUp();
    timeline.extend(5000);
    clock.advance(1240);
    expect(timeline.cut()).toBe(1240);
    // Of what was cut the carrier will not say that it was played.
    expect(timeline.isConfirmed).toBe(true);
    clock.advance(1000);
    expect([timeline.position(), timeline.endMs, timeline.remainingMs()]).toEqual([1240, 1240, 0]);
    expect(timeline.extend(100)).toEqual({ startMs: 1240, silentForMs: 1000 });
  });

  it('has nothing left once that time has passed, whatever binary fractions say', () => {
    const { clock, timeline } = setUp();
    const random = seeded(4);
    for (let stretch = 0; stretch < 1000; stretch += 1) {
      clock.advance((random() * 1000) / 3);
      timeline.extend((random() * 300) / 7);
      clock.advance(timeline.remainingMs());
      expect(timeline.remainingMs()).toBe(0);
    }
  });

  it('goes back to the chunk with which a carrier began anew that ran dry unseen', () => {
    const { clock, timeline } = setUp();
    timeline.extend(1000);
    clock.advance(100);
    timeline.started(100);
    clock.advance(850);
    // Sent in time, but a stall of the network lets it come 1,500 ms late: the carrier is silent meanwhile.
    timeline.extend(4000);
    clock.advance(1600);
    expect(timeline.position()).toBe(2550);
    timeline.started(100);
    // It began 100 ms ago by our clock, with a chunk that was sent by then: the one at 1,000 ms.
    expect(timeline.position()).toBe(1100);
    clock.advance(500);
    expect(timeline.cut()).toBe(1600);
  });
});
