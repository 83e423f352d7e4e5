import { blockMs, type Coding } from './coding.ts';
import type { Stamp } from './stamps.ts';

/**
 * Stamps in 16-bit samples that survive a change of rate: each bit is a level, held for 3/8 ms and read at an instant
 * that is a sample at 8, 16 and 24 kHz alike. A stamp is 47 bits, 17.6 ms, so that it is out of a resampler that lags
 * 2 ms before the next block comes in: sync (7), id (18), sequence (16), check (6).
 */
const sync = [1, 1, 1, 0, 0, 1, 0] as const;
const idBits = 18;
const sequenceBits = 16;
const checkBits = 6;
export const stampBits = sync.length + idBits + sequenceBits + checkBits;
const level = 6000;
/** What a filter may leave of a level at the least. */
const leastLevel = level / 3;
/** Samples of a bit at 8 kHz, and the one of them that it is read at. */
const samplesPerBit = 3;
const readAt = 1;

/** The bits of a stamp, in the order in which they sound. */
export function bitsOf(id: number, sequence: number): Uint8Array {
  const bits = new Uint8Array(stampBits);
  bits.set(sync);
  let at = sync.length;
  const put = (value: number, count: number): void => {
    for (let bit = count - 1; bit >= 0; bit--) bits[at++] = (value >>> bit) & 1;
  };
  put(id, idBits);
  put(sequence, sequenceBits);
  put(checkOf(id, sequence), checkBits);
  return bits;
}

function checkOf(id: number, sequence: number): number {
  const mixed = (Math.imul(id, 0x9e37_79b1) ^ Math.imul(sequence, 0x85eb_ca6b)) >>> 0;
  return mixed >>> (32 - checkBits);
}

/** A bit as samples, little-endian. */
export function bitSamples(bit: number, sampleRate: number): Buffer {
  const samples = Buffer.alloc((2 * samplesPerBit * sampleRate) / 8000);
  for (let at = 0; at < samples.length; at += 2) samples.writeInt16LE(bit === 1 ? level : -level, at);
  return samples;
}

/** Rates of 8, 16 and 24 kHz. */
export function linearCoding(sampleRate: number): Coding {
  const bytesPerMs = (2 * sampleRate) / 1000;
  const blockBytes = blockMs * bytesPerMs;
  const [low, high] = [bitSamples(0, sampleRate), bitSamples(1, sampleRate)];
  const bitBytes = low.length;
  const readOffset = (2 * readAt * sampleRate) / 8000;
  const stampBytes = stampBits * bitBytes;
  const silence = Buffer.alloc(blockBytes);

  /** The level of a bit, 0 where there is none. */
  const bitAt = (bytes: Buffer, at: number, index: number): number => {
    const sample = bytes.readInt16LE(at + index * bitBytes + readOffset);
    return sample > leastLevel ? 1 : sample < -leastLevel ? -1 : 0;
  };
  /** Whether the sync, as far as it is there, begins at `at`. */
  const begins = (bytes: Buffer, at: number): boolean => {
    for (const [index, bit] of sync.entries()) {
      if (at + (index + 1) * bitBytes > bytes.length) return index > 0 || bytes.readInt16LE(at) > leastLevel;
      if (bitAt(bytes, at, index) !== (bit === 1 ? 1 : -1)) return false;
    }
    return true;
  };
  const number = (bytes: Buffer, at: number, first: number, count: number): number => {
    let value = 0;
    for (let index = first; index < first + count; index++) {
      const bit = bitAt(bytes, at, index);
      if (bit === 0) return -1;
      value = value * 2 + (bit > 0 ? 1 : 0);
    }
    return value;
  };
  const read = (bytes: Buffer, at: number): Stamp | undefined => {
    if (at + stampBytes > bytes.length || !begins(bytes, at)) return undefined;
    const id = number(bytes, at, sync.length, idBits);
    const sequence = number(bytes, at, sync.length + idBits, sequenceBits);
    const check = number(bytes, at, sync.length + idBits + sequenceBits, checkBits);
    return id >= 0 && sequence >= 0 && check === checkOf(id, sequence) ? { id, sequence } : undefined;
  };
  return {
    bytesPerMs,
    blockBytes,
    stampBytes,
    writeBlock(target, at, id, sequence) {
      let to = at;
      for (const bit of bitsOf(id, sequence)) {
        target.set(bit === 1 ? high : low, to);
        to += bitBytes;
      }
      target.fill(0, to, at + blockBytes);
    },
    read,
    find(bytes, from) {
      for (let at = from; at + 2 <= bytes.length; at += 2) {
        // What is silent is most of what there is to search.
        if (at + blockBytes <= bytes.length && silence.compare(bytes, at, at + blockBytes) === 0)
          at += blockBytes - 2;
        else if (begins(bytes, at) && (at + stampBytes > bytes.length || read(bytes, at))) return at;
      }
      return -1;
    },
  };
}
