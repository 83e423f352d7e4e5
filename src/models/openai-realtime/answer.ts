import { AudioChunk } from '../../audio/chunk.ts';
import type { AudioFormat } from '../../audio/format.ts';
import type { AudioItem, ModelEvents } from '../../call/model-session.ts';
import type { ServerItem } from './server-events.ts';

/** More than any response has; what a server sends beyond it is dropped. */
const maxParts = 128;

/** One stretch of speech within a response. */
export class AnswerItem {
  readonly name: AudioItem;
  hasAudio = false;
  audioDone = false;
  hasText = false;
  #halfSample: Buffer | undefined;

  constructor(name: AudioItem) {
    this.name = name;
  }

  /** The API does not promise whole samples per delta: an odd byte of pcm16 waits for the next one. */
  align(audio: AudioChunk, format: AudioFormat): AudioChunk | undefined {
    this.hasAudio = true;
    if (format.encoding !== 'pcm16') return audio;
    if (this.#halfSample === undefined && audio.byteLength % 2 === 0) return audio;
    const bytes = Buffer.concat([this.#halfSample ?? Buffer.alloc(0), audio.bytes()]);
    const whole = bytes.length - (bytes.length % 2);
    this.#halfSample = whole === bytes.length ? undefined : bytes.subarray(whole);
    return whole === 0 ? undefined : AudioChunk.fromBytes(bytes.subarray(0, whole));
  }
}

/** One response of the model, from its first sign to its end. */
export class Answer {
  readonly id: string;
  readonly tools: ToolCalls;
  /** Cancelled by us or by the model: nothing but its end comes through. */
  dead = false;
  cancelSent = false;
  readonly #items: AnswerItem[] = [];

  constructor(id: string, tools: ToolCalls) {
    this.id = id;
    this.tools = tools;
  }

  items(): readonly AnswerItem[] {
    return this.#items;
  }

  item(itemId: string, contentIndex: number): AnswerItem | undefined {
    const found = this.#items.find(
      (item) => item.name.itemId === itemId && item.name.contentIndex === contentIndex,
    );
    if (found) return found;
    if (this.#items.length >= maxParts) return undefined;
    const item = new AnswerItem({ responseId: this.id, itemId, contentIndex });
    this.#items.push(item);
    return item;
  }
}

/** What is known of a tool call, from whichever of the three events that tell it came first. */
interface ToolCallParts {
  readonly itemId: string | undefined;
  readonly toolCallId: string | undefined;
  readonly name: string | undefined;
  readonly arguments: string | undefined;
}

/** The tool calls of one response; each is told once. */
export class ToolCalls {
  readonly #responseId: string;
  // Made with the first call: most responses have none.
  #told: Set<string> | undefined;
  #announced: Map<string, ToolCallParts> | undefined;

  constructor(responseId: string) {
    this.#responseId = responseId;
  }

  /** `response.function_call_arguments.done`; beta servers leave its name out. */
  finished(call: ToolCallParts, events: ModelEvents): void {
    const announced = call.itemId === undefined ? undefined : this.#announced?.get(call.itemId);
    this.#tell(
      call.toolCallId ?? announced?.toolCallId,
      call.name ?? announced?.name,
      call.arguments,
      events,
    );
  }

  /** `response.output_item.added` and `.done`, and the output of `response.done`. */
  item(item: ServerItem, finished: boolean, events: ModelEvents): void {
    if (item.kind !== 'function_call') return;
    if (!finished) {
      this.#announced ??= new Map();
      if (item.id !== undefined && this.#announced.size < maxParts)
        this.#announced.set(item.id, { itemId: item.id, ...item });
      return;
    }
    if (item.status === 'incomplete' || item.status === 'in_progress') return;
    this.#tell(item.toolCallId, item.name, item.arguments, events);
  }

  #tell(
    toolCallId: string | undefined,
    name: string | undefined,
    args: string | undefined,
    events: ModelEvents,
  ): void {
    if (toolCallId === undefined || name === undefined) return;
    this.#told ??= new Set();
    if (this.#told.has(toolCallId)) return;
    if (this.#told.size >= maxParts) return;
    this.#told.add(toolCallId);
    events.toolCall({ responseId: this.#responseId, toolCallId, name, arguments: args ?? '' });
  }
}
