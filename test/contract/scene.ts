import { expect, it } from 'vitest';
import type { CarrierCall, CarrierDriver, Prepared } from './carrier-driver.ts';
import { Stage, type StageOptions } from './stage.ts';
import { Watch } from './watch.ts';

/** A stage with calls of one carrier on it. */
export interface Scene<Call extends CarrierCall, Ready extends Prepared = Prepared> {
  readonly stage: Stage;
  readonly prepared: Ready;
  readonly calls: readonly Call[];
  /** A call that has begun. */
  call(): Promise<Call>;
  /** A call with an open socket on which nothing was said. */
  silentCall(): Promise<Call>;
}

/**
 * One test: plays the scene, then sees that the model was never asked for anything it refused, that the carrier got
 * nothing its protocol does not have, and that after the callers hung up nothing is left open.
 */
export function scene<Call extends CarrierCall, Ready extends Prepared>(
  name: string,
  driver: CarrierDriver<Call, Ready>,
  options: StageOptions,
  play: (scene: Scene<Call, Ready>) => Promise<void>,
): void {
  it(name, async () => {
    const watch = new Watch();
    const prepared = await driver.prepare(watch.changed);
    let stage: Stage | undefined;
    const calls: Call[] = [];
    try {
      const set = await Stage.set({ ...options, env: { ...prepared.env, ...options.env } }, watch);
      stage = set;
      prepared.listening?.(set.gateway.listeners);
      const open = async (begin: boolean): Promise<Call> => {
        const call = await driver.call(set.gateway.url, watch.changed, begin, prepared);
        calls.push(call);
        return call;
      };
      await play({ stage: set, prepared, calls, call: () => open(true), silentCall: () => open(false) });
      for (const call of calls) call.hangUp();
      await set.until('every socket of the carrier closed', () =>
        calls.every(({ closeCode }) => closeCode !== undefined),
      );
      await set.empty();
      expect(set.rejections()).toEqual([]);
      expect(calls.flatMap(({ violations }) => violations)).toEqual([]);
    } finally {
      for (const call of calls) call.lose();
      await stage?.close();
      await prepared.close();
    }
  });
}
