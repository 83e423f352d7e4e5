import type { Coding } from './coding.ts';

/** What a carrier does with the audio that it is sent. */
export interface WireTraits {
  /** `queued`: it is played in its time, until a clear; `at-once`: it has sounded when it arrives. */
  readonly plays: 'queued' | 'at-once';
  /** How it tells what was played. `events`: `started` and `completed`. */
  readonly acknowledges: 'marks' | 'events' | 'nothing';
  /** What becomes of marks that a clear overtakes, and whether `completed` follows it. */
  readonly clearedMarks: 'returned' | 'dropped';
  /** Blocks of 20 ms that it sends at a time. */
  readonly blocksPerMessage: number;
}

/** What comes from the subject. */
export interface WireEvents {
  /** Agent audio; the bytes are valid only during the call. `nowMs`: when it was read. */
  audio(bytes: Buffer, nowMs: number): void;
  mark(name: string, nowMs: number): void;
  clear(nowMs: number): void;
  /** Something that the carrier's protocol does not have. */
  violation(what: string): void;
  /** Once, whoever closes. */
  closed(problem: string | undefined): void;
}

/** The carrier's end of one call on its wire. Owns the socket. */
export interface CarrierWire {
  readonly coding: Coding;
  readonly traits: WireTraits;
  /** The call begins. */
  start(events: WireEvents): void;
  /** Sends blocks `first` and following, as many as the carrier sends at a time. */
  send(first: number): void;
  /** Says that a mark was reached, or `started` or `completed`. */
  acknowledge(name: string): void;
  /** Hangs up as the carrier does. */
  hangUp(): void;
}

/** The object in a text message, or undefined after a complaint. */
export function readJson<T extends object>(
  payload: Buffer,
  isText: boolean,
  events: Pick<WireEvents, 'violation'>,
): T | undefined {
  if (!isText) {
    events.violation('binary frame to the carrier');
    return undefined;
  }
  const message = parseObject(payload);
  if (!message) events.violation('message to the carrier is not a JSON object');
  // Every field of T is optional and of unknown type.
  return message as T | undefined;
}

/** The bytes of a payload in base64, or undefined after a complaint. */
export function readBase64(payload: unknown, events: Pick<WireEvents, 'violation'>): Buffer | undefined {
  if (typeof payload !== 'string' || payload.length === 0) {
    events.violation('media without payload');
    return undefined;
  }
  const bytes = Buffer.from(payload, 'base64');
  const padding = payload.endsWith('==') ? 2 : payload.endsWith('=') ? 1 : 0;
  if (bytes.length !== (payload.length / 4) * 3 - padding) events.violation('payload is not base64');
  return bytes;
}

export function parseObject(payload: Buffer): object | undefined {
  try {
    const value: unknown = JSON.parse(payload.toString());
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
