/**
 * Sequence numbers inside the audio itself, so that a frame is recognised whatever the subject did to the
 * messages around it. A stamp is 12 bytes = 16 base64 characters at the start of a 160-byte block:
 * magic (3 bytes), id (3), sequence (6), big endian.
 */
export const blockBytes = 160;
export const stampBytes = 12;
/** Base64 characters of one block on its own, and of the stamp at its start. */
export const blockChars = 216;
export const stampChars = 16;

const magic = [0x5a, 0x13, 0x6b] as const;
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const alphabetCodes = Uint8Array.from(alphabet, (character) => character.charCodeAt(0));
const sextets = new Uint8Array(256).fill(255);
for (const [value, code] of alphabetCodes.entries()) sextets[code] = value;

/** The stamp's first four characters in base64, when it starts a payload. */
const magicText = Buffer.from(magic).toString('base64');
const magicCodes = Uint8Array.from(magicText, (character) => character.charCodeAt(0));

export interface Stamp {
  readonly id: number;
  readonly sequence: number;
}

/** A block of quiet line noise without a stamp; its bytes never look like one. */
export function quietBlock(seed: number): Buffer {
  const block = Buffer.alloc(blockBytes);
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  for (let at = 0; at < blockBytes; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    block[at] = 0xf0 | (state >>> 28);
  }
  return block;
}

export function writeStamp(target: Buffer, at: number, id: number, sequence: number): void {
  target[at] = magic[0];
  target[at + 1] = magic[1];
  target[at + 2] = magic[2];
  target.writeUIntBE(id, at + 3, 3);
  target.writeUIntBE(sequence, at + 6, 6);
}

/** Reads the stamp at `at`, if there is one. */
export function readStamp(bytes: Buffer, at: number): Stamp | undefined {
  if (bytes.length < at + stampBytes) return undefined;
  if (bytes[at] !== magic[0] || bytes[at + 1] !== magic[1] || bytes[at + 2] !== magic[2]) return undefined;
  return { id: bytes.readUIntBE(at + 3, 3), sequence: bytes.readUIntBE(at + 6, 6) };
}

/** Writes `digits` base64 characters of `value` ending before `end`, XORed with the frame's mask. */
export function writeMaskedSextets(
  target: Buffer,
  end: number,
  digits: number,
  value: number,
  payloadStart: number,
  maskKey: Uint8Array,
): void {
  let rest = value;
  for (let at = end - 1; at >= end - digits; at--) {
    const high = Math.floor(rest / 64);
    const code = alphabetCodes[rest - high * 64] ?? 0;
    target[at] = code ^ (maskKey[(at - payloadStart) & 3] ?? 0);
    rest = high;
  }
}

/** Reads a stamp from base64 text at `at` without decoding the rest. */
export function readStampText(text: Buffer, at: number): Stamp | undefined {
  for (let offset = 0; offset < 4; offset++) if (text[at + offset] !== magicCodes[offset]) return undefined;
  let id = 0;
  for (let offset = 4; offset < 8; offset++) id = id * 64 + (sextets[text[at + offset] ?? 0] ?? 0);
  let sequence = 0;
  for (let offset = 8; offset < 16; offset++)
    sequence = sequence * 64 + (sextets[text[at + offset] ?? 0] ?? 0);
  return { id, sequence };
}

/** Where the next stamp starts at or after `from`; -1 when there is none. */
export function findStamp(bytes: Buffer, from: number): number {
  return bytes.indexOf(magicBytes, from);
}

const magicBytes = Buffer.from(magic);
