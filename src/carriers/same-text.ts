import { timingSafeEqual } from 'node:crypto';

/** Takes as long for a near miss as for a far one. An empty `expected` is never matched. */
export function sameText(given: string, expected: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(expected);
  return b.length > 0 && a.length === b.length && timingSafeEqual(a, b);
}
