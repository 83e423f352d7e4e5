import type { AudioChunk } from '../audio/chunk.ts';
import { createConverter } from '../audio/convert.ts';
import { type AudioFormat, bytesPerMs } from '../audio/format.ts';
import type { Clock, Timeout } from '../base/clock.ts';
import type { PlaybackTraits, Played } from './leg.ts';
import type { AudioItem, HeardItem } from './model-session.ts';
import { PlayoutClock } from './playout-clock.ts';

/** Agent audio kept while the media is not there yet; more is dropped. */
const maxHeldMs = 300_000;
/** Responses and items whose late audio is still recognised after a cut. */
const maxDead = 64;
/** Marks not yet returned that are kept; of more, the oldest are not waited for. */
const maxMarks = 1024;
/** How long after its reckoned end a last mark is waited for. */
const confirmBoundMs = 2000;

export interface PlayoutPort {
  play(audio: AudioChunk): void;
  mark(name: string): void;
  clear(): void;
}

export interface PlayoutEvents {
  /** The first audio of the item was sent to the carrier. */
  itemSent(item: AudioItem): void;
  /** The carrier has acknowledged audio of the item for the first time; `startedAt` is when it began to sound. */
  itemHeardFirst(item: AudioItem, startedAt: number): void;
  /** All audio of the item was heard. */
  itemHeard(item: AudioItem, heardMs: number): void;
  /** The queue at the carrier ran empty in the middle of an item. */
  underrun(): void;
  /** Everything sent was heard, by the clock. */
  drained(): void;
}

/** One audio part of one item of one response: ids alone may come again, and an item may have several parts. */
export function partKey({ responseId, itemId, contentIndex }: AudioItem): string {
  return `${responseId}\n${itemId}\n${contentIndex}`;
}

/** What was cut: every part not heard to its end, with what of it was heard. */
export interface CutItem extends HeardItem {
  /** The model is told: false when the one that made it is gone, or when another part tells where the item was cut. */
  readonly owned: boolean;
  readonly generationDone: boolean;
}

/** What is still to be heard although its model is gone; `complete`: nothing of it is missing. */
export interface PlayingOn {
  readonly item: AudioItem;
  readonly generatedMs: number;
  readonly complete: boolean;
}

interface Span {
  readonly startMs: number;
  lengthMs: number;
}

interface Entry {
  readonly key: string;
  readonly item: AudioItem;
  generatedMs: number;
  generationDone: boolean;
  owned: boolean;
  heardFirst: boolean;
  /** What was told of it so far: a later, smaller reckoning is not told. */
  toldMs: number;
  readonly spans: Span[];
}

export interface PlayoutOptions {
  readonly clock: Clock;
  readonly events: PlayoutEvents;
  /** Format of the chunks given to `append`. */
  readonly modelFormat: AudioFormat;
}

/**
 * The ledger of audio on its way to the caller's ear: what was generated, sent and heard of every part of every item.
 * For every part `0 <= heardMs <= sentMs <= generatedMs`, and none ever falls.
 */
export class Playout {
  readonly #clock: Clock;
  readonly #events: PlayoutEvents;
  readonly #timeline: PlayoutClock;
  readonly #modelFormat: AudioFormat;
  readonly #modelBytesPerMs: number;
  #port: PlayoutPort | undefined;
  #traits: PlaybackTraits | undefined;
  #legBytesPerMs = 1;
  #convert: ReturnType<typeof createConverter>;
  #legFormat: AudioFormat | undefined;
  readonly #entries = new Map<string, Entry>();
  /** Chunks waiting for the media to start. */
  #held: { readonly entry: Entry; readonly chunk: AudioChunk }[] = [];
  #heldMs = 0;
  readonly #marks = new Map<string, { readonly positionMs: number; readonly entry: Entry }>();
  #markNumber = 0;
  #unmarkedMs = 0;
  readonly #dead = new Set<string>();
  #drainTimer: Timeout | undefined;
  #waiting: { readonly callback: () => void; timer: Timeout | undefined } | undefined;

  constructor(options: PlayoutOptions) {
    this.#clock = options.clock;
    this.#events = options.events;
    this.#modelFormat = options.modelFormat;
    this.#modelBytesPerMs = bytesPerMs(options.modelFormat);
    this.#timeline = new PlayoutClock(options.clock);
  }

