import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../base/virtual-clock.ts';
import { NetworkConditions } from './network.ts';

describe('NetworkPath', () => {
  it('delivers at once and without a timer when no conditions are set', () => {
    const clock = new VirtualClock();
    const arrived: string[] = [];
    const path = new NetworkConditions(clock).path<string>('toGateway', (message) => arrived.push(message));
    expect(path.send('a')).toBe(true);
    expect(arrived).toEqual(['a']);
    expect(clock.pending).toBe(0);
  });

  it('delays by exactly the set time', () => {
    const clock = new VirtualClock();
    const arrived: number[] = [];
    const conditions = new NetworkConditions(clock, { toCarrier: { delayMs: 40 } });
    const path = conditions.path<string>('toCarrier', () => arrived.push(clock.now()));
    path.send('a');
    clock.advance(15);
    path.send('b');
    clock.advance(100);
    expect(arrived).toEqual([40, 55]);
  });

  it('keeps the order and the bounds of the delay under any jitter, and repeats itself for a seed', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.nat(200),
        fc.nat(200),
        fc.array(fc.nat(50), { maxLength: 60 }),
        (seed, delayMs, jitterMs, gaps) => {
          const run = () => {
            const clock = new VirtualClock();
            const arrived: { message: number; at: number }[] = [];
            const sent: number[] = [];
            const conditions = new NetworkConditions(clock, { marks: { delayMs, jitterMs } }, seed);
            const path = conditions.path<number>('marks', (message) =>
              arrived.push({ message, at: clock.now() }),
            );
            gaps.forEach((gap, index) => {
              clock.advance(gap);
              sent.push(clock.now());
              path.send(index);
            });
            clock.advance(delayMs + jitterMs + 1);
            expect(arrived.map((one) => one.message)).toEqual(gaps.map((_, index) => index));
            for (const { message, at } of arrived) {
              expect(at).toBeGreaterThanOrEqual((sent[message] ?? 0) + delayMs);
              expect(at).toBeLessThanOrEqual((sent[message] ?? 0) + delayMs + jitterMs);
            }
            return arrived;
          };
          expect(run()).toEqual(run());
        },
      ),
      { numRuns: 200 },
    );
  });

  it('holds everything during a stall and lets it arrive together afterwards', () => {
    const clock = new VirtualClock();
    const arrived: number[] = [];
    const conditions = new NetworkConditions(clock, { toCarrier: { stallEveryMs: 500, stallMs: 200 } }, 7);
    const path = conditions.path<number>('toCarrier', () => arrived.push(clock.now()));
    for (let tick = 0; tick < 200; tick++) {
      path.send(tick);
      clock.advance(20);
    }
    clock.advance(1000);
    expect(path.stalls).toBeGreaterThan(2);
    expect(arrived).toHaveLength(200);
    const bursts = arrived.filter((at, index) => index > 0 && at === arrived[index - 1]);
    expect(bursts.length).toBeGreaterThan(10);
  });

  it('refuses what goes over the bound and leaves no timer behind when closed', () => {
    const clock = new VirtualClock();
    const arrived: number[] = [];
    const conditions = new NetworkConditions(clock, { toGateway: { delayMs: 10 }, maxInFlight: 3 });
    const path = conditions.path<number>('toGateway', (message) => arrived.push(message));
    expect([1, 2, 3, 4].map((message) => path.send(message))).toEqual([true, true, true, false]);
    clock.advance(10);
    expect(path.send(5)).toBe(true);
    path.close();
    expect(path.send(6)).toBe(false);
    expect(clock.pending).toBe(0);
    clock.advance(100);
    expect(arrived).toEqual([1, 2, 3]);
  });

  it('loses sockets as often as it is told to', () => {
    const clock = new VirtualClock();
    const drops = Array.from({ length: 1000 }, (_, seed) =>
      new NetworkConditions(clock, { dropProbability: 0.25 }, seed).dropAtMs(10_000),
    ).filter((at) => at !== undefined);
    expect(drops.length).toBeGreaterThan(200);
    expect(drops.length).toBeLessThan(300);
    expect(Math.max(...drops)).toBeLessThanOrEqual(10_000);
    expect(new NetworkConditions(clock, { dropAtMs: 70 }).dropAtMs(10)).toBe(70);
  });
});
