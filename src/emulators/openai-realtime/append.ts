import { isBase64 } from '../../audio/base64.ts';
import { EventProblem, missing } from './shape.ts';

export const maxAppendBytes = 15 * 1024 * 1024;

/** The raw audio of an `input_audio_buffer.append`: the hot path, checked by hand. Throws an `EventProblem`. */
export function parseAppend(event: Readonly<Record<string, unknown>>): Buffer {
  for (const key in event) {
    if (key !== 'type' && key !== 'audio' && key !== 'event_id') {
      throw new EventProblem('unknown_parameter', `Unknown parameter: '${key}'.`, key);
    }
  }
  const { audio } = event;
  if (audio === undefined) throw missing('audio');
  if (typeof audio !== 'string') {
    throw new EventProblem('invalid_type', "Invalid type for 'audio': expected a base64 string.", 'audio');
  }
  return decodeAudio(audio);
}

function decodeAudio(audio: string): Buffer {
  const ascii = Buffer.from(audio, 'latin1');
  if (ascii.length === 0) return ascii;
  if (!isBase64(ascii)) {
    throw new EventProblem('invalid_value', "Invalid 'audio'. Expected base64-encoded audio bytes.", 'audio');
  }
  const bytes = Buffer.from(audio, 'base64');
  if (bytes.length > maxAppendBytes) {
    throw new EventProblem(
      'invalid_value',
      "Invalid 'audio'. At most 15 MiB can be appended at once.",
      'audio',
    );
  }
  return bytes;
}
