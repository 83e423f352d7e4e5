import { expect, it } from 'vitest';
import type { CarrierCall, CarrierDriver } from './carrier-driver.ts';
import { Stage, type StageOptions } from './stage.ts';

/** A stage with calls of one carrier on it. */
export interface Scene<Call extends CarrierCall> {
  readonly stage: Stage;
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
export function scene<Call extends CarrierCall>(
  name: string,
  driver: CarrierDriver<Call>,
  options: StageOptions,
  play: (scene: Scene<Call>) => Promise<void>,
): void {
  it(name, async () => {
    const stage = await Stage.set({ ...options, env: { ...driver.env, ...options.env } });
    const calls: Call[] = [];
    const open = async (begin: boolean): Promise<Call> => {
      const call = await driver.call(stage.gateway.url, stage.watch.changed, begin);
      calls.push(call);
      return call;
    };
    try {
      await play({ stage, calls, call: () => open(true), silentCall: () => open(false) });
      for (const call of calls) call.hangUp();
      await stage.until('every socket of the carrier closed', () =>
        calls.every(({ closeCode }) => closeCode !== undefined),
      );
      await stage.empty();
      expect(stage.rejections()).toEqual([]);
      expect(calls.flatMap(({ violations }) => violations)).toEqual([]);
    } finally {
      for (const call of calls) call.lose();
      await stage.close();
    }
  });
}
