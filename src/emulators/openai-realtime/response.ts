import { type AudioFormat, bytesPerMs, bytesPerSample } from '../../audio/format.ts';
import type { Clock, Timeout } from '../../base/clock.ts';
import type { ResponsePart, ResponsePlan } from './behaviours/behaviour.ts';
import type { Conversation, Entry } from './conversation.ts';
import type { EncodedAudio } from './encoded-audio.ts';
import type { Item, Send, WireResponse } from './events.ts';
import type { Ids } from './ids.ts';
import type { WireFormat } from './session-config.ts';
import { type Counts, msOfTokens, outputCounts, usageOf } from './usage.ts';

/** What a response needs of its session. */
export interface ResponseHost {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly conversation: Conversation;
  readonly encoded: EncodedAudio;
  readonly send: Send;
  /** Audio was sent; the answer says whether generation goes on (a fault may end it). */
  audioSent(ms: number): boolean;
  ended(response: ResponseRun): void;
}

export interface ResponseSettings {
  readonly inConversation: boolean;
  readonly conversationId: string;
  readonly modality: 'audio' | 'text';
  readonly wireFormat: WireFormat;
  readonly format: AudioFormat;
  readonly voice: string | { id: string };
  readonly maxOutputTokens: number | 'inf';
  readonly metadata: Record<string, string> | null;
  readonly input: Counts;
  readonly inputBefore: Counts;
  /** From the request to the first part, and the pace after it. */
  readonly latencyMs: number;
  readonly deltaMs: number;
  readonly speed: number;
  readonly missingDone: boolean;
  readonly lateDeltas: number;
}

export type CancelReason = 'turn_detected' | 'client_cancelled';
type Ending =
  | { readonly status: 'completed' }
  | { readonly status: 'cancelled'; readonly reason: CancelReason }
  | NonNullable<ResponsePlan['ends']>;

interface OpenSpeech {
  readonly entry: Entry;
  readonly audio: Buffer;
  readonly transcript: string;
  spoken: number;
  readonly index: number;
}

/** Delays a burst that has fallen behind: so many deltas at most go out in one turn of the event loop. */
const mostDeltasAtOnce = 16;

/**
 * Generates one response in the API's order of events, audio ahead of real time. One timer, on deadlines counted
 * from the start, so that pace does not drift. Ends exactly once: completed, cancelled, incomplete or failed.
 */
export class ResponseRun {
  readonly id: string;
  readonly settings: ResponseSettings;
  readonly #host: ResponseHost;
  readonly #plan: ResponsePlan;
  readonly #output: Item[] = [];
  readonly #beganAt: number;
  #part = 0;
  #open: OpenSpeech | undefined;
  #audioMs = 0;
  #outputText = '';
  #timer: Timeout | undefined;
  #wire: WireResponse;
  #ended = false;

  constructor(host: ResponseHost, plan: ResponsePlan, settings: ResponseSettings) {
    this.#host = host;
    this.#plan = plan;
    this.settings = settings;
    this.id = host.ids.next('resp');
    this.#beganAt = host.clock.now() + settings.latencyMs;
    this.#wire = initialResponse(this.id, settings);
  }

  get status(): WireResponse['status'] {
    return this.#wire.status;
  }

  get reason(): string | undefined {
    return this.#wire.status_details?.reason;
  }

  /** Milliseconds of audio sent so far. */
  get audioMs(): number {
    return this.#audioMs;
  }

  start(): void {
    this.#host.send({ type: 'response.created', response: this.#wire });
    this.#wait();
  }

