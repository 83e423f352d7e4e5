import type { RealtimeClientEvent } from 'openai/resources/realtime/realtime';
import { scanDelta } from './delta.ts';
import { malformed, readEvent, type ServerMessage } from './server-events.ts';

export type { ServerMessage } from './server-events.ts';

/** What is sent, as the vendor's package types it ("Client events" under Realtime); audio goes as `append`. */
export type ClientEvent = Exclude<RealtimeClientEvent, { type: 'input_audio_buffer.append' }>;

/** Reads one text frame; never throws. The audio of a delta is a view of the frame. */
export function readServerEvent(frame: Buffer): ServerMessage {
  return scanDelta(frame) ?? parseServerEvent(frame);
}

/** The way without the short cut for deltas; gives the same for every frame. */
export function parseServerEvent(frame: Buffer): ServerMessage {
  let value: unknown;
  try {
    value = JSON.parse(frame.toString('utf8'));
  } catch {
    return malformed('not JSON');
  }
  return readEvent(value);
}

export function writeClientEvent(event: ClientEvent): Buffer {
  return Buffer.from(JSON.stringify(event), 'utf8');
}

/** What stands around the base64 of `input_audio_buffer.append`, which is neither decoded nor copied on its way. */
export const append = {
  head: Buffer.from('{"type":"input_audio_buffer.append","audio":"', 'latin1'),
  tail: Buffer.from('"}', 'latin1'),
} as const;
