import type { Clock, Timeout } from '../base/clock.ts';
import type { Playout } from './playout.ts';
import type { Transcript } from './transcript.ts';

export interface SoundingOptions {
  readonly clock: Clock;
  readonly playout: Pick<Playout, 'sounding' | 'pendingMs'>;
  readonly transcript: Pick<Transcript, 'agentSounding'>;
  /** The carrier sends marks back while it plays, each of which is an occasion to look. */
  readonly marks: boolean;
  /** Somebody follows what is said word by word. */
  followed(): boolean;
}

/** How far the agent was heard is told at most this often. */
const everyMs = 400;

/** How far the caller has heard what sounds now: told to the transcript while it sounds, for those who follow. */
export class Sounding {
  readonly #clock: Clock;
  readonly #playout: SoundingOptions['playout'];
  readonly #transcript: SoundingOptions['transcript'];
  readonly #marks: boolean;
  readonly #followed: () => boolean;
  #toldAt = 0;
  #timer: Timeout | undefined;

  constructor(options: SoundingOptions) {
    this.#clock = options.clock;
    this.#playout = options.playout;
    this.#transcript = options.transcript;
    this.#marks = options.marks;
    this.#followed = () => options.followed();
  }

  /** The carrier has told what it played. */
  acknowledged(): void {
    if (!this.#followed()) return;
    const now = this.#clock.now();
    if (now - this.#toldAt < everyMs) return;
    this.#toldAt = now;
    this.#reckon();
  }

  /** Audio went to the carrier. One that returns no marks gives no occasion to look: the clock does. */
  sent(): void {
    if (this.#marks) return;
    this.#timer ??= this.#clock.setTimeout(() => {
      this.#timer = undefined;
      if (this.#followed()) this.#reckon();
      if (this.#playout.pendingMs > 0) this.sent();
    }, everyMs);
  }

  /** Somebody looks who may not have followed: while nobody does, it is reckoned only then. */
  asked(): void {
    if (!this.#followed()) this.#reckon();
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #reckon(): void {
    const { sounding } = this.#playout;
    if (sounding) this.#transcript.agentSounding(sounding, sounding.generationDone);
  }
}
