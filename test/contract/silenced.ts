import type { CarrierCall, CarrierTraits } from './carrier-driver.ts';
import type { Stage } from './stage.ts';

/** Where the agent was cut off, as the ear has it. */
export interface Silenced {
  /** Played since the call began. */
  readonly playedMs: number;
  /** Received since the call began: what comes after is another answer. */
  readonly receivedBytes: number;
}

/** Longer than the wire takes, shorter than the next answer does. */
const quietMs = 50;

/** Settles when the agent was cut off: by a clear (the last there is), or by sending nothing where nothing is queued. */
export async function silenced(
  stage: Stage,
  { ear }: CarrierCall,
  { clears }: CarrierTraits,
): Promise<Silenced> {
  if (clears) {
    await stage.until('a clear', () => ear.clears.length > 0);
    return ear.clears.at(-1) ?? { playedMs: 0, receivedBytes: 0 };
  }
  await stage.event('barge-in');
  // Counted from here: what was sent before may not have been read yet.
  const cutAt = performance.now();
  await stage.until('silence', () => performance.now() - cutAt >= quietMs && ear.quietMs >= quietMs);
  return { playedMs: ear.playedMs, receivedBytes: ear.receivedBytes };
}
