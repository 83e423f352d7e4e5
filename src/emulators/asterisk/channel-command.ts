import { isObject } from '../phone/json-frame.ts';

/** The two ways in which control messages are written: `f(json)` and `f(plain-text)` of the dial string. */
export type ControlFormat = 'json' | 'plain-text';

export type ChannelCommand =
  | {
      readonly command:
        | 'ANSWER'
        | 'HANGUP'
        | 'START_MEDIA_BUFFERING'
        | 'FLUSH_MEDIA'
        | 'PAUSE_MEDIA'
        | 'CONTINUE_MEDIA'
        | 'REPORT_QUEUE_DRAINED'
        | 'GET_STATUS';
    }
  | { readonly command: 'STOP_MEDIA_BUFFERING' | 'MARK_MEDIA'; readonly id: string }
  | { readonly command: 'SET_MEDIA_DIRECTION'; readonly direction: 'both' | 'in' | 'out' };

export type CommandViolation =
  | 'command-too-long'
  | 'empty-command'
  | 'not-json'
  | 'unknown-command'
  | 'malformed-command';

export type CommandReading =
  | { readonly ok: true; readonly command: ChannelCommand }
  | {
      readonly ok: false;
      readonly violation: CommandViolation;
      readonly detail: string;
      /** What Asterisk answers with an ERROR event; undefined: it writes a line to its own log and no more. */
      readonly errorText: string | undefined;
    };

/** Asterisk passes over longer ones without a word to the gateway. */
export const maxCommandBytes = 128;

const simple = new Set<string>([
  'ANSWER',
  'HANGUP',
  'START_MEDIA_BUFFERING',
  'FLUSH_MEDIA',
  'PAUSE_MEDIA',
  'CONTINUE_MEDIA',
  'REPORT_QUEUE_DRAINED',
  'GET_STATUS',
]);

/**
 * Reads a TEXT message of a gateway. Asterisk documentation, "WebSocket Channel", section "Control Commands and
 * Events"; names are case-sensitive. Never throws.
 */
export function readCommand(message: Buffer | string, format: ControlFormat): CommandReading {
  const bytes = Buffer.byteLength(message);
  if (bytes === 0) return bad('empty-command', 'a text message of 0 bytes');
  if (bytes > maxCommandBytes) return bad('command-too-long', `${bytes} bytes`);
  const text = message.toString().trim();
  return format === 'json' ? readJson(text) : readPlain(text);
}

function readJson(text: string): CommandReading {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch (error) {
    const detail = error instanceof Error ? error.name : 'unreadable';
    return bad('not-json', detail, 'Unable to parse JSON command');
  }
  if (!isObject(message) || typeof message.command !== 'string') {
    return bad('malformed-command', 'no command');
  }
  const id = typeof message.correlation_id === 'string' ? message.correlation_id : '';
  const { command, direction } = message;
  if (command !== 'SET_MEDIA_DIRECTION') return named(command, id);
  if (direction === 'both' || direction === 'in' || direction === 'out') {
    return { ok: true, command: { command, direction } };
  }
  return bad('malformed-command', 'a direction that is none', 'Invalid direction');
}

/** `COMMAND [id]` */
function readPlain(text: string): CommandReading {
  const space = text.indexOf(' ');
  return space === -1 ? named(text, '') : named(text.slice(0, space), text.slice(space + 1));
}

function named(command: string, id: string): CommandReading {
  if (command === 'MARK_MEDIA' || command === 'STOP_MEDIA_BUFFERING') {
    return { ok: true, command: { command, id } };
  }
  if (!simple.has(command)) return bad('unknown-command', command.slice(0, 40));
  return { ok: true, command: { command } as ChannelCommand };
}

function bad(violation: CommandViolation, detail: string, errorText?: string): CommandReading {
  return { ok: false, violation, detail, errorText };
}
