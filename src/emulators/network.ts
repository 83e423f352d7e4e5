import type { Clock, Timeout } from '../base/clock.ts';
import { SeededRandom } from './seeded-random.ts';

/** How one direction of a connection behaves. All times are milliseconds; what is left out does not happen. */
export interface PathConditions {
  readonly delayMs?: number;
  /** Added to the delay, evenly spread from 0 to this, per message. Order is kept, as on TCP. */
  readonly jitterMs?: number;
  /** Mean time between stalls; in a stall nothing arrives, then everything at once. */
  readonly stallEveryMs?: number;
  readonly stallMs?: number;
}

export interface NetworkOptions {
  readonly toGateway?: PathConditions;
  readonly toCarrier?: PathConditions;
  /** Delay of playback acknowledgements inside the carrier, before they reach the wire. */
  readonly marks?: PathConditions;
  /** Holes in the carrier's own playout: it stands still for `stallMs` every `stallEveryMs` on average. */
  readonly playback?: { readonly stallEveryMs: number; readonly stallMs: number };
  /** Probability that the socket of a call is lost without a goodbye, at a random moment of it. */
  readonly dropProbability?: number;
  /** Loses the socket at this time after its opening, whatever `dropProbability` says. */
  readonly dropAtMs?: number;
  /** Messages that may be under way in one direction; more and the connection breaks. */
  readonly maxInFlight?: number;
}

export type PathName = 'toGateway' | 'toCarrier' | 'marks';

/** A network that misbehaves, repeatably: one per connection. */
export class NetworkConditions {
  readonly #clock: Clock;
  readonly #options: NetworkOptions;
  readonly #random: SeededRandom;

  constructor(clock: Clock, options: NetworkOptions = {}, seed = 1) {
    this.#clock = clock;
    this.#options = options;
    this.#random = new SeededRandom(seed);
  }

  path<T>(name: PathName, deliver: (message: T) => void): NetworkPath<T> {
    const limit = this.#options.maxInFlight ?? 20_000;
    return new NetworkPath(this.#clock, this.#options[name] ?? {}, this.#random.fork(), deliver, limit);
  }

  /** When the socket is lost, in milliseconds after its opening; `expectedMs` is how long the call would last. */
  dropAtMs(expectedMs: number): number | undefined {
    if (this.#options.dropAtMs !== undefined) return this.#options.dropAtMs;
    const drops = this.#random.chance(this.#options.dropProbability ?? 0);
    return drops ? this.#random.between(0, expectedMs) : undefined;
  }

  /** The next hole in the carrier's playout: how long from now, and how long it is. */
  nextPlaybackStall(): { inMs: number; forMs: number } | undefined {
    const playback = this.#options.playback;
    if (playback === undefined || playback.stallEveryMs <= 0 || playback.stallMs <= 0) return undefined;
    return { inMs: this.#random.exponential(playback.stallEveryMs), forMs: playback.stallMs };
  }
}

/** One direction: messages arrive in order, each after its delay. Without conditions they arrive at once. */
export class NetworkPath<T> {
  readonly #clock: Clock;
  readonly #conditions: PathConditions;
  readonly #random: SeededRandom;
  readonly #deliver: (message: T) => void;
  readonly #limit: number;
  readonly #queue: { readonly at: number; readonly message: T }[] = [];
  #first = 0;
  #lastAt = Number.NEGATIVE_INFINITY;
  #stallAt = Number.POSITIVE_INFINITY;
  #timer: Timeout | undefined;
  #closed = false;
  stalls = 0;

  constructor(
    clock: Clock,
    conditions: PathConditions,
    random: SeededRandom,
    deliver: (message: T) => void,
    limit: number,
  ) {
    this.#clock = clock;
    this.#conditions = conditions;
    this.#random = random;
    this.#deliver = deliver;
    this.#limit = limit;
    const { stallEveryMs = 0, stallMs = 0 } = conditions;
    if (stallEveryMs > 0 && stallMs > 0) this.#stallAt = clock.now() + random.exponential(stallEveryMs);
  }

  get inFlight(): number {
    return this.#queue.length - this.#first;
  }

  /** False when the message was refused: the path is closed, or as much is under way as may be. */
  send(message: T): boolean {
    if (this.#closed || this.inFlight >= this.#limit) return false;
    const at = this.#arrival();
    if (this.inFlight === 0 && at <= this.#clock.now()) {
      this.#deliver(message);
      return true;
    }
    this.#queue.push({ at, message });
    if (this.#timer === undefined) this.#arm();
    return true;
  }

  /** Nothing arrives any more, what is under way is lost. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#queue.length = 0;
    this.#first = 0;
  }

  #arrival(): number {
    const { delayMs = 0, jitterMs = 0, stallEveryMs = 0, stallMs = 0 } = this.#conditions;
    const jitter = jitterMs > 0 ? this.#random.between(0, jitterMs) : 0;
    let at = Math.max(this.#lastAt, this.#clock.now() + delayMs + jitter);
    while (at >= this.#stallAt) {
      const end = this.#stallAt + stallMs;
      if (at < end) {
        at = end;
        this.stalls += 1;
      }
      this.#stallAt = end + this.#random.exponential(stallEveryMs);
    }
    this.#lastAt = at;
    return at;
  }

  #arm(): void {
    const next = this.#queue[this.#first];
    if (next === undefined) return;
    this.#timer = this.#clock.setTimeout(() => this.#arrive(), Math.max(0, next.at - this.#clock.now()));
  }

  #arrive(): void {
    this.#timer = undefined;
    // System timers may fire up to a millisecond early; what is that near counts as due.
    const due = this.#clock.now() + 1e-6;
    for (
      let next = this.#queue[this.#first];
      next !== undefined && next.at <= due;
      next = this.#queue[this.#first]
    ) {
      this.#first += 1;
      this.#deliver(next.message);
      if (this.#closed) return;
    }
    if (this.#first > 256 || this.#first === this.#queue.length) {
      this.#queue.splice(0, this.#first);
      this.#first = 0;
    }
    if (this.#timer === undefined) this.#arm();
  }
}
