import type { Clock } from '../../base/clock.ts';
import { Backoff } from './backoff.ts';
import { TextSender } from './outgoing.ts';
import type { ServerMessage } from './wire.ts';

export interface OutletOptions {
  readonly clock: Clock;
  /** Text messages in a second. */
  readonly messagesPerSecond: number;
  readonly write: (message: ServerMessage) => void;
  /** Genesys is to be sent no audio for now (false), or may be sent it again. */
  readonly flow: (open: boolean) => void;
}

/** Reports that may wait for their turn. */
const maxReports = 1000;

/** All text that goes to Genesys in one session, no more of it than it takes: answers at once, reports in their turn. */
export class Outlet {
  readonly #sender: TextSender;
  readonly #backoff: Backoff;

  constructor({ clock, messagesPerSecond, write, flow }: OutletOptions) {
    this.#sender = new TextSender({ clock, perSecond: messagesPerSecond, capacity: maxReports, write });
    this.#backoff = new Backoff(clock, {
      began: () => {
        this.#sender.hold();
        flow(false);
      },
      ended: () => {
        flow(true);
        this.#sender.release();
      },
    });
  }

  /** Written before this returns. */
  answer(message: ServerMessage): void {
    this.#sender.now(message);
  }

  /** False: too many wait, and it will not be written. */
  report(message: ServerMessage): boolean {
    return this.#sender.queue(message);
  }

  /** Genesys says that it is sent too much. False: it was one time too many. */
  complained(retryAfterMs: number | undefined, roundTripMs: number): boolean {
    const goesOn = this.#backoff.complained(retryAfterMs, roundTripMs);
    if (!goesOn) this.#sender.hold();
    return goesOn;
  }

  /**
   * The session is ending: complaints count no more. Reports that wait for their turn still leave, but not those that
   * wait because Genesys takes no more: it ends a session that goes on sending, and with it what `disconnect` has to
   * tell the flow, while reports are for its statistics alone. The number of those that were dropped.
   */
  finish(): number {
    this.#backoff.close();
    return this.#sender.isHeld ? this.close() : 0;
  }

  /** Nothing leaves by itself any more. The number of reports that were dropped. */
  close(): number {
    const dropped = this.#sender.waiting;
    this.#backoff.close();
    this.#sender.close();
    return dropped;
  }
}
