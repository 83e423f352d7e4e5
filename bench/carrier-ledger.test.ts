import { describe, expect, it } from 'vitest';
import { ArrivalLedger, QueueLedger } from './carrier-ledger.ts';

describe('what a carrier with a queue played', () => {
  it('starts when audio arrives and advances with the clock, never past what came', () => {
    const ledger = new QueueLedger();
    ledger.queue(1000, 1, 400);
    expect(ledger.playedMs(1, 1000)).toBe(0);
    expect(ledger.playedMs(1, 1123.5)).toBe(123.5);
    expect(ledger.playedMs(1, 9000)).toBe(400);
    expect(ledger.endMs).toBe(1400);
  });

  it('queues bursts behind each other', () => {
    const ledger = new QueueLedger();
    ledger.queue(0, 1, 200);
    ledger.queue(10, 1, 200);
    ledger.queue(20, 2, 200);
    expect(ledger.playedMs(1, 450)).toBe(400);
    expect(ledger.playedMs(2, 450)).toBe(50);
  });

  it('stands still while it has nothing to play', () => {
    const ledger = new QueueLedger();
    ledger.queue(0, 1, 100);
    ledger.queue(600, 1, 100);
    expect(ledger.playedMs(1, 500)).toBe(100);
    expect(ledger.playedMs(1, 650)).toBe(150);
    expect(ledger.endMs).toBe(700);
  });

  it('drops the rest at a clear and keeps what was heard', () => {
    const ledger = new QueueLedger();
    ledger.queue(0, 1, 100);
    ledger.queue(0, 2, 1000);
    ledger.clear(350);
    expect([ledger.playedMs(1, 5000), ledger.playedMs(2, 5000)]).toEqual([100, 250]);
    ledger.queue(400, 3, 10);
    expect(ledger.endMs).toBe(410);
    expect(ledger.playedMs(2, 5000)).toBe(250);
  });

  it('begins late where the carrier does, but plays on without a hole', () => {
    const ledger = new QueueLedger(() => 50);
    ledger.queue(0, 1, 100);
    ledger.queue(120, 1, 100);
    expect([ledger.playedMs(1, 40), ledger.playedMs(1, 60), ledger.playedMs(1, 200)]).toEqual([0, 10, 150]);
    expect([ledger.sinceMs, ledger.endMs]).toEqual([50, 250]);
    ledger.clear(250);
    ledger.queue(300, 2, 100);
    ledger.clear(320);
    expect([ledger.playedMs(2, 999), ledger.endMs]).toEqual([0, 320]);
  });
});

describe('what a carrier without a queue played', () => {
  it('is what arrived, and no clear takes it back', () => {
    const ledger = new ArrivalLedger();
    ledger.queue(0, 1, 20);
    ledger.queue(20, 1, 20);
    ledger.clear();
    ledger.queue(40, 2, 20);
    expect([ledger.playedMs(1), ledger.playedMs(2), ledger.playedMs(3), ledger.endMs]).toEqual([
      40, 20, 0, 40,
    ]);
  });
});
