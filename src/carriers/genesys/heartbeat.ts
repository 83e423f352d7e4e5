import type { Clock, Timeout } from '../../base/clock.ts';

/** Genesys pings every 5 s: one that did, and then says nothing at all for this long, is gone. */
const silenceMs = 30_000;

/** Whether the client is still there, and how far away it is. AudioHook protocol, "ping". */
export class Heartbeat {
  readonly #clock: Clock;
  readonly #lost: () => void;
  #heardAt: number;
  #roundTripMs: number | undefined;
  #watch: Timeout | undefined;

  /** `lost`: called once, when the client has fallen silent. */
  constructor(clock: Clock, lost: () => void) {
    this.#clock = clock;
    this.#lost = lost;
    this.#heardAt = clock.now();
  }

  /** To the client and back, where it has measured that. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  /** Something came, whatever it is. */
  heard(): void {
    this.#heardAt = this.#clock.now();
  }

  pinged(roundTripMs: number | undefined): void {
    this.#roundTripMs = roundTripMs ?? this.#roundTripMs;
  }

  /** From now on a silence counts. */
  watch(): void {
    this.#watch ??= this.#clock.setTimeout(this.#check, silenceMs);
  }

  stop(): void {
    this.#watch?.cancel();
    this.#watch = undefined;
  }

  readonly #check = (): void => {
    const idleMs = this.#clock.now() - this.#heardAt;
    if (idleMs < silenceMs) this.#watch = this.#clock.setTimeout(this.#check, silenceMs - idleMs);
    else this.#lost();
  };
}
