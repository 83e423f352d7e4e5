import { expect, it } from 'vitest';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { Transfers } from './transfers.ts';

const transfer = (callUuid: string) => ({ callUuid, answer: '<Response/>', fetched: () => undefined });

it('keeps an answer until its time is over, as Plivo may ask twice', () => {
  const clock = new VirtualClock();
  const transfers = new Transfers(clock);
  const id = transfers.offer(transfer('u1'));
  expect(id).toMatch(/^[\w-]{16}$/);
  expect(transfers.find(id)?.callUuid).toBe('u1');
  clock.advance(59_999);
  expect(transfers.find(id)?.callUuid).toBe('u1');
  expect(transfers.find('other')).toBeUndefined();
  clock.advance(1);
  expect(transfers.find(id)).toBeUndefined();
  expect(clock.pending).toBe(0);
});

it('gives up the oldest when there are too many, and all of them and their timers in the end', () => {
  const clock = new VirtualClock();
  const transfers = new Transfers(clock, { lifetimeMs: 1000, capacity: 2 });
  const [first, second, third] = ['u1', 'u2', 'u3'].map((uuid) => transfers.offer(transfer(uuid)));
  expect(transfers.find(first ?? '')).toBeUndefined();
  expect(transfers.find(second ?? '')?.callUuid).toBe('u2');
  expect(clock.pending).toBe(2);
  transfers.withdraw(second ?? '');
  expect(transfers.find(second ?? '')).toBeUndefined();
  transfers.close();
  expect(transfers.find(third ?? '')).toBeUndefined();
  expect(clock.pending).toBe(0);
});
