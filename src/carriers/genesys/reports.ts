import type { Clock } from '../../base/clock.ts';
import type { Turn } from '../../call/turn.ts';
import type { BotTurn } from './wire.ts';

/**
 * Silence before a turn by which the agent speaks again although nobody answered. Less is an answer in several parts,
 * as around a tool.
 */
const reaskedAfterMs = 3_000;
/** Characters of one report. */
const maxTextChars = 8_000;

/** What Genesys is told of the agent's turns. AudioHook protocol, entity `bot_turn_response`. */
export class TurnReports {
  readonly #clock: Clock;
  readonly #startedAt: number;
  #last: { readonly turnId: number; readonly endedAtMs: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAt = clock.now();
  }

  /** Undefined: nothing of the turn is to be told. */
  turnEnded(turn: Turn): BotTurn | undefined {
    if (turn.role !== 'agent') return undefined;
    const last = this.#last;
    this.#last = { turnId: turn.turnId, endedAtMs: this.#clock.now() - this.#startedAt };
    // Of an answer that was cut before its first word nothing was said to anybody.
    const text = (turn.heardText || (turn.cut === undefined ? turn.text : '')).trim();
    if (text === '') return undefined;
    // Turns are numbered in the order of speaking: the caller's would stand between, though its words come later.
    const unanswered = last !== undefined && turn.turnId === last.turnId + 1;
    const reasked = unanswered && turn.startedAtMs - last.endedAtMs >= reaskedAfterMs;
    return {
      disposition: reasked ? 'no_input' : 'match',
      text: text.slice(0, maxTextChars),
      confidence: 1,
    };
  }
}
