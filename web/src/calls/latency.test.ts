import { describe, expect, it } from 'vitest';
import { formatSeconds, latencyChart, withLatency } from './latency.ts';

describe('the latency chart', () => {
  it('shares a round scale between the wait for the first audio and its way to the ear', () => {
    const chart = latencyChart([{ turnId: 2, firstAudioMs: 750, heardMs: 1200 }], 8);
    expect(chart.scaleMs).toBe(1500);
    expect(chart.bars[0]).toMatchObject({ sentShare: 0.5, heardShare: 0.3 });
  });

  it('shows apart how long the model waited for the end of speech', () => {
    const [bar, odd] = latencyChart(
      [
        { turnId: 2, firstAudioMs: 750, endpointingMs: 500 },
        { turnId: 3, firstAudioMs: 200, endpointingMs: 500 },
      ],
      8,
    ).bars;
    expect([bar?.waitShare, bar?.sentShare]).toEqual([0.5, 0.25]);
    expect([odd?.waitShare, odd?.sentShare]).toEqual([0.2, 0]);
  });

  it('does not make a quick answer look slow', () => {
    expect(latencyChart([{ turnId: 1, firstAudioMs: 90 }], 8).scaleMs).toBe(1000);
  });

  it('gives no length to a way to the ear that is not known or cannot be', () => {
    const chart = latencyChart(
      [
        { turnId: 1, firstAudioMs: 500 },
        { turnId: 2, firstAudioMs: 500, heardMs: 400 },
      ],
      8,
    );
    expect(chart.bars.map((bar) => bar.heardShare)).toEqual([0, 0]);
  });

  it('shows the newest answers and takes the median of all', () => {
    const answers = [900, 100, 300, 200].map((firstAudioMs, turnId) => ({ turnId, firstAudioMs }));
    const chart = latencyChart(answers, 2);
    expect(chart.bars.map((bar) => bar.turnId)).toEqual([2, 3]);
    expect(chart.medianMs).toBe(250);
    expect(latencyChart([], 2)).toEqual({ bars: [], scaleMs: 1000, medianMs: undefined });
  });

  it('adds to an answer what is known of it later', () => {
    const first = withLatency([], { turnId: 4, firstAudioMs: 300 });
    expect(withLatency(first, { turnId: 4, firstAudioMs: 300, heardMs: 340 })).toEqual([
      { turnId: 4, firstAudioMs: 300, heardMs: 340 },
    ]);
    const heard = withLatency(first, { turnId: 4, firstAudioMs: 300, heardMs: 380 });
    expect(withLatency(heard, { turnId: 4, firstAudioMs: 300, heardMs: 310 })).toEqual(heard);
    expect(withLatency(first, { turnId: 6, firstAudioMs: 1 }, 1)).toEqual([{ turnId: 6, firstAudioMs: 1 }]);
  });

  it('writes seconds as people read them', () => {
    expect([formatSeconds(42), formatSeconds(1234), formatSeconds(12_340)]).toEqual([
      '0.04 s',
      '1.23 s',
      '12.3 s',
    ]);
  });
});