  /** The media flows: what was held is sent now, the rest as it comes. */
  open(port: PlayoutPort, format: AudioFormat, traits: PlaybackTraits): void {
    this.#port = port;
    this.#traits = traits;
    this.#legFormat = format;
    this.#legBytesPerMs = bytesPerMs(format);
    this.#convert = createConverter(this.#modelFormat, format);
    const held = this.#held;
    this.#held = [];
    this.#heldMs = 0;
    for (const [index, { entry, chunk }] of held.entries()) {
      this.#send(entry, this.#toLeg(chunk));
      const next = held[index + 1]?.entry;
      if (next !== entry && entry.generationDone) this.#end(entry);
    }
  }

  /** Audio of the model. Returns false when it was dropped: its response was cut, or too much is held. */
  append(item: AudioItem, chunk: AudioChunk): boolean {
    if (this.isDead(item)) return false;
    const entry = this.#entry(item, true);
    const lengthMs = chunk.byteLength / this.#modelBytesPerMs;
    entry.generatedMs += lengthMs;
    if (this.#port) {
      this.#send(entry, this.#toLeg(chunk));
      return true;
    }
    return this.#hold(entry, chunk, lengthMs);
  }

  /** Audio that no model made, already in the leg's format: a recorded phrase. Only after `open`. */
  appendPhrase(item: AudioItem, chunk: AudioChunk): void {
    const entry = this.#entry(item, false);
    entry.generatedMs += chunk.byteLength / this.#legBytesPerMs;
    this.#send(entry, chunk);
    this.finish(item);
  }

