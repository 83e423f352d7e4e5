import type { Clock, Timeout } from '../../base/clock.ts';

/** A missing frame is waited for while no more than these have come behind it, and no longer than this. */
const maxHeld = 5;
const maxHeldMs = 100;
/** A frame this far behind is no late one: the numbers have begun anew. */
const restartFrames = 50;
/** After so many waits in vain the numbers are taken to have holes, and nothing is held until a frame comes late. */
const maxVainWaits = 10;

interface Numbered {
  readonly chunk: number | undefined;
}

/**
 * Puts frames in the order of their numbers, because Telnyx does not promise one. What comes in order passes at once;
 * what comes before its turn is held, within the bounds above; what comes after its turn, or twice, is dropped.
 * Owns one timer.
 */
export class Reorder<T extends Numbered> {
  readonly #clock: Clock;
  readonly #pass: (frame: T) => void;
  #next: number | undefined;
  /** In their order, all beyond `#next`. */
  #held: { readonly chunk: number; readonly frame: T }[] = [];
  #timer: Timeout | undefined;
  #vainWaits = 0;

  constructor(clock: Clock, pass: (frame: T) => void) {
    this.#clock = clock;
    this.#pass = pass;
  }

  push(frame: T): void {
    const { chunk } = frame;
    if (chunk === undefined) {
      this.#pass(frame);
      return;
    }
    const ahead = this.#next === undefined ? 0 : chunk - this.#next;
    if (ahead === 0) {
      this.#next = chunk + 1;
      this.#pass(frame);
      if (this.#held.length > 0) this.#passFollowing();
    } else if (ahead > 0) {
      if (this.#vainWaits < maxVainWaits) this.#hold(chunk, frame);
      else this.#jump(chunk, frame);
    } else if (ahead > -restartFrames) {
      // Late or repeated: frames do come out of order.
      this.#vainWaits = 0;
    } else {
      this.flush();
      this.#jump(chunk, frame);
    }
  }

  /** What is held passes now. */
  flush(): void {
    this.#stopTimer();
    const held = this.#held;
    this.#held = [];
    for (const { chunk, frame } of held) this.#jump(chunk, frame);
  }

  /** What is held is dropped. */
  close(): void {
    this.#stopTimer();
    this.#held = [];
  }

  #jump(chunk: number, frame: T): void {
    this.#next = chunk + 1;
    this.#pass(frame);
  }

  #hold(chunk: number, frame: T): void {
    const behind = this.#held.findIndex((each) => each.chunk >= chunk);
    if (behind >= 0 && this.#held[behind]?.chunk === chunk) return;
    this.#held.splice(behind < 0 ? this.#held.length : behind, 0, { chunk, frame });
    if (this.#held.length >= maxHeld) this.#giveUp();
    else this.#timer ??= this.#clock.setTimeout(() => this.#giveUp(), maxHeldMs);
  }

  /** The missing frame has come. */
  #passFollowing(): void {
    this.#vainWaits = 0;
    for (
      let first = this.#held[0];
      first !== undefined && first.chunk === this.#next;
      first = this.#held[0]
    ) {
      this.#held.shift();
      this.#jump(first.chunk, first.frame);
    }
    if (this.#held.length === 0) this.#stopTimer();
  }

  #giveUp(): void {
    this.#vainWaits += 1;
    this.flush();
  }

  #stopTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
