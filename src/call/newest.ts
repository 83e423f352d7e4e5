/** The newest of the names it was given; of more, the oldest are forgotten. */
export class Newest {
  readonly #most: number;
  readonly #names = new Set<string>();

  constructor(most: number) {
    this.#most = most;
  }

  add(name: string): void {
    this.#names.add(name);
    if (this.#names.size <= this.#most) return;
    const [oldest] = this.#names;
    if (oldest !== undefined) this.#names.delete(oldest);
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }
}
