import { type AudioFormat, bytesPerMs, bytesPerSample } from '../../audio/format.ts';
import { isObject, isPaddedBase64, readJsonFrame } from '../phone/json-frame.ts';

/** What a gateway may do wrong on the media socket, in one word each. */
export type ViolationKind =
  | 'binary-frame'
  | 'not-json'
  | 'malformed'
  | 'unknown-event'
  | 'bad-base64'
  | 'not-bidirectional'
  | 'half-a-sample'
  | 'chunk-too-short'
  | 'chunk-too-long'
  | 'mark-without-name';

export type GatewayMessage =
  | { readonly event: 'media'; readonly audio: Buffer }
  | { readonly event: 'mark'; readonly name: string }
  | { readonly event: 'clear' };

export type GatewayReading =
  | { readonly ok: true; readonly message: GatewayMessage }
  | { readonly ok: false; readonly violation: ViolationKind; readonly detail: string };

const shortestMs = 20;
const longestMs = 30_000;

/**
 * Reads one frame that a gateway sent to Telnyx. Telnyx, "Media streaming", section "Sending media": text frames with
 * `media` (base64 of 20 ms to 30 s in the bidirectional codec), `mark` or `clear`. `format` undefined: the stream was
 * not opened with the mode `rtp`, so that audio goes nowhere. Never throws.
 */
export function readGatewayMessage(
  data: Buffer | string,
  isBinary: boolean,
  format: AudioFormat | undefined,
): GatewayReading {
  if (isBinary) return bad('binary-frame', 'media is base64 in text frames');
  const read = readJsonFrame(data);
  if (!read.ok) return read;
  const { frame } = read;
  switch (frame.event) {
    case 'media':
      return readMedia(frame.media, format);
    case 'mark':
      return readMark(frame.mark);
    case 'clear':
      return { ok: true, message: { event: 'clear' } };
    default:
      return bad('unknown-event', typeof frame.event === 'string' ? frame.event.slice(0, 40) : 'no string');
  }
}

function readMark(mark: unknown): GatewayReading {
  const name = isObject(mark) ? mark.name : undefined;
  if (typeof name !== 'string') return bad('mark-without-name', 'mark.name is no string');
  return { ok: true, message: { event: 'mark', name } };
}

function readMedia(media: unknown, format: AudioFormat | undefined): GatewayReading {
  const payload = isObject(media) ? media.payload : undefined;
  if (typeof payload !== 'string') return bad('malformed', 'media.payload is no string');
  if (format === undefined) return bad('not-bidirectional', 'stream_bidirectional_mode is not rtp');
  if (!isPaddedBase64(payload)) return bad('bad-base64', `payload of ${payload.length} characters`);
  const audio = Buffer.from(payload, 'base64');
  const ms = audio.length / bytesPerMs(format);
  if (audio.length % bytesPerSample(format) !== 0) return bad('half-a-sample', `${audio.length} bytes`);
  if (ms < shortestMs) return bad('chunk-too-short', `${ms} ms`);
  if (ms > longestMs) return bad('chunk-too-long', `${ms} ms`);
  return { ok: true, message: { event: 'media', audio } };
}

function bad(violation: ViolationKind, detail: string): GatewayReading {
  return { ok: false, violation, detail };
}
