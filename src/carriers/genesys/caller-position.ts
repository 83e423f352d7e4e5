/**
 * Where the caller's stream stands, milliseconds, what was not sent to us included.
 *
 * AudioHook protocol, "discarded" and "resumed". Whether the positions that Genesys writes count what it discarded
 * earlier is not said: "the duration of audio sent so far" is read as that it is not, but both are taken. What has come
 * on the socket tells them apart, for messages and audio come in order.
 */
export class CallerPosition {
  #sentMs = 0;
  #lostMs = 0;

  get ms(): number {
    return this.#sentMs + this.#lostMs;
  }

  sent(ms: number): void {
    this.#sentMs += ms;
  }

  /** The stream went on without us from `startMs`, as Genesys counts: what comes now is later than the audio tells. */
  discarded(startMs: number, ms: number): void {
    const countsLost = Math.abs(startMs - this.ms) < Math.abs(startMs - this.#sentMs);
    const endMs = startMs + ms + (countsLost ? 0 : this.#lostMs);
    this.#lostMs = Math.max(this.#lostMs, endMs - this.#sentMs);
  }
}
