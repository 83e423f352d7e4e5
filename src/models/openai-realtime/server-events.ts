import type { RealtimeServerEvent } from 'openai/resources/realtime/realtime';
import { isBase64 } from '../../audio/base64.ts';
import { AudioChunk } from '../../audio/chunk.ts';
import { PatchcordError } from '../../base/errors.ts';
import { asArray, asId, asIndex, asNumber, asObject, asText, type JsonObject } from './fields.ts';

/** Where a piece of an answer belongs. Servers of the same dialect leave the response out at times. */
export interface ContentPlace {
  readonly responseId: string | undefined;
  readonly itemId: string;
  readonly contentIndex: number;
}

export interface ServerItem {
  readonly id: string | undefined;
  readonly kind: string | undefined;
  readonly role: string | undefined;
  readonly status: string | undefined;
  /** Of a function call. */
  readonly toolCallId: string | undefined;
  readonly name: string | undefined;
  readonly arguments: string | undefined;
}

export interface ServerFault {
  readonly kind: string | undefined;
  readonly code: string | undefined;
  readonly param: string | undefined;
  /** The client event that it answers. */
  readonly eventId: string | undefined;
}

export interface ServerUsage {
  readonly inputTokens: number;
  readonly inputTextTokens: number | undefined;
  readonly inputAudioTokens: number;
  readonly cachedTextTokens: number;
  readonly cachedAudioTokens: number;
  readonly outputTokens: number;
  readonly outputTextTokens: number | undefined;
  readonly outputAudioTokens: number;
}

export interface ServerResponse {
  readonly id: string | undefined;
  readonly status: string | undefined;
  readonly reason: string | undefined;
  readonly fault: ServerFault | undefined;
  /** Undefined: the server says nothing about it. */
  readonly usage: ServerUsage | undefined;
  readonly metadata: JsonObject | undefined;
  readonly output: readonly ServerItem[];
}

export interface ServerSession {
  readonly expiresAtEpochMs: number | undefined;
  /** As the API names them, e.g. `audio/pcmu`. */
  readonly inputFormat: string | undefined;
  readonly outputFormat: string | undefined;
}

export interface AudioDelta extends ContentPlace {
  readonly type: 'response.output_audio.delta';
  readonly audio: AudioChunk;
}

/** A piece of the transcript of what the model says. */
export interface TextDelta extends ContentPlace {
  readonly type: 'response.output_audio_transcript.delta';
  readonly text: string;
}

/** A server event under its GA name, read into typed values. */
export type ServerMessage =
  | { readonly type: 'error'; readonly fault: ServerFault }
  | { readonly type: 'session.created' | 'session.updated'; readonly session: ServerSession }
  | { readonly type: 'conversation.item.added' | 'conversation.item.done'; readonly item: ServerItem }
  | {
      readonly type:
        | 'conversation.item.input_audio_transcription.delta'
        | 'conversation.item.input_audio_transcription.completed';
      readonly itemId: string;
      readonly text: string;
    }
  | {
      readonly type: 'conversation.item.input_audio_transcription.failed';
      readonly itemId: string | undefined;
      readonly fault: ServerFault;
    }
  | {
      readonly type: 'input_audio_buffer.speech_started' | 'input_audio_buffer.speech_stopped';
      readonly itemId: string | undefined;
    }
  | { readonly type: 'response.created' | 'response.done'; readonly response: ServerResponse }
  | {
      readonly type: 'response.output_item.added' | 'response.output_item.done';
      readonly responseId: string | undefined;
      readonly item: ServerItem;
    }
  | AudioDelta
  | TextDelta
  | ({ readonly type: 'response.output_audio.done' } & ContentPlace)
  | ({ readonly type: 'response.output_audio_transcript.done'; readonly text: string } & ContentPlace)
  | {
      readonly type: 'response.function_call_arguments.done';
      readonly responseId: string | undefined;
      readonly itemId: string | undefined;
      readonly toolCallId: string | undefined;
      readonly name: string | undefined;
      readonly arguments: string;
    }
  /** An event of the protocol that tells a call nothing. */
  | { readonly type: 'ignored'; readonly name: string }
  /** An event that the protocol did not have when this was written. */
  | { readonly type: 'unknown'; readonly name: string }
  | { readonly type: 'malformed'; readonly error: PatchcordError };

type Reader = (event: JsonObject) => ServerMessage;

const nothing: Reader = (event) => ({ type: 'ignored', name: asText(event.type) ?? '' });

/**
 * Every server event of the API reference ("Server events" under Realtime) and how it is read. The compiler
 * refuses this table when the vendor's types gain an event that is not listed here.
 */
