/** `Retry-After` (RFC 9110, section 10.2.3), seconds or a date, in milliseconds from now on; undefined: it says nothing. */
export function readRetryAfter(value: string | null | undefined, epochMs: number): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (/^\s*\d{1,9}\s*$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - epochMs);
}
