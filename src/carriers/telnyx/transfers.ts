import type { Clock, Timeout } from '../../base/clock.ts';
import type { TelnyxLeg } from './leg.ts';

interface Transfer {
  readonly leg: TelnyxLeg;
  /** Telnyx was heard to ring the target. */
  isRinging: boolean;
  doubt: Timeout | undefined;
}

/** Transfers whose end is waited for; of more, the oldest is forgotten. */
const maxTransfers = 1000;
/** As long as Telnyx rings the target, unless told otherwise (documentation: "Transfer call", `timeout_secs`). */
const doubtMs = 30_000;

/**
 * The transfers that Telnyx was asked for and whose outcome is not known, by the id that we gave them. A leg may be gone
 * before its transfer is decided. Owns a timer for each that Telnyx may never have heard of.
 */
export class Transfers {
  readonly #clock: Clock;
  readonly #transfers = new Map<string, Transfer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begin(id: string, leg: TelnyxLeg): void {
    const [oldest] = this.#transfers.keys();
    if (this.#transfers.size >= maxTransfers && oldest !== undefined) this.settle(oldest);
    this.#transfers.set(id, { leg, isRinging: false, doubt: undefined });
  }

  /** It is decided; the leg that it is of, unless that was known before. */
  settle(id: string): TelnyxLeg | undefined {
    const transfer = this.#transfers.get(id);
    transfer?.doubt?.cancel();
    this.#transfers.delete(id);
    return transfer?.leg;
  }

  /** Telnyx has not answered, but may ring the target all the same; `lost` is called when nothing shows that it does. */
  doubt(id: string, lost: (leg: TelnyxLeg) => void): void {
    const transfer = this.#transfers.get(id);
    if (transfer === undefined || transfer.isRinging) return;
    transfer.doubt ??= this.#clock.setTimeout(() => {
      this.settle(id);
      lost(transfer.leg);
    }, doubtMs);
  }

  /** The target rings: how that ends is told by events. */
  rings(id: string): void {
    const transfer = this.#transfers.get(id);
    if (transfer === undefined) return;
    transfer.isRinging = true;
    transfer.doubt?.cancel();
    transfer.doubt = undefined;
  }

  /** The call that was to be transferred is over. */
  forgetAllOf(callControlId: string): void {
    for (const [id, { leg }] of this.#transfers) if (leg.carrierCallId === callControlId) this.settle(id);
  }

  /** Gives the legs whose caller may be on a line that nobody else would end. */
  close(): TelnyxLeg[] {
    const doubted = [...this.#transfers.values()].filter(({ doubt }) => doubt !== undefined);
    for (const id of [...this.#transfers.keys()]) this.settle(id);
    return doubted.map(({ leg }) => leg);
  }
}
