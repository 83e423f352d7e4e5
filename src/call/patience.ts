import type { Clock } from '../base/clock.ts';
import { PatchcordError } from '../base/errors.ts';
import { Deadline } from './deadline.ts';

export interface PatienceOptions {
  readonly clock: Clock;
  /** How long the caller waits for something to hear, and half as long when it was in vain the time before. */
  readonly timeoutMs: number;
  /** It is over; `again`: for the second time in a row or more. */
  over(error: PatchcordError, again: boolean): void;
}

/** The caller's patience: he is owed something to hear, whatever the responses that could give it go through. */
export class Patience {
  readonly #options: PatienceOptions;
  readonly #deadline: Deadline;
  /** How often in a row he heard nothing until the bound. */
  #silencesInRow = 0;

  constructor(options: PatienceOptions) {
    this.#options = options;
    this.#deadline = new Deadline(options.clock);
  }

  /** Whether he is owed something now. The wait goes on while he is. */
  owed(isOwed: boolean): void {
    if (!isOwed) {
      this.#deadline.disarm();
      return;
    }
    const { timeoutMs } = this.#options;
    this.#deadline.arm('owed', this.#silencesInRow === 0 ? timeoutMs : timeoutMs / 2, () => this.#over());
  }

  /** There is something to hear. */
  heard(): void {
    this.#silencesInRow = 0;
  }

  /** What he waited for is no longer due; he may wait anew, with no more patience than before. */
  stop(): void {
    this.#deadline.disarm();
  }

  #over(): void {
    this.#silencesInRow += 1;
    const error = new PatchcordError(
      'PATCHCORD_MODEL_TIMEOUT',
      'An answer of the model was not heard in time.',
    );
    this.#options.over(error, this.#silencesInRow > 1);
  }
}