const readers: Readonly<Record<RealtimeServerEvent['type'], Reader>> = {
  error: (event) => ({ type: 'error', fault: readFault(event.error) }),
  'session.created': (event) => ({ type: 'session.created', session: readSession(event.session) }),
  'session.updated': (event) => ({ type: 'session.updated', session: readSession(event.session) }),
  'conversation.created': nothing,
  'conversation.item.created': (event) => ({ type: 'conversation.item.added', item: readItem(event.item) }),
  'conversation.item.added': (event) => ({ type: 'conversation.item.added', item: readItem(event.item) }),
  'conversation.item.done': (event) => ({ type: 'conversation.item.done', item: readItem(event.item) }),
  'conversation.item.retrieved': nothing,
  'conversation.item.deleted': nothing,
  'conversation.item.truncated': nothing,
  'conversation.item.input_audio_transcription.delta': (event) => ({
    type: 'conversation.item.input_audio_transcription.delta',
    itemId: demand(asId(event.item_id), 'item_id'),
    text: asText(event.delta) ?? '',
  }),
  'conversation.item.input_audio_transcription.completed': (event) => ({
    type: 'conversation.item.input_audio_transcription.completed',
    itemId: demand(asId(event.item_id), 'item_id'),
    text: asText(event.transcript) ?? '',
  }),
  'conversation.item.input_audio_transcription.failed': (event) => ({
    type: 'conversation.item.input_audio_transcription.failed',
    itemId: asId(event.item_id),
    fault: readFault(event.error),
  }),
  'conversation.item.input_audio_transcription.segment': nothing,
  'input_audio_buffer.speech_started': (event) => ({
    type: 'input_audio_buffer.speech_started',
    itemId: asId(event.item_id),
  }),
  'input_audio_buffer.speech_stopped': (event) => ({
    type: 'input_audio_buffer.speech_stopped',
    itemId: asId(event.item_id),
  }),
  'input_audio_buffer.committed': nothing,
  'input_audio_buffer.cleared': nothing,
  'input_audio_buffer.timeout_triggered': nothing,
  'input_audio_buffer.dtmf_event_received': nothing,
  'output_audio_buffer.started': nothing,
  'output_audio_buffer.stopped': nothing,
  'output_audio_buffer.cleared': nothing,
  'response.created': (event) => ({ type: 'response.created', response: readResponse(event.response) }),
  'response.done': (event) => ({ type: 'response.done', response: readResponse(event.response) }),
  'response.output_item.added': (event) => ({
    type: 'response.output_item.added',
    responseId: asId(event.response_id),
    item: readItem(event.item),
  }),
  'response.output_item.done': (event) => ({
    type: 'response.output_item.done',
    responseId: asId(event.response_id),
    item: readItem(event.item),
  }),
  'response.content_part.added': nothing,
  'response.content_part.done': nothing,
  'response.output_audio.delta': readAudioDelta,
  'response.output_audio.done': (event) => ({ type: 'response.output_audio.done', ...readPlace(event) }),
  'response.output_audio_transcript.delta': (event) => ({
    type: 'response.output_audio_transcript.delta',
    ...readPlace(event),
    text: asText(event.delta) ?? '',
  }),
  'response.output_audio_transcript.done': (event) => ({
    type: 'response.output_audio_transcript.done',
    ...readPlace(event),
    text: asText(event.transcript) ?? '',
  }),
  'response.output_text.delta': nothing,
  'response.output_text.done': nothing,
  'response.function_call_arguments.delta': nothing,
  'response.function_call_arguments.done': (event) => ({
    type: 'response.function_call_arguments.done',
    responseId: asId(event.response_id),
    itemId: asId(event.item_id),
    toolCallId: asId(event.call_id),
    name: asId(event.name),
    arguments: asText(event.arguments) ?? '',
  }),
  'response.mcp_call_arguments.delta': nothing,
  'response.mcp_call_arguments.done': nothing,
  'response.mcp_call.in_progress': nothing,
  'response.mcp_call.completed': nothing,
  'response.mcp_call.failed': nothing,
  'mcp_list_tools.in_progress': nothing,
  'mcp_list_tools.completed': nothing,
  'mcp_list_tools.failed': nothing,
  'rate_limits.updated': nothing,
};

/** Names of the retired beta API that compatible servers still send. */
const betaNames: Readonly<Record<string, RealtimeServerEvent['type']>> = {
  'response.audio.delta': 'response.output_audio.delta',
  'response.audio.done': 'response.output_audio.done',
  'response.audio_transcript.delta': 'response.output_audio_transcript.delta',
  'response.audio_transcript.done': 'response.output_audio_transcript.done',
  'response.text.delta': 'response.output_text.delta',
  'response.text.done': 'response.output_text.done',
};

