import { type AudioFormat, bytesPerMs, bytesPerSample, pcm16At, pcma8k, pcmu8k } from '../../audio/format.ts';
import { PatchcordError } from '../../base/errors.ts';
import { isRecord, printable, readCount, readDigit, readText, recordOf } from '../fields.ts';

/** Control messages are JSON or plain text, as `f(json)` in the dial string and chan_websocket.conf say. */
export type ControlFormat = 'json' | 'plain-text';

/** Asterisk's documentation, "Channel Drivers - WebSocket", section "Control Messages and Events": events. */
export type AsteriskMessage =
  | MediaStart
  | { readonly type: 'digit'; readonly digit: string }
  /** A mark was reached; marks that a flush has thrown away never are. */
  | { readonly type: 'mark'; readonly name: string }
  /** Asterisk's queue is nearly full: send no more until `go-on`. */
  | { readonly type: 'hold' }
  | { readonly type: 'go-on' }
  /** Asterisk did not take a command. */
  | { readonly type: 'error'; readonly text: string }
  /** An event that nothing hangs on, or that this version does not know. */
  | { readonly type: 'other'; readonly event: string }
  | { readonly type: 'malformed'; readonly error: PatchcordError };

/** Documentation: "MEDIA_START". Early versions leave out all but `channel`, `format` and `optimal_frame_size`. */
export interface MediaStart {
  readonly type: 'start';
  readonly control: ControlFormat;
  /** The channel's unique id. */
  readonly channelId: string | undefined;
  readonly format: string;
  /** Bytes that Asterisk plays at a time; undefined: not told, or it takes any. */
  readonly frameBytes: number | undefined;
  readonly ptimeMs: number | undefined;
  /** Options `p` and `u`: Asterisk plays what it gets when it gets it, and takes no commands for its queue. */
  readonly unqueued: boolean;
  /** The channel's variables. */
  readonly variables: Readonly<Record<string, string>>;
}

const maxVariables = 50;
const maxVariableLength = 500;
const maxErrorLength = 200;

/** Reads one text message in either format. Numbers may be strings and the reverse. Never throws. */
export function readEvent(frame: Buffer): AsteriskMessage {
  const text = frame.toString('utf8').trim();
  return text.startsWith('{') ? readJson(text) : readPlain(text);
}

function readJson(text: string): AsteriskMessage {
  let event: unknown;
  try {
    event = JSON.parse(text);
  } catch {
    return malformed('not JSON');
  }
  if (!isRecord(event)) return malformed('not a JSON object');
  if (typeof event.event !== 'string') return malformed('`event` is not a string');
  return readFields(event.event, event, 'json');
}

/** `EVENT key:value key:value`, or `EVENT id` where the only field is the id that we gave. */
function readPlain(text: string): AsteriskMessage {
  const [event = '', ...words] = text.split(/\s+/);
  if (!/^[A-Z][A-Z_]{0,63}$/.test(event)) return malformed('neither JSON nor an event');
  const fields: [string, string][] = [];
  for (const word of words) {
    const colon = word.indexOf(':');
    if (colon > 0) fields.push([word.slice(0, colon), word.slice(colon + 1)]);
    else fields.push(['correlation_id', word]);
  }
  // The one value that may hold spaces is the last.
  const error = /\serror_text:(.*)$/s.exec(text)?.[1];
  if (error !== undefined) fields.push(['error_text', error]);
  return readFields(event, Object.fromEntries(fields), 'plain-text');
}

function readFields(
  event: string,
  fields: Readonly<Record<string, unknown>>,
  control: ControlFormat,
): AsteriskMessage {
  switch (event) {
    case 'MEDIA_START':
      return readStart(fields, control);
    case 'DTMF_END': {
      const digit = readDigit(fields.digit);
      return digit === undefined ? malformed('`digit` is not a digit') : { type: 'digit', digit };
    }
    case 'MEDIA_MARK_PROCESSED': {
      const name = readText(fields.correlation_id);
      return name === undefined ? malformed('`correlation_id` is missing') : { type: 'mark', name };
    }
    case 'MEDIA_XOFF':
      return { type: 'hold' };
    case 'MEDIA_XON':
      return { type: 'go-on' };
    case 'ERROR':
      return { type: 'error', text: (readText(fields.error_text) ?? '').slice(0, maxErrorLength) };
    default:
      return { type: 'other', event: printable(event) };
  }
}