  cancel(reason: CancelReason): void {
    if (this.#ended) return;
    const open = this.#open;
    if (open !== undefined) this.#closeSpeech(open, 'incomplete');
    this.#end({ status: 'cancelled', reason });
    if (open !== undefined) this.#sendLate(open);
  }

  /** Stops without a word: the session is gone. */
  dispose(): void {
    this.#ended = true;
    this.#timer?.cancel();
  }

  #wait(): void {
    const due = this.#beganAt + this.#audioMs / this.settings.speed;
    const delay = Math.max(0, due - this.#host.clock.now());
    this.#timer = this.#host.clock.setTimeout(() => this.#proceed(), delay);
  }

  #proceed(): void {
    for (let sent = 0; sent < mostDeltasAtOnce && !this.#ended; sent++) {
      if (this.#beganAt + this.#audioMs / this.settings.speed > this.#host.clock.now()) break;
      if (!this.#step()) return;
    }
    if (!this.#ended) this.#wait();
  }

  /** One delta of speech, or a whole part that has no pace. False when generation must not go on. */
  #step(): boolean {
    const part = this.#plan.parts[this.#part];
    if (this.#open !== undefined) return this.#speak(this.#open);
    if (part === undefined) {
      this.#end(this.#plan.ends ?? { status: 'completed' });
      return false;
    }
    if (part.type === 'speech' && this.settings.modality === 'audio') {
      this.#open = this.#openSpeech(part);
      return this.#speak(this.#open);
    }
    if (part.type === 'call') this.#call(part);
    else this.#write(part.type === 'speech' ? part.transcript : part.text);
    this.#part++;
    return true;
  }

  #openSpeech(part: Extract<ResponsePart, { type: 'speech' }>): OpenSpeech {
    const { format } = this.settings;
    const item = this.#messageItem('in_progress', []);
    const entry = this.#addItem(item, true);
    const audio = this.#host.encoded.of(part.samples, part.sampleRate, format);
    this.#host.send({
      type: 'response.content_part.added',
      ...this.#place(item.id, this.#part),
      part: { type: 'audio', transcript: '' },
    });
    if (this.settings.inConversation) this.#host.conversation.keepAudio(entry, audio);
    return { entry, audio, transcript: part.transcript, spoken: 0, index: this.#part };
  }

  /** One delta; the end of the item, and what follows, comes when the last delta is due to have been generated. */
  #speak(open: OpenSpeech): boolean {
    const { format, deltaMs, maxOutputTokens } = this.settings;
    const from = open.entry.audioBytes;
    if (from >= open.audio.length) {
      this.#closeSpeech(open, 'completed');
      this.#part++;
      return true;
    }
    const roomMs = maxOutputTokens === 'inf' ? deltaMs : msOfTokens(maxOutputTokens) - this.#audioMs;
    if (roomMs <= 0) {
      this.#closeSpeech(open, 'incomplete');
      this.#end({ status: 'incomplete', reason: 'max_output_tokens' });
      return false;
    }
    const unit = bytesPerSample(format);
    const length = Math.floor((Math.min(deltaMs, roomMs) * bytesPerMs(format)) / unit) * unit;
    const to = Math.min(open.audio.length, from + length);
    const sentMs = (to - from) / bytesPerMs(format);
    open.entry.audioBytes = to;
    this.#audioMs += sentMs;
    this.#sendDelta(open, from, to);
    // Sending may have ended the connection, and the response with it.
    return !this.#ended && this.#host.audioSent(sentMs);
  }

  #sendDelta(open: OpenSpeech, from: number, to: number): void {
    const place = this.#place(open.entry.item.id, open.index);
    const spoken = spokenBy(open.transcript, to / open.audio.length);
    if (spoken > open.spoken) {
      const words = open.transcript.slice(open.spoken, spoken);
      open.spoken = spoken;
      this.#host.send({ type: 'response.output_audio_transcript.delta', ...place, delta: words });
    }
    const delta = open.audio.toString('base64', from, to);
    this.#host.send({ type: 'response.output_audio.delta', ...place, delta });
  }

  #closeSpeech(open: OpenSpeech, status: 'completed' | 'incomplete'): void {
    const { entry } = open;
    const place = this.#place(entry.item.id, open.index);
    const transcript = open.transcript.slice(0, open.spoken);
    this.#outputText += transcript;
    this.#open = undefined;
    this.#host.send({ type: 'response.output_audio.done', ...place });
    this.#host.send({ type: 'response.output_audio_transcript.done', ...place, transcript });
    this.#host.send({ type: 'response.content_part.done', ...place, part: { type: 'audio', transcript } });
    const heard = entry.truncatedMs === undefined ? { transcript } : {};
    this.#itemDone(entry, this.#messageItem(status, [{ type: 'output_audio', ...heard }], entry.item.id));
  }

  #write(text: string): void {
    const index = this.#part;
    const entry = this.#addItem(this.#messageItem('in_progress', []), false);
    const place = this.#place(entry.item.id, index);
    this.#outputText += text;
    this.#host.send({ type: 'response.content_part.added', ...place, part: { type: 'text', text: '' } });
    for (const delta of text.match(/\S+\s*/g) ?? []) {
      this.#host.send({ type: 'response.output_text.delta', ...place, delta });
    }
    this.#host.send({ type: 'response.output_text.done', ...place, text });
    this.#host.send({ type: 'response.content_part.done', ...place, part: { type: 'text', text } });
    this.#itemDone(entry, this.#messageItem('completed', [{ type: 'output_text', text }], entry.item.id));
  }

  #call(part: Extract<ResponsePart, { type: 'call' }>): void {
    const callId = part.callId ?? this.#host.ids.next('call');
    const call = (status: 'in_progress' | 'completed', args: string, id = this.#host.ids.next('item')) =>
      ({
        id,
        object: 'realtime.item',
        type: 'function_call',
        status,
        name: part.name,
        call_id: callId,
        arguments: args,
      }) as const;
    const entry = this.#addItem(call('in_progress', ''), false);
    const ids = { response_id: this.id, item_id: entry.item.id, output_index: this.#part, call_id: callId };
    this.#outputText += part.arguments;
    const middle = Math.ceil(part.arguments.length / 2);
    for (const delta of [part.arguments.slice(0, middle), part.arguments.slice(middle)]) {
      if (delta !== '') this.#host.send({ type: 'response.function_call_arguments.delta', ...ids, delta });
    }
    const { name, arguments: args } = part;
    this.#host.send({ type: 'response.function_call_arguments.done', ...ids, name, arguments: args });
    this.#itemDone(entry, call('completed', args, entry.item.id));
  }

  #addItem(item: Item & { id: string }, isAudio: boolean): Entry {
    const { inConversation, format } = this.settings;
    const { send, conversation } = this.#host;
    const previous = conversation.lastId;
    send({ type: 'response.output_item.added', response_id: this.id, output_index: this.#part, item });
    const entry = inConversation ? conversation.add(item, format) : detachedEntry(item, format);
    entry.isModelAudio = isAudio;
    if (inConversation) send({ type: 'conversation.item.added', previous_item_id: previous, item });
    return entry;
  }

  #itemDone(entry: Entry, item: Item & { id: string }): void {
    const { send, conversation } = this.#host;
    entry.item = item;
    const index = this.#output.push(item) - 1;
    send({ type: 'response.output_item.done', response_id: this.id, output_index: index, item });
    if (!this.settings.inConversation || entry.deleted) return;
    send({ type: 'conversation.item.done', previous_item_id: conversation.previousOf(item.id), item });
  }

  #end(ending: Ending): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#timer?.cancel();
    const { input, inputBefore, missingDone } = this.settings;
    this.#wire = {
      ...this.#wire,
      ...endOf(ending),
      output: this.#output,
      usage:
        ending.status === 'failed'
          ? usageOf(nothing, nothing, nothing)
          : usageOf(input, inputBefore, outputCounts(this.#outputText, this.#audioMs)),
    };
    this.#host.ended(this);
    if (!missingDone) this.#host.send({ type: 'response.done', response: this.#wire });
  }

  /** The fault `lateDeltas`: what was under way when the response was cancelled still arrives. */
  #sendLate(open: OpenSpeech): void {
    const { format, deltaMs, lateDeltas } = this.settings;
    const length = deltaMs * bytesPerMs(format);
    const place = this.#place(open.entry.item.id, open.index);
    for (let sent = 0; sent < lateDeltas; sent++) {
      const from = open.entry.audioBytes + sent * length;
      const delta = open.audio.toString('base64', from, Math.min(open.audio.length, from + length));
      if (delta !== '') this.#host.send({ type: 'response.output_audio.delta', ...place, delta });
    }
  }

  #place(itemId: string, outputIndex: number) {
    return { response_id: this.id, item_id: itemId, output_index: outputIndex, content_index: 0 };
  }

  #messageItem(
    status: 'in_progress' | 'completed' | 'incomplete',
    content: { type: 'output_audio' | 'output_text'; text?: string; transcript?: string }[],
    id = this.#host.ids.next('item'),
  ): Item & { id: string } {
    return { id, object: 'realtime.item', type: 'message', status, role: 'assistant', content };
  }
}

