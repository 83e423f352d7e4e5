import type { AudioChunk } from '../audio/chunk.ts';
import { createConverter } from '../audio/convert.ts';
import { type AudioFormat, bytesPerMs } from '../audio/format.ts';
import type { Clock, Timeout } from '../base/clock.ts';
import { Recent } from '../base/recent.ts';
import { Downlink, type Share } from './downlink.ts';
import type { Ticker } from './frame-ticker.ts';
import { confirmBoundMs, HeardWait } from './heard-wait.ts';
import type { PlaybackTraits, Played } from './leg.ts';
import { Marks } from './marks.ts';
import type { AudioItem, HeardItem } from './model-session.ts';
import { itemKey, Part, partKey } from './part.ts';
import { PlayoutClock } from './playout-clock.ts';

/** Agent audio that waits to be sent, or for the media; more is dropped. */
const maxWaitingMs = 300_000;
/** Responses and items whose late audio is still recognised after a cut. */
const maxDead = 64;
/** A paced frame that is this late is jitter of the ticker and no hole. */
const pacedJitterMs = 40;

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
  /** Audio was dropped because too much waits already. */
  dropped?(lengthMs: number): void;
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

export interface PlayoutOptions {
  readonly clock: Clock;
  readonly events: PlayoutEvents;
  /** Tells when frames are due, for carriers whose audio we pace. */
  readonly ticker: Ticker;
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
  readonly #ticker: Ticker;
  #port: PlayoutPort | undefined;
  #downlink: Downlink | undefined;
  #traits: PlaybackTraits | undefined;
  #legBytesPerMs = 1;
  #convert: ReturnType<typeof createConverter>;
  readonly #parts = new Map<string, Part>();
  /** Of the item that was spoken of last, known to be alive: most deltas are of the same one. */
  #latest: Part | undefined;
  /** Chunks waiting for the media to start, in the model's format. */
  #held: { readonly part: Part; readonly chunk: AudioChunk }[] = [];
  #heldMs = 0;
  /** Where the carrier returns marks. */
  #marks: Marks | undefined;
  /** When all that was sent had sounded, by the clock. */
  #silentSince = 0;
  readonly #dead = new Recent<true>(maxDead);
  #drainTimer: Timeout | undefined;
  readonly #heardWait: HeardWait;

