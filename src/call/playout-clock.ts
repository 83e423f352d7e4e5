import type { Clock } from '../base/clock.ts';

/** A mark may be this late by jitter alone. */
const jitterMs = 80;
/** Marks must be later than jitter explains for this long, and this often, before the carrier is believed to be behind. */
const evidenceMs = 1000;
const evidenceMarks = 6;
/** What binary fractions may leave of nothing. */
const roundingMs = 1e-6;
/** Less than that is believed only of many marks, of which jitter would have let one through in time. */
const slightlyLateMs = 20;
const maxEvidence = 48;
/** A carrier that begins later than this after audio came to it did not begin with that audio. */
const longestStartMs = 1000;
/** Sends that are remembered: some seconds of a carrier that takes few and large pieces. */
const maxSends = 64;
/** How far a measured round trip may be off. */
const startSlackMs = 20;
/** A word of the carrier that its queue is empty may cross audio that was sent within this. */
const crossingMs = 250;

export interface Stretch {
  readonly startMs: number;
  /** How long the queue had been empty before this stretch; undefined: it goes on without a hole. */
  readonly silentForMs: number | undefined;
}

/**
 * Where the carrier's playback stands, on a timeline of all audio ever sent to it, in milliseconds.
 *
 * A chunk sent to an idle carrier sounds one network delay later, and a `clear` takes effect one network delay
 * later: the two cancel, so the send clock tells what is heard. The clock is anchored at the first chunk after
 * silence and stands still when the queue is empty. Marks confirm; they move the anchor only on lasting evidence,
 * because one late mark says no more than jitter.
 */
export class PlayoutClock {
  readonly #clock: Clock;
  #endMs = 0;
  #anchorAt = 0;
  #anchorMs = 0;
  #confirmedMs = 0;
  /** Told to have been heard: evidence that comes later does not take it back. */
  #settledMs = 0;
  /** Smallest time between a position sounding, by our clock, and its mark coming back: the round trip. */
  #roundTripMs = Number.POSITIVE_INFINITY;
  /** How far the anchor was moved back on evidence since it was set. */
  #shiftedMs = 0;
  /** The carrier has told that the present stretch began, and the quickest it ever did. */
  #startSeen = false;
  #startLagMs = Number.POSITIVE_INFINITY;
  #extendedAt = 0;
  /** The latest sends, where the carrier tells of its starts. */
  #sends: { readonly at: number; readonly startMs: number }[] | undefined;
  #evidence: { readonly at: number; readonly lagMs: number }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** End of everything sent. */
  get endMs(): number {
    return this.#endMs;
  }

  /** The carrier itself has said that everything sent was played. */
  get isConfirmed(): boolean {
    return this.#confirmedMs >= this.#endMs;
  }