const nothing: Counts = { textTokens: 0, audioTokens: 0 };

/** A response that failed before it began: there was no `response.created`. */
export function failedResponse(
  id: string,
  settings: ResponseSettings,
  code: string,
  message: string,
): WireResponse {
  const usage = usageOf(nothing, nothing, nothing);
  return { ...initialResponse(id, settings), ...endOf({ status: 'failed', code, message }), usage };
}

function initialResponse(id: string, settings: ResponseSettings): WireResponse {
  // The service sends null where the published types have the field absent.
  const response = {
    object: 'realtime.response',
    id,
    status: 'in_progress',
    status_details: null,
    output: [],
    conversation_id: settings.inConversation ? settings.conversationId : null,
    output_modalities: [settings.modality],
    max_output_tokens: settings.maxOutputTokens,
    audio: { output: { format: settings.wireFormat, voice: settings.voice } },
    usage: null,
    metadata: settings.metadata,
  };
  return response as unknown as WireResponse;
}

function endOf(ending: Ending): Pick<WireResponse, 'status' | 'status_details'> {
  const { status } = ending;
  switch (status) {
    case 'completed':
      return { status, status_details: { type: status } };
    case 'cancelled':
    case 'incomplete':
      return { status, status_details: { type: status, reason: ending.reason } };
    case 'failed': {
      const type = ending.code === 'rate_limit_exceeded' ? 'rate_limit_error' : 'server_error';
      const error = { type, code: ending.code, message: ending.message };
      return { status, status_details: { type: status, error } };
    }
  }
}

function detachedEntry(item: Item & { id: string }, format: AudioFormat): Entry {
  return {
    item,
    isModelAudio: true,
    format,
    audio: undefined,
    audioBytes: 0,
    truncatedMs: undefined,
    deleted: false,
  };
}

/** How much of a transcript belongs to this share of its audio: whole words, and all of it at the end. */
function spokenBy(transcript: string, share: number): number {
  if (share >= 1) return transcript.length;
  const reached = Math.floor(transcript.length * share);
  return transcript.lastIndexOf(' ', reached) + 1;
}
