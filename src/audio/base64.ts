const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** 1 for every byte that base64 does not have. */
const isForeign: Uint8Array = Uint8Array.from({ length: 256 }, (_, code) =>
  alphabet.includes(String.fromCharCode(code)) ? 0 : 1,
);
const equals = 0x3d;

const codes = Uint8Array.from(Buffer.from(alphabet, 'latin1'));
/** Up to here writing base64 by hand is quicker than a string and its copy. */
const byHandBytes = 384;

/** Standard padded base64 of the bytes, as ASCII. */
export function toBase64(bytes: Buffer): Buffer {
  if (bytes.length > byHandBytes) return Buffer.from(bytes.toString('base64'), 'latin1');
  const text = Buffer.allocUnsafe(Math.ceil(bytes.length / 3) * 4);
  const whole = bytes.length - (bytes.length % 3);
  let to = 0;
  let at = 0;
  for (; at < whole; at += 3) {
    const a = bytes[at] as number;
    const b = bytes[at + 1] as number;
    const c = bytes[at + 2] as number;
    text[to] = codes[a >> 2] as number;
    text[to + 1] = codes[((a & 3) << 4) | (b >> 4)] as number;
    text[to + 2] = codes[((b & 15) << 2) | (c >> 6)] as number;
    text[to + 3] = codes[c & 63] as number;
    to += 4;
  }
  if (at === bytes.length) return text;
  const a = bytes[at] as number;
  const b = at + 1 < bytes.length ? (bytes[at + 1] as number) : 0;
  text[to] = codes[a >> 2] as number;
  text[to + 1] = codes[((a & 3) << 4) | (b >> 4)] as number;
  text[to + 2] = at + 1 < bytes.length ? (codes[(b & 15) << 2] as number) : equals;
  text[to + 3] = equals;
  return text;
}

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
