import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Call } from './call.ts';
import type { CallEvent, CallObserver, CallSnapshot } from './events.ts';

/** The live calls of this process, and the one place from which their events are told on. */
export class CallDirectory {
  readonly #log: Logger;
  readonly #calls = new Map<string, Call>();
  /** With whether they want `turn.updated` at the moment. */
  readonly #observers = new Map<CallObserver, () => boolean>();

  constructor(log: Logger) {
    this.#log = log;
  }

  get size(): number {
    return this.#calls.size;
  }

  /** Counts from here on; leaves by itself when the call has ended. */
  add(call: Call): void {
    this.#calls.set(call.callId, call);
  }

  /** By any id that it goes by. */
  find(id: string): Call | undefined {
    const known = this.#calls.get(id);
    if (known) return known;
    for (const call of this.#calls.values()) if (call.goesBy(id)) return call;
    return undefined;
  }

  calls(): Call[] {
    return [...this.#calls.values()];
  }

  snapshots(): CallSnapshot[] {
    return this.calls().map((call) => call.snapshot());
  }

  /**
   * Tells every event of every call; returns what stops it. An observer that throws is logged, the others go on.
   * `turn.updated` is made and told only while some observer `follows`.
   */
  observe(observer: CallObserver, follows: () => boolean = never): () => void {
    this.#observers.set(observer, follows);
    return () => this.#observers.delete(observer);
  }

  /** Some observer wants `turn.updated`. */
  readonly followed = (): boolean => {
    for (const follows of this.#observers.values()) if (follows()) return true;
    return false;
  };

  /** The observer that calls are given. */
  readonly tell = (event: CallEvent): void => {
    if (event.type === 'call.ended') this.#calls.delete(event.callId);
    for (const observer of this.#observers.keys()) {
      try {
        observer(event);
      } catch (thrown) {
        this.#log.error(
          { callId: event.callId, event: event.type, error: messageOf(thrown) },
          'an observer failed',
        );
      }
    }
  };
}

function never(): boolean {
  return false;
}
