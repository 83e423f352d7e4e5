export interface Backoff {
  /** Upper end of the first delay, milliseconds. */
  readonly baseMs: number;
  /** Upper end of every later delay, milliseconds. */
  readonly capMs: number;
}

/**
 * Exponential backoff with full jitter: anything between zero and the doubled bound, so that many calls that
 * lost their model in one moment do not come back in one moment. `attempt` counts from 0; `random` gives [0, 1).
 */
export function fullJitterMs(attempt: number, backoff: Backoff, random: () => number): number {
  const bound = Math.min(backoff.capMs, backoff.baseMs * 2 ** Math.min(attempt, 30));
  return random() * bound;
}
