import { blockMs, type Coding } from './coding.ts';
import { linearCoding } from './linear-stamps.ts';
import { blockBytes, findStamp, quietBlock, readStamp, stampBytes, writeStamp } from './stamps.ts';

const noise = quietBlock(7);

/** µ-law at 8 kHz, which passes through byte by byte. */
export const mulaw: Coding = {
  bytesPerMs: blockBytes / blockMs,
  blockBytes,
  stampBytes,
  writeBlock(target, at, id, sequence) {
    target.set(noise, at);
    writeStamp(target, at, id, sequence);
  },
  read: readStamp,
  find: findStamp,
};

export const slin8 = linearCoding(8000);
export const slin16 = linearCoding(16_000);
export const slin24 = linearCoding(24_000);
