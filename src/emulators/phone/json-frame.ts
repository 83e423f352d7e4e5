export type Fields = Readonly<Record<string, unknown>>;

/** The object in a text frame, or what is wrong with it. Never throws. */
export type FrameReading =
  | { readonly ok: true; readonly frame: Fields }
  | { readonly ok: false; readonly violation: 'not-json' | 'malformed'; readonly detail: string };

export function readJsonFrame(data: Buffer | string): FrameReading {
  let frame: unknown;
  try {
    frame = JSON.parse(data.toString());
  } catch (error) {
    const detail = error instanceof Error ? error.name : 'unreadable';
    return { ok: false, violation: 'not-json', detail };
  }
  if (!isObject(frame)) return { ok: false, violation: 'malformed', detail: 'not an object' };
  return { ok: true, frame };
}

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** RFC 4648, section 4: the standard alphabet, padded to groups of four. */
export function isPaddedBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
}
