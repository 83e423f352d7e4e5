export type Pauser = 'client' | 'server';

/** Whether the caller's audio flows: the flow and the server can both hold it back. */
export class Pausing {
  readonly #by = new Set<Pauser>();
  #startBytes = 0;
  /** Not sent since the audio last flowed. */
  discardedBytes = 0;

  get paused(): boolean {
    return this.#by.size > 0;
  }

  /** Where in the sent audio the pause began. */
  get startBytes(): number {
    return this.#startBytes;
  }

  pause(by: Pauser, sentBytes: number): void {
    if (!this.paused) {
      this.#startBytes = sentBytes;
      this.discardedBytes = 0;
    }
    this.#by.add(by);
  }

  resume(by: Pauser): void {
    this.#by.delete(by);
  }
}
