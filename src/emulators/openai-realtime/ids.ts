import { randomFillSync } from 'node:crypto';

export type IdPrefix = 'event' | 'sess' | 'conv' | 'item' | 'resp' | 'call';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const idLength = 21;

/** Makes ids in the vendor's shape: a prefix and 21 base62 characters. Randomness is drawn in blocks. */
export class Ids {
  readonly #pool = Buffer.alloc(idLength * 200);
  #at = this.#pool.length;

  next(prefix: IdPrefix): string {
    if (this.#at + idLength > this.#pool.length) {
      randomFillSync(this.#pool);
      this.#at = 0;
    }
    let id = `${prefix}_`;
    for (const end = this.#at + idLength; this.#at < end; this.#at++) {
      id += alphabet[(this.#pool[this.#at] ?? 0) % alphabet.length];
    }
    return id;
  }
}
