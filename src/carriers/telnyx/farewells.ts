import type { Clock, Timeout } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { TelnyxRest } from './rest.ts';

const apology = "I'm sorry, something went wrong on our side. Please call again later. Goodbye.";
/** The apology takes about five seconds to say. */
const maxSpeakingMs = 15_000;

/**
 * Calls that lost their agent or their media: the caller is told so by Telnyx's own voice and then hung up, at the
 * latest after a bound. Owns a timer for each.
 */
export class Farewells {
  readonly #rest: Pick<TelnyxRest, 'speak' | 'hangUp'>;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #timers = new Map<string, Timeout>();
  #isClosed = false;

  constructor(rest: Pick<TelnyxRest, 'speak' | 'hangUp'>, clock: Clock, log: Logger) {
    this.#rest = rest;
    this.#clock = clock;
    this.#log = log;
  }

  begin(callControlId: string): void {
    if (this.#timers.has(callControlId)) return;
    if (this.#isClosed) {
      this.hangUp(callControlId);
      return;
    }
    this.#timers.set(
      callControlId,
      this.#clock.setTimeout(() => this.spoken(callControlId), maxSpeakingMs),
    );
    this.#rest.speak(callControlId, apology).then(
      (taken) => {
        if (!taken) this.gone(callControlId);
      },
      (thrown: unknown) => {
        this.#log.warn({ callControlId, error: messageOf(thrown) }, 'Telnyx did not take the apology');
        this.spoken(callControlId);
      },
    );
  }

  /** Documentation: "Call Speak Ended". Calls that are not being told anything are left alone. */
  spoken(callControlId: string): void {
    if (this.gone(callControlId)) this.hangUp(callControlId);
  }

  /** The call is over; whether it was being told anything. */
  gone(callControlId: string): boolean {
    this.#timers.get(callControlId)?.cancel();
    return this.#timers.delete(callControlId);
  }

  hangUp(callControlId: string): void {
    this.#rest.hangUp(callControlId).catch((thrown: unknown) => {
      this.#log.warn({ callControlId, error: messageOf(thrown) }, 'Telnyx did not take the hang-up');
    });
  }

  /** Nobody will be here when the apology is over. */
  close(): void {
    this.#isClosed = true;
    for (const callControlId of [...this.#timers.keys()]) this.spoken(callControlId);
  }
}
