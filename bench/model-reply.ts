import { blockMs, type Coding } from './coding.ts';
import type { Conversation } from './conversation.ts';
import type { AnswerItem } from './switchboard.ts';

/** What a reply needs of its session. */
interface Session {
  send(type: string, fields: object): void;
  sendDelta(item: AnswerItem, responseId: string, outputIndex: number, audio: string): void;
}

/**
 * One response of the model side, event by event as the GA Realtime API sends it: created, items with audio and
 * transcript deltas on schedule, the cascade of `done` events, `response.done`.
 */
export class ModelReply {
  readonly #session: Session;
  readonly #responseId: string;
  readonly #items: readonly AnswerItem[];
  readonly #conversation: Conversation;
  readonly #coding: Coding;
  readonly #later: (atMs: number, action: (nowMs: number) => void) => void;
  readonly #onItem: (item: AnswerItem) => void;
  readonly #onDone: (nowMs: number) => void;
  #index = 0;
  #open = false;
  #cancelled = false;

  constructor(options: {
    session: Session;
    responseId: string;
    items: readonly AnswerItem[];
    conversation: Conversation;
    /** Of the audio. */
    coding: Coding;
    later: (atMs: number, action: (nowMs: number) => void) => void;
    onItem: (item: AnswerItem) => void;
    onDone: (nowMs: number) => void;
  }) {
    this.#session = options.session;
    this.#responseId = options.responseId;
    this.#items = options.items;
    this.#conversation = options.conversation;
    this.#coding = options.coding;
    this.#later = options.later;
    this.#onItem = options.onItem;
    this.#onDone = options.onDone;
  }

  get cancelled(): boolean {
    return this.#cancelled;
  }

  start(nowMs: number): void {
    this.#session.send('response.created', { response: this.#response('in_progress', null) });
    this.#startItem(nowMs);
  }

  /** No more deltas but those that are on their way already. */
  cancel(): void {
    this.#cancelled = true;
  }

  /** A delta that the server had sent before it heard the caller. */
  lateDelta(): void {
    const item = this.#items[this.#index];
    if (item && this.#open && !item.complete) this.#sendDelta(item);
  }

  finishCancelled(reason: string): void {
    const item = this.#items[this.#index];
    if (item && this.#open) this.#finishItem(item, 'incomplete');
    this.#session.send('response.done', {
      response: this.#response('cancelled', { type: 'cancelled', reason }),
    });
  }

  #startItem(nowMs: number): void {
    const item = this.#items[this.#index];
    if (!item) return;
    this.#open = true;
    this.#onItem(item);
    const ids = { response_id: this.#responseId, output_index: this.#index };
    this.#session.send('response.output_item.added', { ...ids, item: message(item, 'in_progress') });
    this.#session.send('conversation.item.added', { item: message(item, 'in_progress') });
    const part = { type: 'audio', transcript: '' };
    this.#session.send('response.content_part.added', { ...ids, item_id: item.id, content_index: 0, part });
    this.#emit(item, nowMs);
  }

  #emit(item: AnswerItem, nowMs: number): void {
    if (this.#cancelled) return;
    const { deltaMs, answerMs, speed, underrun } = this.#conversation;
    this.#sendDelta(item);
    if (item.generatedMs < answerMs) {
      const stallMs =
        underrun && item.generatedMs === answerMs / 2 ? (answerMs / 2) * (1 - 1 / speed) + 400 : 0;
      this.#later(nowMs + deltaMs / speed + stallMs, (at) => this.#emit(item, at));
      return;
    }
    item.complete = true;
    this.#finishItem(item, 'completed');
    this.#index += 1;
    this.#open = false;
    if (this.#index < this.#items.length) {
      this.#startItem(nowMs);
      return;
    }
    this.#session.send('response.done', { response: this.#response('completed', null) });
    this.#onDone(nowMs);
  }

  #sendDelta(item: AnswerItem): void {
    const { blockBytes } = this.#coding;
    const audio = Buffer.allocUnsafe(item.blocksPerDelta * blockBytes);
    const firstBlock = item.generatedMs / blockMs;
    for (let block = 0; block < item.blocksPerDelta; block++)
      this.#coding.writeBlock(audio, block * blockBytes, item.number, firstBlock + block);
    item.generatedMs += item.blocksPerDelta * blockMs;
    const ids = {
      response_id: this.#responseId,
      item_id: item.id,
      output_index: this.#index,
      content_index: 0,
    };
    this.#session.send('response.output_audio_transcript.delta', { ...ids, delta: ` word${firstBlock}` });
    this.#session.sendDelta(item, this.#responseId, this.#index, audio.toString('base64'));
  }

  #finishItem(item: AnswerItem, status: 'completed' | 'incomplete'): void {
    const ids = {
      response_id: this.#responseId,
      item_id: item.id,
      output_index: this.#index,
      content_index: 0,
    };
    const transcript = 'what the model said';
    this.#session.send('response.output_audio.done', ids);
    this.#session.send('response.output_audio_transcript.done', { ...ids, transcript });
    this.#session.send('response.content_part.done', { ...ids, part: { type: 'audio', transcript } });
    const output = { response_id: this.#responseId, output_index: this.#index, item: message(item, status) };
    this.#session.send('response.output_item.done', output);
    this.#session.send('conversation.item.done', { item: message(item, status) });
  }

  #response(status: string, details: object | null): object {
    const finished = status !== 'in_progress';
    const tokens = { total_tokens: 253, input_tokens: 132, output_tokens: 121 };
    const cached = { text_tokens: 64, audio_tokens: 0, image_tokens: 0 };
    const input = { text_tokens: 119, audio_tokens: 13, image_tokens: 0, cached_tokens: 64 };
    const usage = {
      ...tokens,
      input_token_details: { ...input, cached_tokens_details: cached },
      output_token_details: { text_tokens: 30, audio_tokens: 91 },
    };
    return {
      object: 'realtime.response',
      id: this.#responseId,
      status,
      status_details: details,
      output: finished ? this.#items.slice(0, this.#index + 1).map((item) => message(item, status)) : [],
      conversation_id: 'conv_bench00000000000000000',
      output_modalities: ['audio'],
      max_output_tokens: 'inf',
      usage: finished ? usage : null,
      metadata: null,
    };
  }
}

function message(item: AnswerItem, status: string): object {
  const content =
    status === 'in_progress' ? [] : [{ type: 'output_audio', transcript: 'what the model said' }];
  return { id: item.id, object: 'realtime.item', type: 'message', role: 'assistant', status, content };
}
