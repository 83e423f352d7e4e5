/** What somebody in the call wants the agent to say. */
export interface Wanted {
  /** `answer`: react to the conversation as it stands; any later response does that. `say`: this text, whatever else is said. */
  readonly kind: 'answer' | 'say';
  /** The whole instructions of the response, the agent's own included. */
  readonly instructions?: string;
  readonly tools?: boolean;
  /** Not said any more once the caller has spoken. */
  readonly lapses?: boolean;
}

export const anAnswer: Wanted = { kind: 'answer' };

interface Queued {
  readonly wanted: Wanted;
  /** What it reacts to lies before the caller's turn ended, so the model's own answer to that turn covers it. */
  coveredByAuto: boolean;
}

/** What waits for its moment to be asked for: one answer at most, and any number of texts. */
export class WantedQueue {
  #queued: Queued[] = [];

  add(wanted: Wanted, coveredByAuto: boolean): void {
    const same = wanted.kind === 'answer' ? this.#answer() : undefined;
    if (same) same.coveredByAuto &&= coveredByAuto;
    else this.#queued.push({ wanted, coveredByAuto });
  }

  /** To the head, unless an answer waits already. */
  putBack(wanted: Wanted): void {
    if (wanted.kind === 'answer' && this.#answer()) return;
    this.#queued.unshift({ wanted, coveredByAuto: true });
  }

  has(fits: (wanted: Wanted) => boolean): boolean {
    return this.#queued.some(({ wanted }) => fits(wanted));
  }

  /** The first that may go now. */
  take(fits: (wanted: Wanted) => boolean): Wanted | undefined {
    const index = this.#queued.findIndex(({ wanted }) => fits(wanted));
    return index < 0 ? undefined : this.#queued.splice(index, 1)[0]?.wanted;
  }

  dropLapsing(): void {
    this.#queued = this.#queued.filter(({ wanted }) => !wanted.lapses);
  }

  dropAnswers(): void {
    this.#queued = this.#queued.filter(({ wanted }) => wanted.kind === 'say');
  }

  /** The model answers by itself. */
  dropCovered(): void {
    this.#queued = this.#queued.filter((queued) => queued.wanted.kind === 'say' || !queued.coveredByAuto);
  }

  clear(): void {
    this.#queued = [];
  }

  #answer(): Queued | undefined {
    return this.#queued.find(({ wanted }) => wanted.kind === 'answer');
  }
}
