import type { AudioChunk } from '../audio/chunk.ts';
import type { AudioFormat } from '../audio/format.ts';
import type { PatchcordError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Agent } from './agent.ts';
import type { Party } from './party.ts';

export interface ModelCapabilities {
  /** Can be told how much of an item was heard. */
  readonly truncate: boolean;
  /** Can stop generating on request. */
  readonly cancel: boolean;
  /** Cancels its own response when it hears the caller speak, before it tells us. */
  readonly cancelsOnSpeech: boolean;
  /** Starts a response by itself when the caller stops speaking. */
  readonly respondsToSpeech: boolean;
  /** Longest life of a session in milliseconds. */
  readonly maxAgeMs?: number;
}

export interface ToolDefinition {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the arguments object. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** One turn of the conversation so far, as the caller heard it. */
export interface HistoryItem {
  readonly role: 'caller' | 'agent';
  readonly text: string;
}

export interface SessionOptions {
  readonly callId: string;
  readonly agent: Agent;
  readonly party: Party;
  readonly tools: readonly ToolDefinition[];
  /** Formats that would need no conversion; the session takes them where the model can. */
  readonly prefers: { readonly receives: AudioFormat; readonly sends: AudioFormat };
  /** True: the model must neither answer nor stop for the caller until `protect(false)`. */
  readonly protectOpening: boolean;
  /** What was said and heard so far; asked again whenever a session has to be opened anew. */
  history(): readonly HistoryItem[];
  readonly log: Logger;
}

/** Names one stretch of agent audio. */
export interface AudioItem {
  readonly responseId: string;
  readonly itemId: string;
  readonly contentIndex: number;
}

/** How much of an item the caller heard when it was cut. `0 <= heardMs <= generatedMs`, whole milliseconds. */
export interface HeardItem extends AudioItem {
  readonly heardMs: number;
  readonly generatedMs: number;
}

export interface Interruption {
  /** Items that were not heard to their end, in the order in which they were generated. */
  readonly items: readonly HeardItem[];
  /** Response to cancel by id; `requested`: the one asked for that has no id yet; undefined: none is active, or the model has cancelled it. */
  readonly cancel?: string | 'requested';
}

export interface ResponseRequest {
  /** Comes back in `responseStarted` where the model can carry it. */
  readonly requestId: string;
  /** The whole instructions for this response alone: they stand in the place of the agent's own. */
  readonly instructions?: string;
  /** False: the response must not call tools. */
  readonly tools?: boolean;
}

export interface ToolCall {
  readonly responseId: string;
  readonly toolCallId: string;
  readonly name: string;
  /** JSON text as the model wrote it. */
  readonly arguments: string;
}

export interface Usage {
  readonly inputTextTokens: number;
  readonly inputAudioTokens: number;
  readonly cachedTextTokens: number;
  readonly cachedAudioTokens: number;
  readonly outputTextTokens: number;
  readonly outputAudioTokens: number;
}

export interface ResponseDone {
  /** Undefined where the model ended a response that it never announced. */
  readonly responseId?: string;
  readonly status: 'completed' | 'cancelled' | 'incomplete' | 'failed';
  readonly reason?: string;
  readonly error?: PatchcordError;
  readonly usage?: Usage;
}

/**
 * What a session tells its call. Every method returns quickly and never throws.
 * `ready` comes first; after `failed` with `fatal` nothing comes any more.
 */
export interface ModelEvents {
  /** The session is configured and takes audio. Again after each `resuming`. */
  ready(): void;
  /**
   * The session was lost, or is given up because of `restart` (no error), and another is being opened; everything in
   * flight is gone. Hold the caller's audio until `ready`.
   */
  resuming(error: PatchcordError | undefined): void;
  speechStarted(itemId: string | undefined): void;
  /** `silentForMs`: how long the caller had been silent when the model decided so, where that is known. */
  speechStopped(itemId: string | undefined, silentForMs?: number): void;
  /** `final`: the whole text of the item, else a piece to append. Final and empty: no words of it come any more. */
  callerText(itemId: string, text: string, final: boolean): void;
  responseStarted(responseId: string, requestId: string | undefined): void;
  audio(item: AudioItem, chunk: AudioChunk): void;
  /** All audio of the item was given. */
  audioDone(item: AudioItem): void;
  /** A piece of what the agent says in this item, beside its audio. */
  agentText(item: AudioItem, delta: string): void;
  toolCall(call: ToolCall): void;
  responseDone(done: ResponseDone): void;
  /** The model refused to start a response because one is active, or for another reason. */
  requestRefused(error: PatchcordError, activeResponse: boolean): void;
  /** The session ends soon by itself. */
  goingAway(timeLeftMs: number): void;
  failed(error: PatchcordError, fatal: boolean): void;
}

/** Takes the caller's audio in the format that the session receives. */
export interface AudioSink {
  appendAudio(audio: AudioChunk): void;
  /** Bytes of audio that it was given and has dropped so far, because the model does not read; unless given, none. */
  readonly droppedBytes?: number;
}

/** One conversation with a speech model. No method throws or waits; before `ready` only `close` does anything. */
export interface ModelSession {
  readonly capabilities: ModelCapabilities;
  /** Caller to model. */
  readonly receives: AudioFormat;
  /** Model to caller. */
  readonly sends: AudioFormat;
  /** Heard milliseconds told to the model stay this far below what it generated. */
  readonly truncateMarginMs: number;

  appendAudio(audio: AudioChunk): void;
  /** Where caller audio goes without a detour, from `ready` until `resuming` or `failed`; unless given, `appendAudio`. */
  readonly audioSink?: AudioSink | undefined;
  /** Cancel what is being generated and trim the model's memory to what was heard. */
  interrupt(interruption: Interruption): void;
  addText(role: 'caller' | 'system', text: string): void;
  toolResult(toolCallId: string, output: string): void;
  requestResponse(request: ResponseRequest): void;
  /** Turn the model's own reactions to the caller's speech off (true) or on (false). */
  protect(on: boolean): void;
  /**
   * This session is as good as lost: it no longer answers. Where it can be replaced, `resuming` follows, else `failed`
   * with `fatal`. Sessions that cannot replace themselves leave it out.
   */
  renew?(error: PatchcordError): void;
  /**
   * Another session takes this one's place, which is not counted as lost: it is told `history` as it then stands.
   * `resuming` follows where the session was ready. Sessions that cannot replace themselves leave it out.
   */
  restart?(): void;
  /** Ends the session and its sockets within a bound; no event comes afterwards. */
  close(): void;
}

/** A speech model or a cascade: what opens sessions. */
export interface SpeechModel {
  readonly name: string;
  /** Returns at once; the session reports `ready` or `failed` within its own deadline. */
  open(options: SessionOptions, events: ModelEvents): ModelSession;
}
