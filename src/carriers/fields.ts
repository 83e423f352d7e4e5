/** How carriers' JSON is read: lenient in what is taken, so that a number may be a string and the reverse. */

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object, or an empty one in place of anything else. */
export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {};
}

/** A text that is not empty. */
export function readText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A count that is written as a number or as a string of digits. */
export function readCount(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  return typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

/** One key of a telephone keypad, `0`-`9`, `*`, `#`, `A`-`D`; `a` is `A` and the number 5 is `5`. */
export function readDigit(value: unknown): string | undefined {
  const digit = typeof value === 'string' || typeof value === 'number' ? `${value}`.toUpperCase() : '';
  return /^[0-9*#A-D]$/.test(digit) ? digit : undefined;
}

/** What a peer wrote, as far as it may stand in a message or a log line. */
export function printable(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 64) : typeof value;
}

/** The JSON object that a text frame holds; undefined for anything else. */
export function readObject(frame: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(frame.toString('utf8'));
    return isRecord(parsed) ? parsed : undefined;
  } catch {
    // Not JSON: the caller says so with its own code.
    return undefined;
  }
}
