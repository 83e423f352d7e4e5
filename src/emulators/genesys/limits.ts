import { type Rate, RateGauge } from './rate-gauge.ts';

export interface GenesysLimits {
  readonly audio: Rate;
  readonly text: Rate;
}

/** Held by a connector that is known to get along with Genesys; the limits themselves are not published. */
export const knownLimits: GenesysLimits = {
  audio: { perSecond: 10, burst: 30 },
  text: { perSecond: 10, burst: 20 },
};

/** What was under way when an error 429 was sent is not held against the server. */
const graceMs = 250;

/** `over`: one message too many; `ignored`: audio although the server was told to wait. */
export type LimitVerdict = 'fine' | 'over' | 'ignored';

/** Genesys's limits on what a server sends, and its error 429. Times are the clock's milliseconds. */
export class ServerLimits {
  readonly #audio: RateGauge;
  readonly #text: RateGauge;
  #silentFromMs = Number.POSITIVE_INFINITY;
  #silentUntilMs = 0;

  constructor(limits: GenesysLimits) {
    this.#audio = new RateGauge(limits.audio);
    this.#text = new RateGauge(limits.text);
  }

  audio(nowMs: number): LimitVerdict {
    if (nowMs > this.#silentFromMs && nowMs < this.#silentUntilMs) return 'ignored';
    return this.#audio.take(nowMs) ? 'fine' : 'over';
  }

  text(nowMs: number): LimitVerdict {
    return this.#text.take(nowMs) ? 'fine' : 'over';
  }

  /** The server was told to send no audio for so long. */
  told(nowMs: number, retryAfterMs: number): void {
    this.#silentFromMs = nowMs + graceMs;
    this.#silentUntilMs = nowMs + retryAfterMs;
  }

  /** The server was told, and the time has not passed. */
  holds(nowMs: number): boolean {
    return nowMs < this.#silentUntilMs;
  }
}
