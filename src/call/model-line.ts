import type { Clock, Timeout } from '../base/clock.ts';
import { PatchcordError } from '../base/errors.ts';
import type { CallEventBody } from './events.ts';
import { follow, type ModelState, modelArrows } from './states.ts';

export interface ModelLineOptions {
  readonly clock: Clock;
  emit(event: CallEventBody): void;
  /** The session neither came nor failed within any time. */
  late(error: PatchcordError): void;
}

/** A session has deadlines of its own; one that keeps none is given up after this. */
const silentMs = 90_000;

/** Where the model of a call stands, and how long it may stand where nobody can talk to it. */
export class ModelLine {
  readonly #options: ModelLineOptions;
  #state: ModelState = 'idle';
  #watch: Timeout | undefined;

  constructor(options: ModelLineOptions) {
    this.#options = options;
  }

  get state(): ModelState {
    return this.#state;
  }

  /** What happened to it, by the names of `modelArrows`. Where no way leads from here, nothing changes. */
  go(event: string): void {
    const from = this.#state;
    const to = follow(modelArrows, from, event);
    if (to === undefined) return;
    this.#state = to;
    this.#watch?.cancel();
    this.#watch = undefined;
    if (to === 'connecting' || to === 'resuming') {
      const error = new PatchcordError('PATCHCORD_MODEL_TIMEOUT');
      this.#watch = this.#options.clock.setTimeout(() => this.#options.late(error), silentMs);
    }
    this.#options.emit({ type: 'model.state', from, to, cause: event });
  }
}
