import { Recent } from '../base/recent.ts';

/** Marks not yet returned that are kept; of more, the oldest are not waited for. */
const maxMarks = 1024;

/** Marks on their way to the carrier and back, each with the position on the timeline that it stands for. */
export class Marks {
  readonly #everyMs: number;
  readonly #positions = new Recent<number>(maxMarks);
  #number = 0;
  #unmarkedMs = 0;

  /** `everyMs`: the least audio between two of them. */
  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  /** Some have not come back yet. */
  get pending(): boolean {
    return this.#positions.size > 0;
  }

  /** Audio was sent after the last of them. */
  get owing(): boolean {
    return this.#unmarkedMs > 0;
  }

  /** So much audio was sent. Returns whether a mark is due after it. */
  sent(lengthMs: number): boolean {
    this.#unmarkedMs += lengthMs;
    return this.#unmarkedMs >= this.#everyMs;
  }

  /** One more is on its way. Returns its name. */
  place(positionMs: number): string {
    this.#number += 1;
    const name = `p${this.#number}`;
    this.#positions.set(name, positionMs);
    this.#unmarkedMs = 0;
    return name;
  }

  /** One has come back. Returns what it stands for; undefined: it is not waited for, and proves nothing. */
  returned(name: string): number | undefined {
    const positionMs = this.#positions.get(name);
    this.#positions.delete(name);
    return positionMs;
  }

  /** What a `clear` returns is not known any more. */
  forget(): void {
    this.#positions.clear();
    this.#unmarkedMs = 0;
  }
}
