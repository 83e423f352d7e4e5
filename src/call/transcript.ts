import type { Clock } from '../base/clock.ts';
import { HeardText } from './heard-text.ts';
import type { AudioItem, HeardItem, HistoryItem } from './model-session.ts';
import { partKey } from './part.ts';
import type { PlayingOn } from './playout.ts';
import type { CutCause, Turn } from './turn.ts';

export interface TranscriptEvents {
  started(turn: Turn): void;
  /** Somebody wants to be told of every word. */
  followed(): boolean;
  /** Only while followed. */
  updated(turn: Turn): void;
  ended(turn: Turn): void;
}

/** Turns kept per call; of longer calls the oldest are forgotten. */
const maxTurns = 2000;
/** Characters kept per turn; a longer text ends in the sign for what is left out. */
const maxTurnChars = 20_000;
const leftOut = ' […]';

interface Record {
  readonly turnId: number;
  readonly role: 'caller' | 'agent';
  readonly key: string;
  readonly startedAtMs: number;
  readonly words: HeardText;
  callerText: string;
  heardText: string;
  heardMs: number;
  generatedMs: number;
  cut: CutCause | undefined;
  /** The model was lost while it made this: text may be ahead of the audio that came. */
  broken: boolean;
  /** The whole text of a caller's turn has come. */
  worded: boolean;
  /** How long the caller spoke; undefined while he does. */
  spokenMs: number | undefined;
  ended: boolean;
}

/** What was said in a call and what of it was heard, in the order of speaking. */
export class Transcript {
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #events: TranscriptEvents;
  readonly #records: Record[] = [];
  readonly #byKey = new Map<string, Record>();
  /** The item that had words last: most pieces of text are of the same one. */
  #latest: { readonly item: AudioItem; readonly record: Record } | undefined;
  #nextTurnId = 1;
  /** Turns before this one are forgotten by the model. */
  #historyFrom = 1;

  constructor(clock: Clock, events: TranscriptEvents) {
    this.#clock = clock;
    this.#startedAt = clock.now();
    this.#events = events;
  }

  get turns(): Turn[] {
    return this.#records.map(view);
  }

  turnIdOf(item: AudioItem): number | undefined {
    return this.#byKey.get(partKey(item))?.turnId;
  }

