import { describe, expect, it } from 'vitest';
import { PatchcordError } from '../base/errors.ts';
import type { LegEnd } from '../call/leg.ts';
import { PendingTransfer } from './pending-transfer.ts';

const gone: LegEnd = { reason: 'hung-up' };

describe('a transfer that the carrier has not answered', () => {
  it('keeps the end that comes meanwhile, and tells it before those who wait', async () => {
    const transfer = new PendingTransfer();
    const answer = Promise.withResolvers<string>();
    const told: string[] = [];
    const running = transfer.run(
      () => answer.promise,
      ({ reason }) => told.push(reason),
    );
    expect(transfer.isPending).toBe(true);
    expect(transfer.keeps(gone)).toBe(true);
    const waiting = transfer.decided.then(() => told.push('decided'));
    expect(told).toEqual([]);
    answer.resolve('taken');
    expect(await running).toBe('taken');
    await waiting;
    expect(told).toEqual(['hung-up', 'decided']);
    expect(transfer.isPending).toBe(false);
  });

  it('lets those go on who wait when it fails, and keeps no end for the next', async () => {
    const transfer = new PendingTransfer();
    const told: LegEnd[] = [];
    const fail = (): Promise<never> => Promise.reject(new Error('no answer'));
    const running = transfer.run(fail, (end) => told.push(end));
    transfer.keeps(gone);
    const { decided } = transfer;
    await expect(running).rejects.toThrow('no answer');
    await decided;
    await transfer.run(
      () => Promise.resolve(),
      (end) => told.push(end),
    );
    expect(told).toEqual([gone]);
  });

  it('keeps no end that is a fault of its own, nor any where nothing was asked', async () => {
    const transfer = new PendingTransfer();
    await transfer.decided;
    expect(transfer.keeps(gone)).toBe(false);
    const error = new PatchcordError('PATCHCORD_MESSAGE_MALFORMED');
    const running = transfer.run(
      () => Promise.resolve(),
      () => expect.unreachable(),
    );
    expect(transfer.keeps({ reason: 'protocol-error', error })).toBe(false);
    await running;
  });
});