  /** No more audio of the item comes. */
  finish(item: AudioItem): void {
    const entry = this.#entries.get(partKey(item));
    if (!entry || entry.generationDone) return;
    entry.generationDone = true;
    if (!this.#port) return;
    this.#end(entry);
    if (this.#timeline.remainingMs() === 0) this.#settle();
  }

  /** No more audio of the response comes, whatever its items said. */
  finishResponse(responseId: string): void {
    for (const entry of [...this.#entries.values()]) {
      if (entry.item.responseId === responseId) this.finish(entry.item);
    }
  }

  /** No more audio of anything comes. */
  finishAll(): void {
    for (const entry of [...this.#entries.values()]) this.finish(entry.item);
  }

  acknowledged(played: Played): void {
    if (played.type !== 'mark') return;
    const mark = this.#marks.get(played.name);
    // Marks returned by a `clear` are no longer known: they prove nothing.
    if (!mark) return;
    this.#marks.delete(played.name);
    this.#timeline.acknowledge(mark.positionMs);
    const { entry } = mark;
    if (!entry.heardFirst) {
      entry.heardFirst = true;
      const startMs = entry.spans[0]?.startMs ?? mark.positionMs;
      this.#events.itemHeardFirst(entry.item, this.#clock.now() - (mark.positionMs - startMs));
    }
    if (this.#waiting && this.#confirmed()) this.#release();
  }

  /**
   * Stops everything at the carrier and here, in this turn of the event loop. Nothing of the cut items, nor of
   * `activeResponseId`, reaches the carrier afterwards.
   */
  cut(activeResponseId?: string): CutItem[] {
    const notConfirmed = this.#timeline.endMs > this.#timeline.confirmedMs;
    if (this.#port && (notConfirmed || this.#timeline.remainingMs() > 0)) this.#port.clear();
    const heardUpToMs = this.#timeline.cut();
    const items: CutItem[] = [];
    for (const entry of this.#entries.values()) {
      const heardMs = this.#heardMs(entry, heardUpToMs);
      if (entry.generationDone && heardMs >= Math.floor(entry.generatedMs) - 1) {
        this.#events.itemHeard(entry.item, heardMs);
        continue;
      }
      const { generationDone, owned } = entry;
      items.push({
        ...entry.item,
        heardMs,
        generatedMs: Math.floor(entry.generatedMs),
        owned,
        generationDone,
      });
      this.bury(itemKey(entry.item));
      if (!generationDone) this.bury(entry.item.responseId);
    }
    if (activeResponseId !== undefined) this.bury(activeResponseId);
    this.#entries.clear();
    this.#marks.clear();
    this.#held = [];
    this.#heldMs = 0;
    this.#unmarkedMs = 0;
    this.#drainTimer?.cancel();
    this.#drainTimer = undefined;
    if (this.#legFormat) this.#convert = createConverter(this.#modelFormat, this.#legFormat);
    // Later than this turn of the event loop: what waits may end the call, and the cut is not told yet.
    if (this.#waiting) {
      this.#waiting.timer?.cancel();
      this.#waiting.timer = this.#clock.setTimeout(() => this.#release(), 0);
    }
    return toldOnce(items);
  }

  /**
   * The model that made what is queued is gone: it plays on, but nobody can be told how much was heard. Returns what
   * plays on.
   */
  disown(): PlayingOn[] {
    const playing: PlayingOn[] = [];
    for (const entry of [...this.#entries.values()]) {
      const { item, generatedMs, generationDone } = entry;
      playing.push({ item, generatedMs: Math.floor(generatedMs), complete: generationDone });
      this.bury(entry.item.responseId);
      this.finish(entry.item);
      entry.owned = false;
    }
    return playing;
  }

  /** Nothing of this response may reach the carrier any more. */
  bury(id: string): void {
    this.#dead.add(id);
    if (this.#dead.size <= maxDead) return;
    for (const oldest of this.#dead) {
      this.#dead.delete(oldest);
      break;
    }
  }

  isDead(item: AudioItem): boolean {
    return this.#dead.has(item.responseId) || this.#dead.has(itemKey(item));
  }

  /** Audio that the caller has not heard yet, wherever it is. */
  get pendingMs(): number {
    return this.#heldMs + this.#timeline.remainingMs();
  }

  /** The carrier has yet to say that it played all it was sent. */
  get unconfirmed(): boolean {
    return this.#marks.size > 0;
  }

  /** Some item was not heard to its end, be it still to come. */
  get unfinished(): boolean {
    return this.#entries.size > 0;
  }

  /** The part that sounds now; a reckoning that later marks may still correct. */
  get sounding(): (HeardItem & { readonly generationDone: boolean }) | undefined {
    const positionMs = this.#timeline.position();
    for (const entry of this.#entries.values()) {
      const last = entry.spans.at(-1);
      if (!last || last.startMs + last.lengthMs <= positionMs) continue;
      const { item, generatedMs, generationDone } = entry;
      const heardMs = reckonedMs(entry, positionMs);
      return { ...item, heardMs, generatedMs: Math.floor(generatedMs), generationDone };
    }
    return undefined;
  }

  heardMs(item: AudioItem): number {
    const entry = this.#entries.get(partKey(item));
    return entry ? this.#heardMs(entry, this.#timeline.position()) : 0;
  }

  generatedMs(item: AudioItem): number {
    return Math.floor(this.#entries.get(partKey(item))?.generatedMs ?? 0);
  }

  /** Calls back once when all that was sent is heard and, where the carrier says so, acknowledged; bounded. */
  whenHeard(callback: () => void): void {
    this.#waiting?.timer?.cancel();
    this.#waiting = { callback, timer: undefined };
    if (this.#confirmed()) {
      this.#release();
      return;
    }
    this.#waiting.timer = this.#clock.setTimeout(
      () => this.#release(),
      this.#timeline.remainingMs() + confirmBoundMs,
    );
  }

  /** Forgets the callback of `whenHeard`. */
  forgetWaiting(): void {
    this.#waiting?.timer?.cancel();
    this.#waiting = undefined;
  }

  close(): void {
    this.#drainTimer?.cancel();
    this.forgetWaiting();
    this.#entries.clear();
    this.#marks.clear();
    this.#held = [];
    this.#heldMs = 0;
    this.#port = undefined;
  }

  #entry(item: AudioItem, owned: boolean): Entry {
    const key = partKey(item);
    const known = this.#entries.get(key);
    if (known) return known;
    const entry: Entry = {
      key,
      item,
      generatedMs: 0,
      generationDone: false,
      owned,
      heardFirst: false,
      toldMs: 0,
      spans: [],
    };
    this.#entries.set(key, entry);
    return entry;
  }

  #hold(entry: Entry, chunk: AudioChunk, lengthMs: number): boolean {
    if (this.#heldMs + lengthMs > maxHeldMs) return false;
    this.#heldMs += lengthMs;
    this.#held.push({ entry, chunk });
    return true;
  }

  #toLeg(chunk: AudioChunk): AudioChunk {
    return this.#convert ? this.#convert.convert(chunk) : chunk;
  }

  #send(entry: Entry, chunk: AudioChunk): void {
    if (!this.#port || chunk.byteLength === 0) return;
    this.#port.play(chunk);
    const lengthMs = chunk.byteLength / this.#legBytesPerMs;
    const { startMs, afterSilence } = this.#timeline.extend(lengthMs);
    const first = entry.spans.length === 0;
    if (afterSilence && !first) this.#events.underrun();
    const last = entry.spans.at(-1);
    if (last && last.startMs + last.lengthMs === startMs) last.lengthMs += lengthMs;
    else entry.spans.push({ startMs, lengthMs });
    this.#unmarkedMs += lengthMs;
    if (this.#traits && this.#unmarkedMs >= this.#traits.markEveryMs) this.#mark(entry);
    if (first) this.#events.itemSent(entry.item);
    this.#drainTimer ??= this.#clock.setTimeout(() => this.#drainDue(), this.#timeline.remainingMs());
  }

  #mark(entry: Entry): void {
    if (!this.#port || this.#traits?.acknowledges !== 'marks') return;
    this.#markNumber += 1;
    const name = `p${this.#markNumber}`;
    this.#marks.set(name, { positionMs: this.#timeline.endMs, entry });
    if (this.#marks.size > maxMarks) {
      const [oldest] = this.#marks.keys();
      if (oldest !== undefined) this.#marks.delete(oldest);
    }
    this.#unmarkedMs = 0;
    this.#port.mark(name);
  }

  /** What the conversion still holds of the item goes out, and the last mark after it. */
  #end(entry: Entry): void {
    if (this.#convert && entry.owned) {
      const tail = this.#convert.flush();
      if (tail.byteLength > 0) this.#send(entry, tail);
    }
    if (this.#unmarkedMs > 0) this.#mark(entry);
  }

  #drainDue(): void {
    this.#drainTimer = undefined;
    const remainingMs = this.#timeline.remainingMs();
    if (remainingMs > 0) {
      this.#drainTimer = this.#clock.setTimeout(() => this.#drainDue(), remainingMs);
      return;
    }
    this.#settle();
  }

  /** Everything sent was heard: items that are complete leave the ledger. */
  #settle(): void {
    this.#timeline.settle();
    for (const entry of [...this.#entries.values()]) {
      if (!entry.generationDone) continue;
      this.#entries.delete(entry.key);
      this.#events.itemHeard(entry.item, this.#heardMs(entry, this.#timeline.endMs));
    }
    this.#events.drained();
    if (this.#waiting && this.#confirmed()) this.#release();
  }

  #confirmed(): boolean {
    if (this.#heldMs > 0 || this.#timeline.remainingMs() > 0) return false;
    return this.#traits?.acknowledges !== 'marks' || this.#marks.size === 0;
  }

  #release(): void {
    const waiting = this.#waiting;
    if (!waiting) return;
    waiting.timer?.cancel();
    this.#waiting = undefined;
    waiting.callback();
  }

  #heardMs(entry: Entry, positionMs: number): number {
    entry.toldMs = Math.max(entry.toldMs, reckonedMs(entry, positionMs));
    return entry.toldMs;
  }
}

function reckonedMs({ spans, generatedMs }: Entry, positionMs: number): number {
  let heardMs = 0;
  for (const span of spans) heardMs += Math.min(span.lengthMs, Math.max(0, positionMs - span.startMs));
  // The small share keeps binary fractions from turning a whole millisecond into the one below.
  return Math.floor(Math.min(heardMs, generatedMs) + 1e-6);
}

function itemKey({ responseId, itemId }: AudioItem): string {
  return `${responseId}\n${itemId}`;
}

/** An item is cut at one place: in the last of its parts that was heard at all, else at its first. */
function toldOnce(items: readonly CutItem[]): CutItem[] {
  const places = new Map<string, CutItem>();
  for (const item of items) {
    if (item.heardMs > 0 || !places.has(itemKey(item))) places.set(itemKey(item), item);
  }
  return items.map((item) => (places.get(itemKey(item)) === item ? item : { ...item, owned: false }));
}
