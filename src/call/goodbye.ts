import type { Clock, Timeout } from '../base/clock.ts';
import type { HangUpReason } from './leg.ts';
import type { Playout } from './playout.ts';

export interface GoodbyeOptions {
  readonly clock: Clock;
  /** The agent must begin to say goodbye within this; what is already on its way to the ear is always waited for. */
  readonly timeoutMs: number;
  readonly hangUp: (reason: HangUpReason) => void;
}

/** No goodbye is longer than this, however late it began. */
const longestMs = 60_000;
/** What is still on its way when the goodbye had to have begun is looked at again after this. */
const lookAgainMs = 1000;

/** An orderly hang-up: after the last agent audio was heard, and not at all when the caller takes it back by speaking. */
export class Goodbye {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #hangUp: (reason: HangUpReason) => void;
  #pending:
    | { readonly reason: HangUpReason; readonly revocable: boolean; readonly since: number }
    | undefined;
  #playout: Playout | undefined;
  #timer: Timeout | undefined;

  constructor(options: GoodbyeOptions) {
    this.#clock = options.clock;
    this.#timeoutMs = options.timeoutMs;
    this.#hangUp = options.hangUp;
  }

  get pending(): boolean {
    return this.#pending !== undefined;
  }

  /** The call ends, whatever the caller or anybody else still does. */
  get isFinal(): boolean {
    return this.#pending?.revocable === false;
  }

  /**
   * `revocable`: the caller takes it back by speaking. A later request replaces a revocable one; false: the one
   * before stands.
   */
  request(reason: HangUpReason, revocable: boolean, playout: Playout | undefined): boolean {
    if (this.#pending && !this.#pending.revocable) return false;
    this.#pending = { reason, revocable, since: this.#clock.now() };
    this.#playout = playout;
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimeout(() => this.#due(), this.#timeoutMs);
    return true;
  }

  /** The agent has nothing more to say: hang up once the last of it was heard. */
  agentQuiet(): void {
    const pending = this.#pending;
    if (!pending) return;
    if (!this.#playout) {
      this.#finish();
      return;
    }
    this.#playout.whenHeard(() => {
      if (this.#pending === pending) this.#finish();
    });
  }

  callerSpoke(): void {
    if (!this.#pending?.revocable) return;
    this.close();
  }

  close(): void {
    this.#pending = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#playout?.forgetWaiting();
    this.#playout = undefined;
  }

  #due(): void {
    const pending = this.#pending;
    if (!pending) return;
    const leftMs = this.#timeoutMs + longestMs - (this.#clock.now() - pending.since);
    const playout = this.#playout;
    if (playout && (playout.unfinished || playout.unconfirmed) && leftMs > 0) {
      const againMs = Math.min(playout.pendingMs + lookAgainMs, leftMs);
      this.#timer = this.#clock.setTimeout(() => this.#due(), againMs);
      return;
    }
    this.#finish();
  }

  #finish(): void {
    const reason = this.#pending?.reason;
    this.close();
    if (reason) this.#hangUp(reason);
  }
}
