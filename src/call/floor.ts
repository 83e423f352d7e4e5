import type { Clock, Timeout } from '../base/clock.ts';

/** Who has the floor, as everybody may ask. */
export interface FloorView {
  /** The caller speaks, be it that the agent need not stop for him. */
  readonly callerSpeaks: boolean;
  /** The agent's opening may not be interrupted: the caller is neither stopped for nor answered before its end. */
  readonly isProtected: boolean;
  /** The caller has spoken for longer than anybody does: what must be said is said all the same. */
  readonly isLifted: boolean;
  /** The agent must be silent. */
  readonly callerHasIt: boolean;
}

export interface FloorOptions {
  readonly clock: Clock;
  /** The agent's opening comes first and may not be interrupted. */
  readonly protectOpening: boolean;
  /** Time since the caller's side last sent audio of whatever kind. */
  callerIdleMs(): number;
  /** The caller speaks on and on. */
  lifted(): void;
  /** The caller must have stopped, which nobody has told. */
  stopMissed(): void;
}

/**
 * A caller of whom the model has told nothing but the start of speech for this long: he has stopped when his audio
 * has, else he is left to speak, and only what has to be said no longer waits for him.
 */
const longSpeechMs = 120_000;
const audioGoesOnMs = 1000;
/** Nobody speaks without a pause for so many times that long: the model has missed the end. */
const maxLongSpeeches = 5;

/** Who has the floor: nobody, the caller, or the agent's opening, which the caller cannot take it from. */
export class Floor implements FloorView {
  readonly #options: FloorOptions;
  #isProtected: boolean;
  #callerSpeaks = false;
  #isLifted = false;
  #timer: Timeout | undefined;

  constructor(options: FloorOptions) {
    this.#options = options;
    this.#isProtected = options.protectOpening;
  }

  get callerSpeaks(): boolean {
    return this.#callerSpeaks;
  }

  get isProtected(): boolean {
    return this.#isProtected;
  }

  get isLifted(): boolean {
    return this.#isLifted;
  }

  get callerHasIt(): boolean {
    return this.#callerSpeaks && !this.#isProtected && !this.#isLifted;
  }

  callerStarts(): void {
    this.#callerSpeaks = true;
    this.#isLifted = false;
    this.#watch(1);
  }

  callerStops(): void {
    this.#callerSpeaks = false;
    this.#isLifted = false;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** The opening was heard, or nothing of it will be. */
  endProtection(): void {
    this.#isProtected = false;
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Every wait has an end, also that for a caller to stop. `round` counts from 1. */
  #watch(round: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimeout(() => this.#speaksLong(round), longSpeechMs);
  }

  #speaksLong(round: number): void {
    if (round >= maxLongSpeeches || this.#options.callerIdleMs() > audioGoesOnMs) {
      this.#options.stopMissed();
      return;
    }
    this.#watch(round + 1);
    this.#isLifted = true;
    this.#options.lifted();
  }
}
