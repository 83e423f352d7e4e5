import type { Clock, Timeout } from '../../base/clock.ts';

/** A missing frame is waited for while no more than these have come behind it, and no longer than this. */
const maxHeld = 5;
const maxHeldMs = 100;
/** A frame this far behind is no late one: the numbers have begun anew. */
const restartFrames = 50;
/** After so many waits in vain the numbers are taken to have holes, and nothing is held until a frame comes late. */
const maxVainWaits = 10;
/** The number of a stream's first frame; some may count from 0. */
const firstChunk = 1;

interface Numbered {
  readonly chunk: number | undefined;
}

/**
 * Puts frames in the order of their numbers, because Telnyx does not promise one. What comes in order passes at once;
 * what comes before its turn is held, within the bounds above; what comes after its turn, or twice, is dropped. The first
 * frame is taken for one that came before its turn, where its number is so small that others may be missing before it.
 * Owns one timer.
 */
export class Reorder<T extends Numbered> {
  readonly #clock: Clock;
  readonly #pass: (frame: T) => void;
  /** Undefined: nothing has passed yet. */
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
    const ahead = this.#ahead(chunk);
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

  /** How many frames come before this one that have neither passed nor been given up. */
  #ahead(chunk: number): number {
    if (this.#next !== undefined) return chunk - this.#next;
    const missing = Math.max(0, chunk - firstChunk);
    return missing > maxHeld && this.#held.length === 0 ? 0 : missing;
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
