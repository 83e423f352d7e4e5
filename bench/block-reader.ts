import type { Coding } from './coding.ts';
import type { Stamp } from './stamps.ts';

/** The id of audio that carries no stamp of ours: silence, an apology, a tone. */
export const foreignId = 0;

export interface BlockEvents {
  /** A block begins. */
  block(stamp: Stamp): void;
  /** So many bytes, of the block that began last, or foreign. */
  audio(id: number, bytes: number): void;
}

/** Assigns every byte of a stream to the block that it belongs to, whatever the message boundaries are. */
export class BlockReader {
  readonly #coding: Coding;
  readonly #events: BlockEvents;
  #id = foreignId;
  /** Bytes of the block still to come. */
  #rest = 0;
  #carry: Buffer | undefined;

  constructor(coding: Coding, events: BlockEvents) {
    this.#coding = coding;
    this.#events = events;
  }

  /** What comes next is expected to begin a block. */
  get isBetweenBlocks(): boolean {
    return this.#rest === 0 && this.#carry === undefined;
  }

  /** What comes next does not go on with what came last. */
  restart(): void {
    this.#rest = 0;
    this.#carry = undefined;
  }

  /** `bytes` are not kept. */
  take(bytes: Buffer): void {
    const all = this.#carry === undefined ? bytes : Buffer.concat([this.#carry, bytes]);
    this.#carry = undefined;
    let at = 0;
    while (at < all.length) {
      if (this.#rest === 0) {
        if (all.length - at < this.#coding.stampBytes) {
          this.#carry = Buffer.from(all.subarray(at));
          return;
        }
        this.#begin(all, at);
      }
      const count = Math.min(this.#rest, all.length - at);
      this.#events.audio(this.#id, count);
      this.#rest -= count;
      at += count;
    }
  }

  #begin(bytes: Buffer, at: number): void {
    const { blockBytes } = this.#coding;
    const stamp = this.#coding.read(bytes, at);
    if (stamp) {
      this.#id = stamp.id;
      this.#rest = blockBytes;
      this.#events.block(stamp);
      return;
    }
    const next = this.#coding.find(bytes, at);
    this.#id = foreignId;
    this.#rest = (next < 0 ? bytes.length : next) - at;
  }
}
