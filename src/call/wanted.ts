import type { FloorView } from './floor.ts';

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
  readonly #floor: FloorView;
  #queued: Queued[] = [];

  constructor(floor: FloorView) {
    this.#floor = floor;
  }

  add(wanted: Wanted, coveredByAuto: boolean): void {
    const same = wanted.kind === 'answer' ? this.#answer() : undefined;
    if (same) same.coveredByAuto &&= coveredByAuto;
    else this.#queued.push({ wanted, coveredByAuto });
  }

  /** To the head, unless an answer waits already, or the caller has spoken and it lapses with that. */
  putBack(wanted: Wanted): void {
    if (wanted.lapses && this.#floor.callerHasIt) return;
    if (wanted.kind === 'answer' && this.#answer()) return;
    this.#queued.unshift({ wanted, coveredByAuto: true });
  }

  /** Something is to be said; an answer waits for the end of a protected opening. */
  get waits(): boolean {
    return this.#queued.some(({ wanted }) => !this.#floor.isProtected || wanted.kind === 'say');
  }

  /** Something may go now. `awaitingAuto`: the model is about to answer the caller by itself. */
  mayTake(awaitingAuto: boolean): boolean {
    return this.#queued.some(({ wanted }) => this.#mayGo(wanted, awaitingAuto));
  }

  /** The first that may go now. */
  take(awaitingAuto: boolean): Wanted | undefined {
    const index = this.#queued.findIndex(({ wanted }) => this.#mayGo(wanted, awaitingAuto));
    return index < 0 ? undefined : this.#queued.splice(index, 1)[0]?.wanted;
  }

  callerStarted(): void {
    if (!this.#floor.isProtected) this.#queued = this.#queued.filter(({ wanted }) => !wanted.lapses);
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

  #mayGo(wanted: Wanted, awaitingAuto: boolean): boolean {
    const { isProtected, callerSpeaks, isLifted } = this.#floor;
    if (isProtected) return wanted.kind === 'say';
    if (callerSpeaks) return isLifted && wanted.kind === 'say' && !wanted.lapses;
    return !awaitingAuto;
  }

  #answer(): Queued | undefined {
    return this.#queued.find(({ wanted }) => wanted.kind === 'answer');
  }
}
