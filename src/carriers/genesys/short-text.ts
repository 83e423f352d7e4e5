const ellipsis = ' [...]';

/** The text, or as much of its beginning as takes no more than that many bytes in JSON, cut between code points. */
export function shortText(text: string, maxBytes: number): string {
  // No code unit takes more than the six bytes of `\u0000`.
  if (text.length * 6 <= maxBytes || jsonBytes(text) <= maxBytes) return text;
  let left = maxBytes - ellipsis.length;
  let end = 0;
  for (const point of text) {
    left -= jsonBytes(point);
    if (left < 0) break;
    end += point.length;
  }
  return text.slice(0, end) + ellipsis;
}

function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text)) - 2;
}
