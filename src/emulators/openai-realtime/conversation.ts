import { type AudioFormat, bytesPerMs } from '../../audio/format.ts';
import type { Item } from './events.ts';
import { EventProblem } from './shape.ts';

/** Audio kept so that items can be retrieved; beyond it the oldest items lose theirs. */
const maxKeptAudioBytes = 8 * 1024 * 1024;

/** One conversation item with what the server alone knows of it. */
export interface Entry {
  item: Item & { id: string };
  isModelAudio: boolean;
  readonly format: AudioFormat;
  /** Audio of the item, as far as it is still kept, in `format`. */
  audio: Buffer | undefined;
  /** Audio generated (sent) or received for the item. */
  audioBytes: number;
  /** What a client told was heard; the item ends there. */
  truncatedMs: number | undefined;
  deleted: boolean;
}

/** The items of one session in their order, with the exact ledger of audio per item. */
export class Conversation {
  readonly #order: Entry[] = [];
  readonly #byId = new Map<string, Entry>();
  readonly #all: Entry[] = [];
  readonly #kept: Entry[] = [];
  #keptBytes = 0;

  /** Live items, first to last. */
  get entries(): readonly Entry[] {
    return this.#order;
  }

  /** Every item there ever was, deleted ones too. */
  get history(): readonly Entry[] {
    return this.#all;
  }

  get lastId(): string | null {
    return this.#order.at(-1)?.item.id ?? null;
  }

  get hasModelAudio(): boolean {
    return this.#all.some((entry) => entry.isModelAudio && entry.audioBytes > 0);
  }

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  get(id: string): Entry | undefined {
    return this.#byId.get(id);
  }

  /** The item before `id`, or null at the root. */
  previousOf(id: string): string | null {
    const index = this.#order.findIndex((entry) => entry.item.id === id);
    return this.#order[index - 1]?.item.id ?? null;
  }

  /** Puts an item after `previousId`: `'root'` is the beginning, undefined the end. Throws for unknown ids. */
  add(item: Item & { id: string }, format: AudioFormat, previousId?: string | null): Entry {
    if (this.#byId.has(item.id)) {
      const message = `Error adding item: an item with ID '${item.id}' already exists.`;
      throw new EventProblem('invalid_value', message, 'item.id');
    }
    const entry: Entry = {
      item,
      isModelAudio: isModelAudio(item),
      format,
      audio: undefined,
      audioBytes: 0,
      truncatedMs: undefined,
      deleted: false,
    };
    this.#order.splice(this.#placeAfter(previousId), 0, entry);
    this.#byId.set(item.id, entry);
    this.#all.push(entry);
    return entry;
  }

  /** Holds the item's audio for `conversation.item.retrieve`, within the bound of the conversation. */
  keepAudio(entry: Entry, audio: Buffer): void {
    entry.audio = audio;
    this.#kept.push(entry);
    this.#keptBytes += audio.length;
    while (this.#keptBytes > maxKeptAudioBytes && this.#kept.length > 1) {
      const oldest = this.#kept.shift();
      if (oldest?.audio === undefined) continue;
      this.#keptBytes -= oldest.audio.length;
      oldest.audio = undefined;
    }
  }

  /** Lets go of all audio; the ledger stays. */
  forgetAudio(): void {
    for (const entry of this.#all) entry.audio = undefined;
    this.#kept.length = 0;
    this.#keptBytes = 0;
  }

  #placeAfter(previousId: string | null | undefined): number {
    if (previousId === undefined || previousId === null) return this.#order.length;
    if (previousId === 'root') return 0;
    const index = this.#order.findIndex((entry) => entry.item.id === previousId);
    if (index >= 0) return index + 1;
    const message = `Error adding item: the previous item with id '${previousId}' does not exist.`;
    throw new EventProblem('item_create_invalid_previous_item_id', message, 'previous_item_id');
  }

  /** Deletes an item and returns it; an unknown id throws. */
  delete(id: string): Entry {
    const entry = this.#byId.get(id);
    if (entry === undefined) {
      const message = `Error deleting item: the item with id '${id}' does not exist.`;
      throw new EventProblem('item_delete_invalid_item_id', message, 'item_id');
    }
    entry.deleted = true;
    this.#byId.delete(id);
    this.#order.splice(this.#order.indexOf(entry), 1);
    return entry;
  }

  /**
   * Cuts a model's audio message to what was heard, and takes its transcript away. Throws what the API answers
   * to an unknown item, to an item without model audio, and to an end past the item's audio.
   */
  truncate(id: string, contentIndex: number, audioEndMs: number): Entry {
    const entry = this.#byId.get(id);
    if (entry === undefined) {
      const message = `Error truncating item: the item with id '${id}' does not exist.`;
      throw new EventProblem('item_truncate_invalid_item_id', message, 'item_id');
    }
    if (!entry.isModelAudio || entry.audioBytes === 0) {
      const message = 'Only model output audio messages can be truncated';
      throw new EventProblem('unsupported_content_type', message, 'item_id');
    }
    if (contentIndex !== 0) {
      const message = `Invalid 'content_index': the item has no content at index ${contentIndex}.`;
      throw new EventProblem('invalid_value', message, 'content_index');
    }
    const lengthMs = audioMsOf(entry);
    if (audioEndMs > lengthMs) {
      const message = `Audio content of ${lengthMs}ms is already shorter than ${audioEndMs}ms`;
      throw new EventProblem('invalid_value', message, 'audio_end_ms');
    }
    entry.truncatedMs = audioEndMs;
    entry.item = withoutTranscript(entry.item);
    return entry;
  }
}

/** Whole milliseconds of an item's audio, as the API counts them: what was generated, or where it was cut. */
export function audioMsOf(entry: Entry): number {
  return entry.truncatedMs ?? generatedMsOf(entry);
}

export function generatedMsOf(entry: Entry): number {
  return Math.floor(entry.audioBytes / bytesPerMs(entry.format));
}

/** The item as `conversation.item.retrieved` shows it, with its audio. */
export function withAudio(entry: Entry): Item & { id: string } {
  const { item } = entry;
  if (item.type !== 'message' || entry.audio === undefined) return item;
  const end = Math.min(entry.audioBytes, Math.round(audioMsOf(entry) * bytesPerMs(entry.format)));
  const audio = entry.audio.subarray(0, end).toString('base64');
  const content = item.content.map((part) =>
    part.type === 'input_audio' || part.type === 'output_audio' ? { ...part, audio } : part,
  );
  return { ...item, content } as Item & { id: string };
}

function isModelAudio(item: Item): boolean {
  return (
    item.type === 'message' &&
    item.role === 'assistant' &&
    item.content.every((part) => part.type === 'output_audio')
  );
}

function withoutTranscript(item: Item & { id: string }): Item & { id: string } {
  if (item.type !== 'message' || item.role !== 'assistant') return item;
  return { ...item, content: [{ type: 'output_audio' }] };
}