/** Reads one parsed event; never throws. */
export function readEvent(value: unknown): ServerMessage {
  const event = asObject(value);
  if (event === undefined) return malformed('not a JSON object');
  if (typeof event.type !== 'string' || event.type === '') return malformed('type');
  const name = Object.hasOwn(betaNames, event.type) ? betaNames[event.type] : event.type;
  const reader = readerOf(name ?? event.type);
  if (reader === undefined) return { type: 'unknown', name: event.type.slice(0, 80) };
  try {
    return reader(event);
  } catch (thrown) {
    return thrown instanceof PatchcordError ? { type: 'malformed', error: thrown } : malformed(event.type);
  }
}

export function malformed(field: string): ServerMessage {
  return {
    type: 'malformed',
    error: new PatchcordError('PATCHCORD_MESSAGE_MALFORMED', undefined, { field }),
  };
}

function readerOf(name: string): Reader | undefined {
  return Object.hasOwn(readers, name) ? readers[name as RealtimeServerEvent['type']] : undefined;
}

function demand<T>(value: T | undefined, field: string): T {
  if (value === undefined) throw new PatchcordError('PATCHCORD_MESSAGE_MALFORMED', undefined, { field });
  return value;
}

function readPlace(event: JsonObject): ContentPlace {
  const index = event.content_index;
  return {
    responseId: asId(event.response_id),
    itemId: demand(asId(event.item_id), 'item_id'),
    contentIndex: index === undefined || index === null ? 0 : demand(asIndex(index), 'content_index'),
  };
}

function readAudioDelta(event: JsonObject): ServerMessage {
  const place = readPlace(event);
  if (typeof event.delta !== 'string') return malformed('delta');
  if (event.delta === '') return { type: 'ignored', name: 'response.output_audio.delta' };
  // A character beyond Latin-1 must not be cut down to a valid one.
  const ascii = Buffer.from(event.delta, 'utf8');
  if (!isBase64(ascii)) {
    return { type: 'malformed', error: new PatchcordError('PATCHCORD_AUDIO_MALFORMED') };
  }
  return { type: 'response.output_audio.delta', ...place, audio: AudioChunk.fromBase64(ascii) };
}

function readFault(value: unknown): ServerFault {
  const fault = asObject(value) ?? {};
  return {
    kind: asId(fault.type),
    code: asId(fault.code),
    param: asId(fault.param),
    eventId: asId(fault.event_id),
  };
}

function readSession(value: unknown): ServerSession {
  const session = asObject(value) ?? {};
  const audio = asObject(session.audio) ?? {};
  const expiresAt = asNumber(session.expires_at);
  return {
    expiresAtEpochMs: expiresAt === undefined ? undefined : expiresAt * 1000,
    inputFormat: asText(asObject(asObject(audio.input)?.format)?.type),
    outputFormat: asText(asObject(asObject(audio.output)?.format)?.type),
  };
}

function readItem(value: unknown): ServerItem {
  const item = demand(asObject(value), 'item');
  return {
    id: asId(item.id),
    kind: asText(item.type),
    role: asText(item.role),
    status: asText(item.status),
    toolCallId: asId(item.call_id),
    name: asId(item.name),
    arguments: asText(item.arguments),
  };
}

function readResponse(value: unknown): ServerResponse {
  const response = demand(asObject(value), 'response');
  const details = asObject(response.status_details);
  return {
    id: asId(response.id),
    status: asText(response.status),
    reason: asText(details?.reason),
    fault: details?.error === undefined || details.error === null ? undefined : readFault(details.error),
    usage: readUsage(response.usage),
    metadata: asObject(response.metadata),
    output: asArray(response.output).flatMap((item) =>
      asObject(item) === undefined ? [] : [readItem(item)],
    ),
  };
}

function readUsage(value: unknown): ServerUsage | undefined {
  const usage = asObject(value);
  if (usage === undefined) return undefined;
  const input = asObject(usage.input_token_details) ?? {};
  const cached = asObject(input.cached_tokens_details) ?? {};
  const output = asObject(usage.output_token_details) ?? {};
  return {
    inputTokens: asIndex(usage.input_tokens) ?? 0,
    inputTextTokens: asIndex(input.text_tokens),
    inputAudioTokens: asIndex(input.audio_tokens) ?? 0,
    cachedTextTokens: asIndex(cached.text_tokens) ?? 0,
    cachedAudioTokens: asIndex(cached.audio_tokens) ?? 0,
    outputTokens: asIndex(usage.output_tokens) ?? 0,
    outputTextTokens: asIndex(output.text_tokens),
    outputAudioTokens: asIndex(output.audio_tokens) ?? 0,
  };
}
