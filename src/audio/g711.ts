/**
 * G.711 as ITU-T G.711 (11/88) tables 1a to 2b give it, in 16-bit samples: µ-law codes 14 bits (a unit is 4)
 * and A-law 13 bits (a unit is 8). Decision values are cut as in the reference software of ITU-T G.191.
 */

const mulawBias = 33;
const mulawClip = 8158;
/** A-law sends every second bit inverted (G.711, table 1a, note 2). */
const alawEvenBits = 0x55;

function expandMulaw(code: number): number {
  const bits = ~code & 0xff;
  const segment = (bits >> 4) & 7;
  const magnitude = (((((bits & 15) << 1) + mulawBias) << segment) - mulawBias) * 4;
  // `0 - x` keeps the negative zero code 0x7f from becoming -0.
  return (bits & 0x80) === 0 ? magnitude : 0 - magnitude;
}

/** `magnitude` in units of 4. */
function compressMulaw(magnitude: number, negative: boolean): number {
  const biased = Math.min(magnitude, mulawClip) + mulawBias;
  const segment = 26 - Math.clz32(biased);
  const interval = (biased >> (segment + 1)) & 15;
  return ~((negative ? 0x80 : 0) | (segment << 4) | interval) & 0xff;
}

function expandAlaw(code: number): number {
  const bits = code ^ alawEvenBits;
  const segment = (bits >> 4) & 7;
  const middle = ((bits & 15) << 4) + 8;
  const magnitude = segment === 0 ? middle : (middle + 256) << (segment - 1);
  return (bits & 0x80) === 0 ? 0 - magnitude : magnitude;
}

/** `magnitude` in units of 16, the width of A-law's finest interval: no decision value is finer. */
function compressAlaw(magnitude: number, negative: boolean): number {
  const segment = magnitude < 16 ? 0 : 28 - Math.clz32(magnitude);
  const interval = (segment === 0 ? magnitude : magnitude >> (segment - 1)) & 15;
  return ((negative ? 0 : 0x80) | (segment << 4) | interval) ^ alawEvenBits;
}

const mulawToLinear = Int16Array.from({ length: 256 }, (_, code) => expandMulaw(code));
const alawToLinear = Int16Array.from({ length: 256 }, (_, code) => expandAlaw(code));

/** Indexed by the upper bits of a sample as an unsigned number; `~` mirrors a negative one, as in G.191. */
function encodingTable(bits: number, compress: (magnitude: number, negative: boolean) => number): Uint8Array {
  const size = 1 << bits;
  return Uint8Array.from({ length: size }, (_, index) => {
    const negative = index >= size / 2;
    return compress(negative ? size - 1 - index : index, negative);
  });
}

const linearToMulaw = encodingTable(14, compressMulaw);
const linearToAlaw = encodingTable(12, compressAlaw);

/** Writes one sample per byte into `out` from index `at`. Throws RangeError where `out` is too short. */
export function decodeMulaw(bytes: Uint8Array, out: Int16Array, at = 0): void {
  decode(mulawToLinear, bytes, out, at);
}

/** Writes one byte per sample into `out` from index `at`. Throws RangeError where `out` is too short. */
export function encodeMulaw(samples: Int16Array, out: Uint8Array, at = 0): void {
  requireRoom(samples.length, out.length, at);
  for (let i = 0; i < samples.length; i++) {
    out[at + i] = linearToMulaw[((samples[i] as number) & 0xffff) >> 2] as number;
  }
}

/** Writes one sample per byte into `out` from index `at`. Throws RangeError where `out` is too short. */
export function decodeAlaw(bytes: Uint8Array, out: Int16Array, at = 0): void {
  decode(alawToLinear, bytes, out, at);
}

/** Writes one byte per sample into `out` from index `at`. Throws RangeError where `out` is too short. */
export function encodeAlaw(samples: Int16Array, out: Uint8Array, at = 0): void {
  requireRoom(samples.length, out.length, at);
  for (let i = 0; i < samples.length; i++) {
    out[at + i] = linearToAlaw[((samples[i] as number) & 0xffff) >> 4] as number;
  }
}

function decode(table: Int16Array, bytes: Uint8Array, out: Int16Array, at: number): void {
  requireRoom(bytes.length, out.length, at);
  for (let i = 0; i < bytes.length; i++) out[at + i] = table[bytes[i] as number] as number;
}

function requireRoom(needed: number, length: number, at: number): void {
  if (at < 0 || at + needed > length) throw new RangeError(`no room for ${needed} at ${at} of ${length}`);
}
