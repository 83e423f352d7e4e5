import type {
  ConversationItem,
  RealtimeClientEvent,
  RealtimeResponse,
  RealtimeResponseCreateParams,
  RealtimeServerEvent,
} from 'openai/resources/realtime/realtime';

// The vendor's own types, used as types alone: the compiler checks what the emulator says against them.

type WithoutEventId<T> = T extends unknown ? Omit<T, 'event_id'> : never;

/** A server event before it gets its `event_id`. */
export type ServerEvent = WithoutEventId<RealtimeServerEvent>;
export type ClientEvent = RealtimeClientEvent;
export type ClientEventOf<T extends ClientEvent['type']> = Extract<ClientEvent, { type: T }>;
export type Item = ConversationItem;
export type WireResponse = RealtimeResponse;
export type ResponseParams = RealtimeResponseCreateParams;

export type Send = (event: ServerEvent) => void;

export interface FunctionTool {
  readonly type: 'function';
  readonly name: string;
  readonly description?: string;
  readonly parameters?: unknown;
}
