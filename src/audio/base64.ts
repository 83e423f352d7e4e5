const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

const isAlphabet: Uint8Array = Uint8Array.from({ length: 256 }, (_, code) =>
  alphabet.includes(String.fromCharCode(code)) ? 1 : 0,
);
const equals = 0x3d;

/** Whether the bytes from `start` to `end` are standard padded base64 (RFC 4648, section 4) of at least one byte. */
export function isBase64(text: Uint8Array, start = 0, end = text.length): boolean {
  const length = end - start;
  if (length === 0 || length % 4 !== 0) return false;
  let stop = end;
  if (text[end - 1] === equals) stop = text[end - 2] === equals ? end - 2 : end - 1;
  for (let at = start; at < stop; at++) {
    if (isAlphabet[text[at] as number] === 0) return false;
  }
  return true;
}