  constructor(options: PlayoutOptions) {
    this.#clock = options.clock;
    this.#events = options.events;
    this.#ticker = options.ticker;
    this.#modelFormat = options.modelFormat;
    this.#modelBytesPerMs = bytesPerMs(options.modelFormat);
    this.#timeline = new PlayoutClock(options.clock);
    this.#heardWait = new HeardWait({
      clock: options.clock,
      confirmed: () => this.#confirmed(),
      pendingMs: () => this.pendingMs,
    });
  }

  /** The media flows: what was held is sent now, the rest as it comes. */
  open(port: PlayoutPort, format: AudioFormat, traits: PlaybackTraits): void {
    this.#port = port;
    this.#traits = traits;
    if (traits.acknowledges === 'marks') this.#marks = new Marks(traits.markEveryMs);
    this.#legBytesPerMs = bytesPerMs(format);
    this.#convert = createConverter(this.#modelFormat, format);
    this.#downlink = new Downlink({
      clock: this.#clock,
      ticker: this.#ticker,
      format,
      traits,
      aheadMs: () => this.#timeline.remainingMs(),
      give: (chunk, part) => this.#send(chunk, part),
      giveMixed: (chunk, shares) => this.#sendMixed(chunk, shares),
      giveSilence: (chunk) => this.#port?.play(chunk),
    });
    const held = this.#held;
    this.#held = [];
    this.#heldMs = 0;
    for (const [index, { part, chunk }] of held.entries()) {
      this.#push(part, this.#toLeg(chunk));
      const next = held[index + 1]?.part;
      if (next !== part && part.generationDone) this.#end(part);
    }
  }

  /** Audio of the model. Returns false when it was dropped: its response was cut, or too much waits. */
  append(item: AudioItem, chunk: AudioChunk): boolean {
    if (this.isDead(item)) return false;
    const lengthMs = chunk.byteLength / this.#modelBytesPerMs;
    if (this.#waitingMs + lengthMs > maxWaitingMs) {
      this.#events.dropped?.(lengthMs);
      return false;
    }
    const part = this.#part(item, true);
    part.generatedMs += lengthMs;
    if (this.#port) {
      this.#push(part, this.#toLeg(chunk));
    } else {
      this.#heldMs += lengthMs;
      this.#held.push({ part, chunk });
    }
    return true;
  }

  /** Audio that no model made, already in the leg's format: a recorded phrase. Only after `open`. */
  appendPhrase(item: AudioItem, chunk: AudioChunk): void {
    const part = this.#part(item, false);
    part.generatedMs += chunk.byteLength / this.#legBytesPerMs;
    this.#push(part, chunk);
    this.finish(item);
  }

  /** No more audio of the item comes. */
  finish(item: AudioItem): void {
    const part = this.#parts.get(partKey(item));
    if (!part || part.generationDone) return;
    part.generationDone = true;
    if (!this.#port) return;
    this.#end(part);
    if (this.pendingMs === 0) this.#settle();
  }

  /** No more audio of the response comes, whatever its items said. */
  finishResponse(responseId: string): void {
    for (const { item } of [...this.#parts.values()]) {
      if (item.responseId === responseId) this.finish(item);
    }
  }

  /** No more audio of anything comes. */
  finishAll(): void {
    for (const { item } of [...this.#parts.values()]) this.finish(item);
  }

  /** The carrier takes no audio for now, or takes it again: what waits for it is not sent, and not heard. */
  flow(open: boolean): void {
    this.#downlink?.flow(open);
  }

  acknowledged(played: Played): void {
    switch (played.type) {
      case 'mark':
        this.#marked(played.name);
        break;
      case 'started':
        this.#timeline.started(played.roundTripMs);
        this.#heardFirst(this.#timeline.position(), this.#clock.now());
        break;
      case 'completed':
        this.#timeline.completed();
        break;
    }
    this.#heardWait.check();
  }

  /**
   * Stops everything at the carrier and here, in this turn of the event loop. Nothing of the cut items, nor of
   * `activeResponseId`, reaches the carrier afterwards.
   */
  cut(activeResponseId?: string): CutItem[] {
    this.#downlink?.drop();
    if (this.#port && this.unconfirmed) this.#port.clear();
    // From a carrier that plays what it gets nothing is taken back: what it was sent is heard.
    if (this.#isPaced) this.#timeline.settle();
    const heardUpToMs = this.#timeline.cut();
    const items: CutItem[] = [];
    for (const part of this.#parts.values()) {
      const { item, generationDone, owned } = part;
      const heardMs = part.heardMs(heardUpToMs);
      const generatedMs = Math.floor(part.generatedMs);
      if (generationDone && heardMs >= generatedMs - 1) {
        this.#events.itemHeard(item, heardMs);
        continue;
      }
      items.push({ ...item, heardMs, generatedMs, owned, generationDone });
      this.bury(itemKey(item));
      if (!generationDone) this.bury(item.responseId);
    }
    if (activeResponseId !== undefined) this.bury(activeResponseId);
    this.#parts.clear();
    this.#latest = undefined;
    this.#marks?.forget();
    this.#held = [];
    this.#heldMs = 0;
    this.#drainTimer?.cancel();
    this.#drainTimer = undefined;
    this.#convert?.reset();
    // Whoever waits may end the call, and the cut is not told yet.
    this.#heardWait.cut();
    return toldOnce(items);
  }

  /**
   * The model that made what is queued is gone: it plays on, but nobody can be told how much was heard. Returns what
   * plays on.
   */
  disown(): PlayingOn[] {
    const playing: PlayingOn[] = [];
    for (const part of [...this.#parts.values()]) {
      const { item, generatedMs, generationDone } = part;
      playing.push({ item, generatedMs: Math.floor(generatedMs), complete: generationDone });
      this.bury(item.responseId);
      this.finish(item);
      part.owned = false;
    }
    return playing;
  }

  /** Nothing of this response may reach the carrier any more. */
  bury(id: string): void {
    this.#latest = undefined;
    this.#dead.set(id, true);
  }

  isDead(item: AudioItem): boolean {
    if (this.#latest?.item === item) return false;
    return this.#dead.has(item.responseId) || this.#dead.has(itemKey(item));
  }

  /** Audio that the caller has not heard yet, wherever it is. */
  get pendingMs(): number {
    return this.#waitingMs + this.#timeline.remainingMs();
  }

  /** The carrier may have audio of ours that has not sounded yet. */
  get unconfirmed(): boolean {
    if (this.#timeline.remainingMs() > 0) return true;
    if (this.#traits?.acknowledges === 'nothing' || this.#timeline.isConfirmed) return false;
    // A carrier that never says so is not waited for.
    return this.#clock.now() - this.#silentSince < confirmBoundMs;
  }

  /** Some item was not heard to its end, be it still to come. */
  get unfinished(): boolean {
    return this.#parts.size > 0;
  }

  /** The part that sounds now; a reckoning that later marks may still correct. */
  get sounding(): (HeardItem & { readonly generationDone: boolean }) | undefined {
    const positionMs = this.#timeline.position();
    for (const part of this.#parts.values()) {
      if (part.endMs === undefined || part.endMs <= positionMs) continue;
      const { item, generatedMs, generationDone } = part;
      const heardMs = part.reckonedMs(positionMs);
      return { ...item, heardMs, generatedMs: Math.floor(generatedMs), generationDone };
    }
    return undefined;
  }

  heardMs(item: AudioItem): number {
    return this.#parts.get(partKey(item))?.heardMs(this.#timeline.position()) ?? 0;
  }

  generatedMs(item: AudioItem): number {
    const part = this.#latest?.item === item ? this.#latest : this.#parts.get(partKey(item));
    return Math.floor(part?.generatedMs ?? 0);
  }

  /** Calls back once when all that was sent is heard and, where the carrier says so, acknowledged; bounded. */
  whenHeard(callback: () => void): void {
    this.#heardWait.begin(callback);
  }

  /** Forgets the callback of `whenHeard`. */
  forgetWaiting(): void {
    this.#heardWait.forget();
  }

  close(): void {
    this.#drainTimer?.cancel();
    this.forgetWaiting();
    this.#downlink?.close();
    this.#parts.clear();
    this.#latest = undefined;
    this.#marks?.forget();
    this.#held = [];
    this.#heldMs = 0;
    this.#port = undefined;
  }

  get #waitingMs(): number {
    return this.#heldMs + (this.#downlink?.queuedMs ?? 0);
  }

  #part(item: AudioItem, owned: boolean): Part {
    if (this.#latest?.item === item) return this.#latest;
    const key = partKey(item);
    let part = this.#parts.get(key);
    if (!part) {
      part = new Part(item, owned);
      this.#parts.set(key, part);
    }
    this.#latest = part;
    return part;
  }

  #toLeg(chunk: AudioChunk): AudioChunk {
    return this.#convert ? this.#convert.convert(chunk) : chunk;
  }

  #push(part: Part, chunk: AudioChunk): void {
    this.#downlink?.push(part, chunk);
  }

  #send(chunk: AudioChunk, part: Part): void {
    if (!this.#port) return;
    this.#port.play(chunk);
    const lengthMs = chunk.byteLength / this.#legBytesPerMs;
    const startMs = this.#extend(lengthMs, part);
    this.#placed(part, startMs, lengthMs);
    this.#sent(lengthMs, part);
  }

  #sendMixed(chunk: AudioChunk, shares: readonly Share[]): void {
    const [first] = shares;
    if (!this.#port || !first) return;
    this.#port.play(chunk);
    const lengthMs = chunk.byteLength / this.#legBytesPerMs;
    let startMs = this.#extend(lengthMs, first.part);
    for (const share of shares) {
      this.#placed(share.part, startMs, share.lengthMs);
      startMs += share.lengthMs;
    }
    this.#sent(lengthMs, shares.at(-1)?.part ?? first.part);
  }

  /** Audio was written: the timeline grows. Returns where it begins. */
  #extend(lengthMs: number, part: Part): number {
    const { startMs, silentForMs } = this.#timeline.extend(lengthMs);
    const hole = silentForMs !== undefined && silentForMs >= (this.#isPaced ? pacedJitterMs : 0);
    if (hole && part.startMs !== undefined) this.#events.underrun();
    return startMs;
  }

  #placed(part: Part, startMs: number, lengthMs: number): void {
    const first = part.startMs === undefined;
    part.sent(startMs, lengthMs);
    if (first) this.#events.itemSent(part.item);
  }

  #sent(lengthMs: number, last: Part): void {
    const complete = last.generationDone && last.waitingBytes === 0;
    if (this.#marks?.sent(lengthMs) || complete) this.#mark();
    this.#drainTimer ??= this.#clock.setTimeout(() => this.#drainDue(), this.pendingMs);
  }

  get #isPaced(): boolean {
    return this.#traits?.buffering === 'paced';
  }

  #mark(): void {
    if (this.#marks) this.#port?.mark(this.#marks.place(this.#timeline.endMs));
  }

  #marked(name: string): void {
    const positionMs = this.#marks?.returned(name);
    // Marks returned by a `clear` are no longer known: they prove nothing.
    if (positionMs === undefined) return;
    this.#timeline.acknowledge(positionMs);
    this.#heardFirst(positionMs, this.#clock.now());
  }

  /** The carrier has played up to `positionMs` at `at`: what began before it was heard. */
  #heardFirst(positionMs: number, at: number): void {
    for (const part of this.#parts.values()) {
      if (part.heardFirst || part.startMs === undefined || part.startMs > positionMs) continue;
      part.heardFirst = true;
      this.#events.itemHeardFirst(part.item, at - (positionMs - part.startMs));
    }
  }

  /** What the conversion still holds of the item goes out, and the last mark after it. */
  #end(part: Part): void {
    if (this.#convert && part.owned) this.#push(part, this.#convert.flush());
    this.#downlink?.ended();
    if (part.waitingBytes === 0 && this.#marks?.owing) this.#mark();
  }

  #drainDue(): void {
    this.#drainTimer = undefined;
    const remainingMs = this.#timeline.remainingMs();
    if (remainingMs > 0) {
      this.#drainTimer = this.#clock.setTimeout(() => this.#drainDue(), this.pendingMs);
      return;
    }
    // What waits here for more of its kind brings the timer back when it is sent.
    if (this.#waitingMs === 0) this.#settle();
  }

  /** Everything sent was heard: items that are complete leave the ledger. */
  #settle(): void {
    this.#timeline.settle();
    this.#silentSince = this.#clock.now();
    for (const part of [...this.#parts.values()]) {
      if (!part.generationDone) continue;
      this.#parts.delete(part.key);
      if (this.#latest === part) this.#latest = undefined;
      this.#events.itemHeard(part.item, part.heardMs(this.#timeline.endMs));
    }
    this.#events.drained();
    this.#heardWait.check();
  }

  #confirmed(): boolean {
    if (this.pendingMs > 0) return false;
    switch (this.#traits?.acknowledges) {
      case 'marks':
        return this.#marks?.pending !== true;
      case 'events':
        return this.#timeline.isConfirmed;
      default:
        return true;
    }
  }
}

/** An item is cut at one place: in the last of its parts that was heard at all, else at its first. */
function toldOnce(items: readonly CutItem[]): CutItem[] {
  const places = new Map<string, CutItem>();
  for (const item of items) {
    if (item.heardMs > 0 || !places.has(itemKey(item))) places.set(itemKey(item), item);
  }
  return items.map((item) => (places.get(itemKey(item)) === item ? item : { ...item, owned: false }));
}