function readStart(fields: Readonly<Record<string, unknown>>, control: ControlFormat): AsteriskMessage {
  const format = readText(fields.format);
  if (format === undefined) return malformed('`format` is missing');
  const frameBytes = readCount(fields.optimal_frame_size);
  const ptimeMs = readCount(fields.ptime);
  return {
    type: 'start',
    control,
    channelId: readText(fields.channel_id)?.slice(0, 150),
    format: printable(format),
    frameBytes: frameBytes === 0 ? undefined : frameBytes,
    ptimeMs: ptimeMs === 0 ? undefined : ptimeMs,
    unqueued: isTrue(fields.passthrough) || isTrue(fields.unbuffered),
    variables: readVariables(Object.entries(recordOf(fields.channel_variables))),
  };
}

function isTrue(value: unknown): boolean {
  return value === true || value === 'true';
}

/**
 * The first fifty whose names are plain, each value cut at 500 characters. A variable that the dialplan hands down to
 * any depth still has the two underscores of its declaration before its name.
 */
export function readVariables(
  pairs: Iterable<readonly [name: string, value: unknown]>,
): Record<string, string> {
  const variables: [string, string][] = [];
  for (const [fullName, value] of pairs) {
    const name = fullName.replace(/^__?/, '');
    if (variables.length >= maxVariables) break;
    if (!/^[\w.-]{1,64}$/.test(name)) continue;
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') continue;
    variables.push([name, String(value).slice(0, maxVariableLength)]);
  }
  return Object.fromEntries(variables);
}

function malformed(what: string): AsteriskMessage {
  return { type: 'malformed', error: new PatchcordError('PATCHCORD_MESSAGE_MALFORMED', what) };
}

/** Asterisk's names of the codecs that need no other than ours; `slin` is little-endian where its machine is. */
const formats: Readonly<Record<string, AudioFormat>> = {
  ulaw: pcmu8k,
  alaw: pcma8k,
  slin: pcm16At(8000),
  slin16: pcm16At(16_000),
  slin24: pcm16At(24_000),
  slin48: pcm16At(48_000),
};

/** Undefined for a codec that cannot be used. */
export function formatOf(start: MediaStart): AudioFormat | undefined {
  return Object.hasOwn(formats, start.format) ? formats[start.format] : undefined;
}

/** A message to Asterisk may hold 65,535 bytes; one that is longer ends the call. */
const maxMessageBytes = 65_000;
const usualPtimeMs = 20;

/** The frames that Asterisk plays, as the start tells them: `optimal_frame_size` counts, and `ptime` where there is none. */
export function framesOf(start: MediaStart, format: AudioFormat): { frameMs: number; maxChunkMs: number } {
  const { frameBytes = 0, ptimeMs = usualPtimeMs } = start;
  const usable = frameBytes > 0 && frameBytes <= maxMessageBytes && frameBytes % bytesPerSample(format) === 0;
  const usablePtimeMs = ptimeMs * bytesPerMs(format) <= maxMessageBytes ? ptimeMs : usualPtimeMs;
  const frameMs = usable ? frameBytes / bytesPerMs(format) : usablePtimeMs;
  const longestMs = Math.min(1000, maxMessageBytes / bytesPerMs(format));
  return { frameMs, maxChunkMs: Math.max(1, Math.floor(longestMs / frameMs)) * frameMs };
}

/**
 * Writes the commands to Asterisk. Documentation: section "Control Messages and Events", commands. Asterisk ignores
 * one of more than 128 bytes, so the names of marks must stay below 80.
 */
export class CommandWriter {
  readonly #control: ControlFormat;

  constructor(control: ControlFormat) {
    this.#control = control;
  }

  answer(): string {
    return this.#command('ANSWER');
  }

  hangUp(): string {
    return this.#command('HANGUP');
  }

  flush(): string {
    return this.#command('FLUSH_MEDIA');
  }

  mark(name: string): string {
    return this.#control === 'json'
      ? JSON.stringify({ command: 'MARK_MEDIA', correlation_id: name })
      : `MARK_MEDIA ${name}`;
  }

  #command(command: string): string {
    return this.#control === 'json' ? `{"command":"${command}"}` : command;
  }
}
