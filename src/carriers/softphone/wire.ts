import { AudioChunk } from '../../audio/chunk.ts';
import { type ErrorCode, PatchcordError } from '../../base/errors.ts';
import type { CallEndReason } from '../../call/events.ts';
import type { CallOverrides } from '../carrier.ts';

/** The protocol is our own and is described in docs/softphone-protocol.md; its sections are named here. */

/** Samples per second of the pcm16 audio in both directions. */
export type SoftphoneRate = 16000 | 24000;

export type SoftphoneMessage =
  | { readonly type: 'start'; readonly sampleRate: SoftphoneRate; readonly overrides: CallOverrides }
  | { readonly type: 'digit'; readonly digit: string }
  | { readonly type: 'mark'; readonly name: string }
  | { readonly type: 'hangup' };

/** Why a frame was not taken, and the code that closes the socket (RFC 6455, section 7.4.1). */
export interface Refusal {
  readonly error: PatchcordError;
  readonly closeCode: 1003 | 1007 | 1008 | 1009;
}

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusal: Refusal };

/** Longest control message in bytes: the longest `start`, escaped, with room to spare. */
export const maxControlBytes = 64 * 1024;
/** Longest audio frame in bytes: one second at 24 kHz. */
export const maxAudioBytes = 48_000;
/** Longest texts in a `start`, in UTF-16 units. */
export const maxOverrideLength = { instructions: 8000, voice: 64, greeting: 1000 } as const;
const maxMarkLength = 128;

/** docs/softphone-protocol.md, "From the client: text". Never throws; members that are not named there are ignored. */
export function parseControl(frame: Buffer): Parsed<SoftphoneMessage> {
  if (frame.length > maxControlBytes) return tooLarge('control message', frame.length, maxControlBytes);
  let value: unknown;
  try {
    value = JSON.parse(frame.toString('utf8'));
  } catch {
    return malformed('not JSON');
  }
  if (!isRecord(value)) return malformed('not a JSON object');
  switch (value.type) {
    case 'start':
      return parseStart(value);
    case 'digit':
      return typeof value.digit === 'string' && /^[0-9*#A-D]$/.test(value.digit)
        ? { ok: true, value: { type: 'digit', digit: value.digit } }
        : malformed('digit must be one of 0-9, *, #, A-D');
    case 'mark':
      return isText(value.name, maxMarkLength) && value.name !== ''
        ? { ok: true, value: { type: 'mark', name: value.name } }
        : malformed(`name must be a string of 1 to ${maxMarkLength} characters`);
    case 'hangup':
      return { ok: true, value: { type: 'hangup' } };
    default:
      return malformed('unknown type');
  }
}

/** docs/softphone-protocol.md, "Audio". Never throws. The chunk keeps the frame and does not copy it. */
export function parseAudio(frame: Buffer): Parsed<AudioChunk> {
  if (frame.length > maxAudioBytes) return tooLarge('audio frame', frame.length, maxAudioBytes);
  if (frame.length % 2 !== 0) {
    return refuse('PATCHCORD_AUDIO_MALFORMED', 1007, `${frame.length} bytes are not whole 16-bit samples`);
  }
  return { ok: true, value: AudioChunk.fromBytes(frame) };
}

function parseStart(value: Record<string, unknown>): Parsed<SoftphoneMessage> {
  const { sampleRate } = value;
  if (typeof sampleRate !== 'number') return malformed('sampleRate must be a number');
  if (sampleRate !== 16000 && sampleRate !== 24000) {
    return refuse('PATCHCORD_AUDIO_FORMAT', 1003, 'sampleRate must be 24000 or 16000');
  }
  const overrides: { instructions?: string; voice?: string; greeting?: string } = {};
  for (const name of ['instructions', 'voice', 'greeting'] as const) {
    const text = value[name];
    if (text === undefined) continue;
    if (!isText(text, maxOverrideLength[name])) {
      return malformed(`${name} must be a string of at most ${maxOverrideLength[name]} characters`);
    }
    if (text !== '') overrides[name] = text;
  }
  return { ok: true, value: { type: 'start', sampleRate, overrides } };
}

/** docs/softphone-protocol.md, "From the gateway: text". */
export function encodeStarted(callId: string): string {
  return JSON.stringify({ type: 'started', callId });
}

export function encodeMark(name: string): string {
  return JSON.stringify({ type: 'mark', name });
}

export function encodeClear(): string {
  return '{"type":"clear"}';
}

export function encodeEnded(reason: CallEndReason): string {
  return JSON.stringify({ type: 'ended', reason });
}

/** Always the last message before the gateway closes the socket. */
export function encodeError(error: PatchcordError): string {
  return JSON.stringify({ type: 'error', code: error.code, message: error.message });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown, maxLength: number): value is string {
  return typeof value === 'string' && value.length <= maxLength;
}

function malformed(message: string): { readonly ok: false; readonly refusal: Refusal } {
  return refuse('PATCHCORD_MESSAGE_MALFORMED', 1007, message);
}

function tooLarge(
  what: string,
  bytes: number,
  limit: number,
): { readonly ok: false; readonly refusal: Refusal } {
  return refuse('PATCHCORD_MESSAGE_TOO_LARGE', 1009, `${what} of ${bytes} bytes, at most ${limit} are taken`);
}

function refuse(
  code: ErrorCode,
  closeCode: Refusal['closeCode'],
  message: string,
): { readonly ok: false; readonly refusal: Refusal } {
  return { ok: false, refusal: { error: new PatchcordError(code, message), closeCode } };
}
