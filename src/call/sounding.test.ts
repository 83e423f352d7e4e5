import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../base/virtual-clock.ts';
import { Sounding } from './sounding.ts';

/** An item of ten seconds that sounds from now on. */
function setUp(options: { readonly marks: boolean; readonly followed: boolean }) {
  const clock = new VirtualClock();
  const told: number[] = [];
  const sounding = new Sounding({
    clock,
    marks: options.marks,
    followed: () => options.followed,
    playout: {
      get pendingMs() {
        return Math.max(0, 10_000 - clock.now());
      },
      get sounding() {
        const item = { responseId: 'resp-1', itemId: 'item-1', contentIndex: 0 };
        return { ...item, heardMs: clock.now(), generatedMs: 10_000, generationDone: true };
      },
    },
    transcript: { agentSounding: ({ heardMs }) => told.push(heardMs) },
  });
  return { clock, sounding, told };
}

describe('what was heard of what sounds now', () => {
  it('is told with the marks of the carrier, every 400 ms at most', () => {
    const { clock, sounding, told } = setUp({ marks: true, followed: true });
    sounding.sent();
    expect(clock.pending).toBe(0);
    for (let ms = 0; ms < 1500; ms += 150) {
      clock.advance(150);
      sounding.acknowledged();
    }
    expect(told).toEqual([450, 900, 1350]);
  });

  it('is told by the clock where the carrier returns no marks, until all was heard', () => {
    const { clock, sounding, told } = setUp({ marks: false, followed: true });
    sounding.sent();
    sounding.sent();
    clock.advance(1200);
    expect(told).toEqual([400, 800, 1200]);
    clock.advance(20_000);
    expect(told.at(-1)).toBe(10_000);
    expect(clock.pending).toBe(0);
  });

  it('is told to those who do not follow when they ask, and to nobody before', () => {
    const { clock, sounding, told } = setUp({ marks: false, followed: false });
    sounding.sent();
    clock.advance(1000);
    sounding.acknowledged();
    expect(told).toEqual([]);
    sounding.asked();
    expect(told).toEqual([1000]);
  });

  it('is not reckoned once more for those who follow anyway', () => {
    const { clock, sounding, told } = setUp({ marks: true, followed: true });
    clock.advance(1000);
    sounding.asked();
    expect(told).toEqual([]);
  });

  it('is told to nobody after the end', () => {
    const { clock, sounding } = setUp({ marks: false, followed: true });
    sounding.sent();
    sounding.close();
    expect(clock.pending).toBe(0);
  });
});
