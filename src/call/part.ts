import type { AudioItem } from './model-session.ts';

/** One audio part of one item of one response: ids alone may come again, and an item may have several parts. */
export function partKey({ responseId, itemId, contentIndex }: AudioItem): string {
  return `${responseId}\n${itemId}\n${contentIndex}`;
}

/** One item, whichever of its parts. */
export function itemKey({ responseId, itemId }: AudioItem): string {
  return `${responseId}\n${itemId}`;
}

/** A stretch of a part on the timeline of all audio sent to the carrier. */
interface Span {
  readonly startMs: number;
  lengthMs: number;
}

/** What the ledger knows of one part: how much of it was generated, and where on the timeline it was sent. */
export class Part {
  readonly key: string;
  readonly item: AudioItem;
  /** False: the model that made it is gone, or no model made it. */
  owned: boolean;
  generatedMs = 0;
  generationDone = false;
  /** Audio of it that waits to be sent, bytes. */
  waitingBytes = 0;
  heardFirst = false;
  readonly #spans: Span[] = [];
  /** What was told of it so far: a later, smaller reckoning is not told. */
  #toldMs = 0;

  constructor(item: AudioItem, owned: boolean) {
    this.key = partKey(item);
    this.item = item;
    this.owned = owned;
  }

  /** Where it begins on the timeline; undefined while nothing of it was sent. */
  get startMs(): number | undefined {
    return this.#spans[0]?.startMs;
  }

  /** Up to where it was sent. */
  get endMs(): number | undefined {
    const last = this.#spans.at(-1);
    return last && last.startMs + last.lengthMs;
  }

  sent(startMs: number, lengthMs: number): void {
    const last = this.#spans.at(-1);
    if (last && last.startMs + last.lengthMs === startMs) last.lengthMs += lengthMs;
    else this.#spans.push({ startMs, lengthMs });
  }

  /** What of it sounded when playback stood at `positionMs`; not told to anybody, so it may fall again. */
  reckonedMs(positionMs: number): number {
    let heardMs = 0;
    for (const span of this.#spans) {
      heardMs += Math.min(span.lengthMs, Math.max(0, positionMs - span.startMs));
    }
    // The small share keeps binary fractions from turning a whole millisecond into the one below.
    return Math.floor(Math.min(heardMs, this.generatedMs) + 1e-6);
  }

  /** The same to be told: it never falls. */
  heardMs(positionMs: number): number {
    this.#toldMs = Math.max(this.#toldMs, this.reckonedMs(positionMs));
    return this.#toldMs;
  }
}