  /** What has been heard now, as far as is known: evidence of a late start takes back what was not settled. */
  position(): number {
    const played = this.#anchorMs + Math.max(0, this.#clock.now() - this.#anchorAt);
    return Math.min(this.#endMs, Math.max(played, this.#confirmedMs, this.#settledMs));
  }

  /** Everything sent so far counts as heard from now on. */
  settle(): void {
    this.#settledMs = this.#endMs;
  }

  /** Time until everything sent is heard; no share of a nanosecond, for which no timer could wait. */
  remainingMs(): number {
    const remainingMs = this.#endMs - this.position();
    return remainingMs < roundingMs ? 0 : remainingMs;
  }

  /** Call at the moment the audio is written. */
  extend(lengthMs: number): Stretch {
    const startMs = this.#endMs;
    const now = this.#clock.now();
    const afterSilence = this.position() >= startMs;
    const silentForMs = afterSilence ? now - (this.#anchorAt + startMs - this.#anchorMs) : undefined;
    if (afterSilence) this.#anchor(startMs);
    this.#endMs += lengthMs;
    this.#extendedAt = now;
    if (this.#sends) {
      this.#sends.push({ at: now, startMs });
      if (this.#sends.length > maxSends) this.#sends.shift();
    }
    return { startMs, silentForMs };
  }

  /** The carrier says that everything up to `positionMs` was played. */
  acknowledge(positionMs: number): void {
    const confirmed = Math.min(positionMs, this.#endMs);
    if (confirmed > this.#confirmedMs) this.#confirmedMs = confirmed;
    // A mark of an earlier stretch says nothing about this one's anchor.
    if (confirmed <= this.#anchorMs) return;
    const now = this.#clock.now();
    const lagMs = now - (this.#anchorAt + confirmed - this.#anchorMs);
    this.#learn(now, lagMs);
  }

  /**
   * The carrier says that it began to play after silence. `roundTripMs`: to the carrier and back, where it is known;
   * else the quickest start seen tells it. What is later than that is time in which the carrier played nothing yet.
   */
  started(roundTripMs: number | undefined): void {
    this.#sends ??= [];
    if (this.position() >= this.#endMs) return;
    const now = this.#clock.now();
    const lagMs = now - this.#anchorAt;
    // Quicker than the wire: it tells of a stretch before this one.
    if (roundTripMs !== undefined && lagMs < roundTripMs - startSlackMs) return;
    if (!this.#startSeen) this.#startLagMs = Math.min(this.#startLagMs, lagMs);
    const wireMs = roundTripMs ?? this.#startLagMs;
    const lateMs = lagMs - wireMs;
    if (this.#startSeen || lateMs > longestStartMs) this.#resumed(now - wireMs);
    else if (lateMs > 0) this.#anchorAt += lateMs;
    this.#startSeen = true;
  }

  /** The carrier ran dry where we saw no hole, and went on with what was sent at about `sentAt`. */
  #resumed(sentAt: number): void {
    const first = this.#sends?.findLast(({ at }) => at <= sentAt + startSlackMs);
    if (!first || first.startMs < this.#anchorMs) return;
    const positionMs = first.startMs + this.#clock.now() - sentAt;
    if (positionMs >= this.position()) return;
    this.#anchorMs = first.startMs;
    this.#anchorAt = sentAt;
  }

  /** The carrier says that its queue ran empty. What was sent in the last moment may have crossed it on the way. */
  completed(): void {
    if (this.#clock.now() - this.#extendedAt >= crossingMs || this.remainingMs() === 0) {
      this.#confirmedMs = this.#endMs;
    }
  }

  /** Everything not heard is dropped at the carrier; returns the position at which that happened. */
  cut(): number {
    const heardMs = this.position();
    this.#endMs = heardMs;
    // Nothing is left of which the carrier could say that it was played.
    this.#confirmedMs = heardMs;
    this.#settledMs = heardMs;
    this.#anchor(heardMs);
    return heardMs;
  }

  #anchor(positionMs: number): void {
    this.#anchorAt = this.#clock.now();
    this.#anchorMs = positionMs;
    this.#shiftedMs = 0;
    this.#startSeen = false;
    this.#evidence = [];
  }

  #learn(now: number, lagMs: number): void {
    if (lagMs < this.#roundTripMs) {
      const earlierMs = Math.min(this.#shiftedMs, this.#roundTripMs - lagMs);
      if (earlierMs > 0) {
        // Faster than the fastest round trip: an earlier shift was too large.
        this.#shift(-earlierMs);
        return;
      }
      if (lagMs < 0) this.#shift(lagMs);
      this.#roundTripMs = Math.max(0, lagMs);
      return;
    }
    this.#evidence.push({ at: now, lagMs });
    if (this.#evidence.length > maxEvidence) this.#evidence.shift();
    if (this.#evidence.length === maxEvidence && this.#smallestLag(maxEvidence) > slightlyLateMs) {
      this.#shift(this.#smallestLag(maxEvidence));
      return;
    }
    const first = this.#evidence.at(-evidenceMarks);
    if (!first || now - first.at < evidenceMs) return;
    if (this.#smallestLag(evidenceMarks) > jitterMs) this.#shift(this.#smallestLag(evidenceMarks));
  }

  /** By how much even the timeliest of the latest marks was later than the round trip. */
  #smallestLag(marks: number): number {
    let smallestMs = Number.POSITIVE_INFINITY;
    for (const { lagMs } of this.#evidence.slice(-marks)) smallestMs = Math.min(smallestMs, lagMs);
    return smallestMs - this.#roundTripMs;
  }

  /** Moves the anchor, not what was confirmed or settled. */
  #shift(byMs: number): void {
    this.#anchorAt += byMs;
    this.#shiftedMs = Math.max(0, this.#shiftedMs + byMs);
    this.#evidence = [];
  }
}
