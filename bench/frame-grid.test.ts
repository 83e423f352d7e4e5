import { describe, expect, it } from 'vitest';
import { FrameGrid } from './frame-grid.ts';

function gridOf(timesMs: readonly number[]): FrameGrid {
  const grid = new FrameGrid();
  for (const timeMs of timesMs) grid.arrived(timeMs);
  return grid;
}

const onTime = Array.from({ length: 200 }, (_, frame) => 1007.25 + frame * 20);

describe('the grid of frames', () => {
  it('lies where the frames come, whatever the first one does', () => {
    expect(gridOf(onTime).deviationsMs().summary()).toMatchObject({ min: 0, max: 0, count: 200 });
    const [first = 0, ...rest] = onTime;
    const { min, p50, max } = gridOf([first + 13, ...rest])
      .deviationsMs()
      .summary();
    expect([min, p50, max]).toEqual([0, 0, 13]);
  });

  it('is strayed from by each late frame alone', () => {
    const late = onTime.map((timeMs, frame) => (frame % 50 === 7 ? timeMs + 4 : timeMs));
    expect([...gridOf(late).deviationsMs().values()].filter((deviation) => deviation !== 0)).toEqual([
      4, 4, 4, 4,
    ]);
    expect(gridOf(late).missing()).toBe(0);
  });

  it('shows frames that came short or twice', () => {
    expect(gridOf(onTime.filter((_, frame) => frame !== 90 && frame !== 91)).missing()).toBe(2);
    expect(
      gridOf(onTime.flatMap((timeMs, frame) => (frame === 90 ? [timeMs, timeMs] : [timeMs]))).missing(),
    ).toBe(-1);
    const caughtUp = onTime.map((timeMs, frame) => (frame >= 90 && frame < 95 ? (onTime[94] ?? 0) : timeMs));
    expect(gridOf(caughtUp).missing()).toBe(0);
  });
});