  /** The caller began to speak; the words come later, perhaps after the answer. */
  callerStarted(itemId: string): void {
    if (!this.#byKey.has(itemId)) this.#open('caller', itemId);
  }

  /** The caller has stopped, and was silent for `silentForMs` already. Without an id: in his latest turn. */
  callerStopped(itemId: string | undefined, silentForMs: number): void {
    const record =
      itemId === undefined
        ? this.#records.findLast(({ role }) => role === 'caller')
        : this.#byKey.get(itemId);
    if (record?.role === 'caller') record.spokenMs ??= Math.max(0, this.#sinceStart(record) - silentForMs);
  }

  /** How long the caller spoke in turns of which no word was written down and that nobody has answered yet. */
  get unwordedMs(): number {
    let unwordedMs = 0;
    for (const record of this.#records) {
      if (record.role === 'caller' && !record.ended && record.callerText === '')
        unwordedMs += record.spokenMs ?? this.#sinceStart(record);
    }
    return unwordedMs;
  }

  /** `final`: the whole text, else a piece to append. May come after the turn has ended without it. */
  callerText(itemId: string, text: string, final: boolean): void {
    const record = this.#byKey.get(itemId) ?? this.#open('caller', itemId);
    if (record.worded) return;
    record.worded = final;
    record.callerText = bounded(final ? text : record.callerText + text);
    record.heardText = record.callerText;
    if (final && !record.ended) this.#end(record);
    else this.#updated(record);
  }

  /** No words of the caller's turn are waited for any more; without an id: of none. */
  callerEnded(itemId?: string): void {
    for (const record of this.#records) {
      if (record.role === 'caller' && !record.ended && (itemId ?? record.key) === record.key)
        this.#end(record);
    }
  }

  /** Something the caller did that has words of its own, such as pressing keys. */
  callerNote(text: string): void {
    const record = this.#open('caller', `note-${this.#nextTurnId}`);
    record.worded = true;
    record.callerText = text;
    record.heardText = text;
    this.#end(record);
  }

  agentStarted(item: AudioItem): void {
    const key = partKey(item);
    if (!this.#byKey.has(key)) this.#open('agent', key);
  }

  agentText(item: AudioItem, delta: string, generatedMs: number): void {
    const record = this.#latest?.item === item ? this.#latest.record : this.#recordOf(item);
    if (record.ended && (record.cut || record.broken)) return;
    const roomChars = maxTurnChars - record.words.text.length;
    if (roomChars <= 0) return;
    record.words.append(delta.length > roomChars ? delta.slice(0, roomChars) + leftOut : delta, generatedMs);
    record.generatedMs = Math.max(record.generatedMs, generatedMs);
    // Words that come after all of their audio was heard.
    if (record.ended) record.heardText = record.words.text;
    this.#updated(record);
  }

  /** How far the caller has heard what sounds now. Its end, or a cut, says it in truth. */
  agentSounding(item: HeardItem, complete: boolean): void {
    const record = this.#byKey.get(partKey(item));
    if (!record || record.ended || item.heardMs <= record.heardMs) return;
    record.heardMs = item.heardMs;
    record.generatedMs = Math.max(record.generatedMs, item.generatedMs);
    const heardText = this.#wordsUntil(record, item.heardMs, record.generatedMs, complete);
    // More text can come than the audio so far holds: words that were told are not taken back for that.
    if (heardText.length > record.heardText.length) record.heardText = heardText;
    this.#updated(record);
  }

  /** All audio of the item was heard. */
  agentHeard(item: AudioItem, heardMs: number): void {
    const record = this.#byKey.get(partKey(item));
    if (!record || record.ended) return;
    record.heardMs = heardMs;
    record.generatedMs = heardMs;
    if (record.broken) {
      record.heardText = this.#wordsUntil(record, heardMs, heardMs, false);
      record.cut = 'model-lost';
    } else record.heardText = record.words.text;
    this.#end(record);
  }

  /** The model is lost: what has audio plays on, of the rest nothing will be heard. */
  modelLost(playing: readonly PlayingOn[]): void {
    this.callerEnded();
    const byItem = new Map(playing.map((playingOn) => [partKey(playingOn.item), playingOn]));
    for (const record of this.#records) {
      if (record.role !== 'agent' || record.ended) continue;
      const item = byItem.get(record.key);
      if (item) {
        record.generatedMs = item.generatedMs;
        record.broken = !item.complete;
        continue;
      }
      record.cut = 'model-lost';
      this.#end(record);
    }
  }

  /** `complete`: nothing more of the item would have come. */
  agentCut(item: HeardItem, cause: CutCause, complete: boolean): void {
    const record = this.#byKey.get(partKey(item));
    if (!record || record.ended) return;
    const { heardMs, generatedMs } = item;
    record.heardMs = heardMs;
    record.generatedMs = generatedMs;
    record.heardText = this.#wordsUntil(record, heardMs, generatedMs, complete);
    record.cut = cause;
    this.#end(record);
  }

  /** Agent turns of which nothing has come to the caller's ear end here. */
  cutOpen(cause: CutCause): void {
    for (const record of this.#records) {
      if (record.role !== 'agent' || record.ended) continue;
      record.cut = cause;
      this.#end(record);
    }
  }

  /** Something was said in this conversation, be it not to its end. */
  get begun(): boolean {
    return (this.#records.at(-1)?.turnId ?? 0) >= this.#historyFrom;
  }

  /** From here on it is another conversation: nothing before is history any more. */
  startAnew(): void {
    this.callerEnded();
    this.#historyFrom = this.#nextTurnId;
  }

  /** The conversation for a model that has to take over: what the caller said and what the caller heard. */
  history(): HistoryItem[] {
    const items: HistoryItem[] = [];
    for (const record of this.#records) {
      if (record.turnId < this.#historyFrom) continue;
      const text = (record.ended ? record.heardText : this.#expectedText(record)).trim();
      if (text.length > 0) items.push({ role: record.role, text });
    }
    return items;
  }

  /** The call is over: nothing stays open. */
  close(): void {
    for (const record of this.#records) if (!record.ended) this.#end(record);
  }

  #sinceStart({ startedAtMs }: Record): number {
    return this.#clock.now() - this.#startedAt - startedAtMs;
  }

  /** What is still playing will be heard, unless it is cut later. */
  #expectedText(record: Record): string {
    if (record.role === 'caller') return record.callerText;
    const { words, generatedMs, broken } = record;
    return broken ? this.#wordsUntil(record, generatedMs, generatedMs, false) : words.text;
  }

  #wordsUntil({ words, broken }: Record, heardMs: number, generatedMs: number, complete: boolean): string {
    return broken
      ? words.untilBrokenOff(heardMs, generatedMs, this.#msPerChar())
      : words.until(heardMs, generatedMs, complete);
  }

  /** How slowly the agent speaks, by what was heard of it to the end; undefined: nothing was. */
  #msPerChar(): number | undefined {
    let ms = 0;
    let chars = 0;
    for (const { role, ended, cut, heardMs, words } of this.#records) {
      if (role !== 'agent' || !ended || cut !== undefined) continue;
      ms += heardMs;
      chars += words.text.length;
    }
    return chars === 0 ? undefined : ms / chars;
  }

  #recordOf(item: AudioItem): Record {
    const key = partKey(item);
    const record = this.#byKey.get(key) ?? this.#open('agent', key);
    this.#latest = { item, record };
    return record;
  }

  #open(role: 'caller' | 'agent', key: string): Record {
    const record: Record = {
      turnId: this.#nextTurnId,
      role,
      key,
      startedAtMs: Math.round(this.#clock.now() - this.#startedAt),
      words: new HeardText(),
      callerText: '',
      heardText: '',
      heardMs: 0,
      generatedMs: 0,
      cut: undefined,
      broken: false,
      worded: false,
      spokenMs: undefined,
      ended: false,
    };
    this.#nextTurnId += 1;
    this.#records.push(record);
    this.#byKey.set(key, record);
    if (this.#records.length > maxTurns) {
      const oldest = this.#records.shift();
      if (oldest) this.#byKey.delete(oldest.key);
    }
    this.#events.started(view(record));
    return record;
  }

  #updated(record: Record): void {
    if (this.#events.followed()) this.#events.updated(view(record));
  }

  #end(record: Record): void {
    record.ended = true;
    record.words.settle();
    this.#events.ended(view(record));
    if (record.role === 'agent') this.#endCallersBefore(record);
  }

  /** The agent has answered: words of the caller's turns before that have not come yet may never come. */
  #endCallersBefore(answer: Record): void {
    for (const record of this.#records) {
      if (record === answer) return;
      if (record.role === 'caller' && !record.ended) this.#end(record);
    }
  }
}

function bounded(text: string): string {
  return text.length > maxTurnChars ? text.slice(0, maxTurnChars) + leftOut : text;
}

function view(record: Record): Turn {
  return {
    turnId: record.turnId,
    role: record.role,
    startedAtMs: record.startedAtMs,
    text: record.role === 'caller' ? record.callerText : record.words.text,
    heardText: record.heardText,
    heardMs: record.heardMs,
    generatedMs: record.generatedMs,
    ...(record.cut ? { cut: record.cut } : {}),
    ended: record.ended,
  };
}
