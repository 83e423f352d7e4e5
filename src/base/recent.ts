/** A map that keeps what was set last, up to a bound, and forgets the oldest: for ids of things that do not come back. */
export class Recent<V> {
  readonly #max: number;
  /** Made with the first entry: most of a call's never get one. */
  #entries: Map<string, V> | undefined;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#entries?.size ?? 0;
  }

  get(key: string): V | undefined {
    return this.#entries?.get(key);
  }

  has(key: string): boolean {
    return this.#entries?.has(key) ?? false;
  }

  set(key: string, value: V): void {
    this.#entries ??= new Map();
    // A map leaves a key that it knows where it was.
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#max) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }

  clear(): void {
    this.#entries?.clear();
  }

  delete(key: string): boolean {
    return this.#entries?.delete(key) ?? false;
  }
}
