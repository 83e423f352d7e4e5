import type { Clock, Timeout } from '../base/clock.ts';
import type { CallEvent } from '../call/events.ts';

const intervalMs = 100;

/**
 * Lets the events of calls through, `turn.updated` at most ten times a second per turn: models send a piece of text
 * per word, and each event carries the whole turn. The first comes at once, the newest at the latest after 100 ms,
 * none after its turn or call has ended.
 */
export class TurnThrottle {
  readonly #clock: Clock;
  readonly #emit: (event: CallEvent) => void;
  /** Turns told of within the last interval, by call; with the update that waits for its end. */
  readonly #calls = new Map<string, Map<number, CallEvent | undefined>>();
  #timer: Timeout | undefined;

  constructor(clock: Clock, emit: (event: CallEvent) => void) {
    this.#clock = clock;
    this.#emit = emit;
  }

  take(event: CallEvent): void {
    if (event.type === 'turn.updated') {
      this.#update(event, event.turn.turnId);
      return;
    }
    if (event.type === 'turn.ended') this.#calls.get(event.callId)?.delete(event.turn.turnId);
    if (event.type === 'call.ended') this.#calls.delete(event.callId);
    this.#emit(event);
  }

  /** Forgets what waits. */
  clear(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#calls.clear();
  }

  #update(event: CallEvent, turnId: number): void {
    const turns = this.#calls.get(event.callId) ?? new Map<number, CallEvent | undefined>();
    this.#calls.set(event.callId, turns);
    if (turns.has(turnId)) {
      turns.set(turnId, event);
      return;
    }
    turns.set(turnId, undefined);
    this.#timer ??= this.#clock.setTimeout(this.#flush, intervalMs);
    this.#emit(event);
  }

  readonly #flush = (): void => {
    this.#timer = undefined;
    for (const [callId, turns] of this.#calls) {
      for (const [turnId, event] of turns) {
        if (event === undefined) {
          turns.delete(turnId);
          continue;
        }
        turns.set(turnId, undefined);
        this.#emit(event);
      }
      if (turns.size === 0) this.#calls.delete(callId);
    }
    if (this.#calls.size > 0) this.#timer = this.#clock.setTimeout(this.#flush, intervalMs);
  };
}
