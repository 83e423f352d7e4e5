import { describe, expect, it } from 'vitest';
import { CarrierLedger } from './carrier-ledger.ts';

describe('what the carrier played', () => {
  it('starts when audio arrives and advances with the clock, never past what came', () => {
    const ledger = new CarrierLedger();
    ledger.queue(1000, 1, 3200);
    expect(ledger.playedMs(1, 1000)).toBe(0);
    expect(ledger.playedMs(1, 1123.5)).toBe(123.5);
    expect(ledger.playedMs(1, 9000)).toBe(400);
    expect(ledger.endMs).toBe(1400);
  });

  it('queues bursts behind each other', () => {
    const ledger = new CarrierLedger();
    ledger.queue(0, 1, 1600);
    ledger.queue(10, 1, 1600);
    ledger.queue(20, 2, 1600);
    expect(ledger.playedMs(1, 450)).toBe(400);
    expect(ledger.playedMs(2, 450)).toBe(50);
  });

  it('stands still while it has nothing to play', () => {
    const ledger = new CarrierLedger();
    ledger.queue(0, 1, 800);
    ledger.queue(600, 1, 800);
    expect(ledger.playedMs(1, 500)).toBe(100);
    expect(ledger.playedMs(1, 650)).toBe(150);
    expect(ledger.endMs).toBe(700);
  });

  it('drops the rest at a clear and keeps what was heard', () => {
    const ledger = new CarrierLedger();
    ledger.queue(0, 1, 800);
    ledger.queue(0, 2, 8000);
    ledger.clear(350);
    expect([ledger.playedMs(1, 5000), ledger.playedMs(2, 5000)]).toEqual([100, 250]);
    ledger.queue(400, 3, 80);
    expect(ledger.endMs).toBe(410);
    expect(ledger.playedMs(2, 5000)).toBe(250);
  });
});
