import { describe, expect, it } from 'vitest';
import { liveCall } from './testing/set-up.ts';

const minuteMs = 60_000;

describe('a caller on hold', () => {
  it('is neither asked whether he is there nor hung up', async () => {
    const { clock, leg, model, call } = liveCall();
    leg.events.hold?.(true);
    await clock.advanceAsync(10 * minuteMs);
    expect(model.session.requests).toEqual([]);
    expect(leg.hangUps).toEqual([]);
    expect(call.state).toBe('live');
  });

  it('is not asked after an answer that ended meanwhile either', async () => {
    const { clock, leg, model } = liveCall();
    model.session.answer('resp-1', 'item-1', 4000, 'One moment.');
    leg.events.hold?.(true);
    await clock.advanceAsync(10 * minuteMs);
    expect(model.session.requests).toEqual([]);
  });

  it('has the whole ladder before him when he is back', async () => {
    const { clock, leg, model } = liveCall();
    const { session } = model;
    await clock.advanceAsync(15_000);
    expect(session.requests).toHaveLength(1);
    session.answer('resp-0', 'item-0', 1000, 'Hello?', session.requests.at(-1)?.requestId);
    await clock.advanceAsync(1000);
    leg.events.hold?.(true);
    await clock.advanceAsync(minuteMs);
    leg.events.hold?.(false);
    await clock.advanceAsync(14_999);
    expect(session.requests).toHaveLength(1);
    await clock.advanceAsync(1);
    for (const round of [2, 3, 4]) {
      expect(session.requests).toHaveLength(round);
      expect(leg.hangUps).toEqual([]);
      session.answer(`resp-${round}`, `item-${round}`, 1000, 'Hello?', session.requests.at(-1)?.requestId);
      await clock.advanceAsync(round === 4 ? 1000 : 16_000);
    }
    expect(leg.hangUps).toEqual(['no-input']);
  });

  it('does not hold up the longest time of a call', async () => {
    const { clock, leg, model } = liveCall({ limits: { maxDurationMs: 2 * minuteMs } });
    leg.events.hold?.(true);
    await clock.advanceAsync(2 * minuteMs - 1);
    expect(model.session.requests).toEqual([]);
    await clock.advanceAsync(1);
    expect(model.session.requests).toHaveLength(1);
  });

  it('leaves nothing behind when he hangs up', async () => {
    const { clock, leg } = liveCall();
    leg.events.hold?.(true);
    leg.end();
    await clock.advanceAsync(0);
    expect(clock.pending).toBe(0);
  });
});
