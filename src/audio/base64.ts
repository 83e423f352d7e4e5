const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** 1 for every byte that base64 does not have. */
const isForeign: Uint8Array = Uint8Array.from({ length: 256 }, (_, code) =>
  alphabet.includes(String.fromCharCode(code)) ? 0 : 1,
);
const equals = 0x3d;

/** Whether the bytes from `start` to `end` are standard padded base64 (RFC 4648, section 4) of at least one byte. */
export function isBase64(text: Uint8Array, start = 0, end = text.length): boolean {
  const length = end - start;
  if (length === 0 || length % 4 !== 0) return false;
  let stop = end;
  if (text[end - 1] === equals) stop = text[end - 2] === equals ? end - 2 : end - 1;
  // Runs over every frame of every call: no branch per byte.
  let foreign = 0;
  let at = start;
  for (; at + 4 <= stop; at += 4) {
    foreign |=
      (isForeign[text[at] as number] as number) |
      (isForeign[text[at + 1] as number] as number) |
      (isForeign[text[at + 2] as number] as number) |
      (isForeign[text[at + 3] as number] as number);
  }
  for (; at < stop; at++) foreign |= isForeign[text[at] as number] as number;
  return foreign === 0;
}
