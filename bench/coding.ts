import { linearCoding } from './linear-stamps.ts';
import {
  blockBytes,
  findStamp,
  quietBlock,
  readStamp,
  type Stamp,
  stampBytes,
  writeStamp,
} from './stamps.ts';

export const blockMs = 20;

/** How blocks of 20 ms carry a stamp in one audio format. */
export interface Coding {
  readonly bytesPerMs: number;
  readonly blockBytes: number;
  /** Bytes from the start of a block that its stamp is read from. */
  readonly stampBytes: number;
  /** Fills a block at `at`, stamp and all. */
  writeBlock(target: Buffer, at: number, id: number, sequence: number): void;
  /** Reads the stamp of the block at `at`, if there is one. */
  read(bytes: Buffer, at: number): Stamp | undefined;
  /** Where the next block may start at or after `from`, be it that its stamp is not all there yet; -1: nowhere. */
  find(bytes: Buffer, from: number): number;
}

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
