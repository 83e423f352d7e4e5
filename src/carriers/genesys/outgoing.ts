import type { Clock, Timeout } from '../../base/clock.ts';
import type { ServerMessage } from './wire.ts';

export interface TextSenderOptions {
  readonly clock: Clock;
  readonly perSecond: number;
  /** Messages that may wait. */
  readonly capacity: number;
  /** Numbers the message and writes it. */
  readonly write: (message: ServerMessage) => void;
}

/**
 * Text messages on their way to Genesys, no more of them than it takes. Answers and barge-ins go at once and are
 * counted; reports wait in order for their turn, and while we are told to back off. A message has no number before it
 * is written, so nothing that waits leaves a gap.
 */
export class TextSender {
  readonly #options: TextSenderOptions;
  readonly #perMs: number;
  /** Twice what a second takes. */
  readonly #burst: number;
  #tokens: number;
  #countedAt: number;
  #queue: ServerMessage[] = [];
  #held = false;
  #timer: Timeout | undefined;

  constructor(options: TextSenderOptions) {
    this.#options = options;
    this.#perMs = options.perSecond / 1000;
    this.#burst = 2 * options.perSecond;
    this.#tokens = this.#burst;
    this.#countedAt = options.clock.now();
  }

  get isHeld(): boolean {
    return this.#held;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** Written before this returns, ahead of all that waits. */
  now(message: ServerMessage): void {
    this.#count();
    // What goes out of turn is paid for by those that wait, up to one burst.
    this.#tokens = Math.max(-this.#burst, this.#tokens - 1);
    this.#options.write(message);
  }

  /** Written in its turn. False: too many wait, and it will not be. */
  queue(message: ServerMessage): boolean {
    if (this.#queue.length >= this.#options.capacity) return false;
    this.#queue.push(message);
    this.#pump();
    return true;
  }

  /** Nothing that waits is written until `release`. */
  hold(): void {
    this.#held = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  release(): void {
    this.#held = false;
    this.#pump();
  }

  close(): void {
    this.hold();
    this.#queue = [];
  }

  #pump(): void {
    if (this.#held || this.#timer) return;
    this.#count();
    while (this.#tokens >= 1) {
      const message = this.#queue.shift();
      if (message === undefined) return;
      this.#tokens -= 1;
      this.#options.write(message);
    }
    if (this.#queue.length === 0) return;
    const waitMs = Math.ceil((1 - this.#tokens) / this.#perMs);
    this.#timer = this.#options.clock.setTimeout(() => {
      this.#timer = undefined;
      this.#pump();
    }, waitMs);
  }

  #count(): void {
    const now = this.#options.clock.now();
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#countedAt) * this.#perMs);
    this.#countedAt = now;
  }
}
