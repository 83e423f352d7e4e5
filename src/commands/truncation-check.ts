import type { SessionRecord } from '../emulators/openai-realtime/session-record.ts';
import type { SeenClear } from './call-summary.ts';

/** A truncation belongs to a clear when both were seen within this. */
const nearMs = 400;

/**
 * How far what the model was told lies from what the carrier had played, per barge-in, in milliseconds; positive
 * when the model believes that more was heard. Sums over the whole session are compared, barge-in by barge-in, so
 * that answers that were heard to their end before count too. Both lists are in the order of their beginning; where
 * there is not one session for each call, they are matched by their times, which must be of one clock.
 */
export function truncationErrorsMs(
  calls: readonly (readonly SeenClear[])[],
  sessions: readonly Pick<SessionRecord, 'truncations' | 'items'>[],
): number[] {
  const inOrder = sessions.length === calls.length;
  const left = new Set(sessions);
  return calls.flatMap((clears, index) => {
    const session = inOrder ? sessions[index] : nearestSession(clears, left);
    if (session === undefined) return [];
    left.delete(session);
    return errorsOf(clears, session);
  });
}

function nearestSession<S extends Pick<SessionRecord, 'truncations'>>(
  clears: readonly SeenClear[],
  sessions: ReadonlySet<S>,
): S | undefined {
  let best: S | undefined;
  let fewestMs = Number.POSITIVE_INFINITY;
  for (const session of sessions) {
    const gaps = clears.map(({ atMs }) => {
      return Math.min(nearMs, ...session.truncations.map((truncation) => Math.abs(truncation.atMs - atMs)));
    });
    const sum = gaps.reduce((total, gap) => total + gap, 0);
    if (sum < fewestMs && gaps.some((gap) => gap < nearMs)) {
      best = session;
      fewestMs = sum;
    }
  }
  return best;
}

function errorsOf(
  clears: readonly SeenClear[],
  session: Pick<SessionRecord, 'truncations' | 'items'>,
): number[] {
  const errors: number[] = [];
  let playedBefore = 0;
  let believedBefore = 0;
  for (const truncation of session.truncations) {
    if (!truncation.accepted) continue;
    const clear = clears.find(({ atMs }) => Math.abs(atMs - truncation.atMs) < nearMs);
    if (clear === undefined) continue;
    const believed = believedAt(session, truncation.itemId, truncation.audioEndMs);
    errors.push(believed - believedBefore - (clear.playedMs - playedBefore));
    believedBefore = believed;
    playedBefore = clear.playedMs;
  }
  return errors;
}

/** What the model holds for heard up to and with this item: all of it, what was truncated, nothing where deleted. */
function believedAt({ items }: Pick<SessionRecord, 'items'>, itemId: string, audioEndMs: number): number {
  let total = 0;
  for (const item of items) {
    if (item.itemId === itemId) return total + audioEndMs;
    // The caller's own turns hold audio too.
    if (item.kind === 'assistant' && !item.deleted) total += item.truncatedMs ?? item.generatedMs;
  }
  return total + audioEndMs;
}
