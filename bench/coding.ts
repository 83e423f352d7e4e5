import type { Stamp } from './stamps.ts';

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
