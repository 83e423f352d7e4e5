import type { Clock } from '../../base/clock.ts';
import type { HangUpReason } from '../../call/leg.ts';
import type { Turn } from '../../call/turn.ts';

/** How the agent says that the call ends. */
export interface Farewell {
  /** A person has to take over. */
  readonly escalates: boolean;
  /** Why, in the agent's words; may be empty. */
  readonly reason: string;
  /** What the call was about, in the agent's words; may be empty. */
  readonly summary: string;
}

/** What the agent has said about the end of its call: told by its tools, asked for when the leg hangs up. */
export class Ending {
  readonly #clock: Clock;
  readonly #startedAt: number;
  #farewell: Farewell | undefined;
  #toldAtMs = 0;
  #withdrawn = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAt = clock.now();
  }

  /** The agent ends the call; what it said before about that does not count any more. */
  told(farewell: Farewell): void {
    this.#farewell = farewell;
    this.#toldAtMs = this.#clock.now() - this.#startedAt;
    this.#withdrawn = false;
  }

  /** The caller's words of before may come late, so it counts when they were begun. */
  turnEnded(turn: Turn): void {
    if (turn.role === 'caller' && turn.startedAtMs > this.#toldAtMs) this.#withdrawn = true;
  }

  /**
   * What counts when the call ends. A caller who went on speaking has taken the end back, unless it is the agent that
   * hangs up after all.
   */
  at(reason: HangUpReason): Farewell | undefined {
    return reason === 'agent' || !this.#withdrawn ? this.#farewell : undefined;
  }
}
