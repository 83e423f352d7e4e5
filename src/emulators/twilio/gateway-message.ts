import { isObject, isPaddedBase64, readJsonFrame } from '../phone/json-frame.ts';

/** What a gateway may do wrong on the media socket, in one word each. */
export type ViolationKind =
  | 'binary-frame'
  | 'not-json'
  | 'malformed'
  | 'unknown-event'
  | 'wrong-stream-sid'
  | 'bad-base64'
  | 'mark-without-name'
  | 'media-before-start'
  | 'buffer-overflow'
  | 'flood';

export type GatewayMessage =
  | { readonly event: 'media'; readonly audio: Buffer }
  | { readonly event: 'mark'; readonly name: string }
  | { readonly event: 'clear' };

export type GatewayReading =
  | { readonly ok: true; readonly message: GatewayMessage }
  | { readonly ok: false; readonly violation: ViolationKind; readonly detail: string };

/**
 * Reads one frame that a gateway sent to Twilio. Twilio, "Media Streams - WebSocket messages", section "Send
 * WebSocket messages to Twilio": text frames with `media`, `mark` or `clear`, each with the `streamSid`. Never throws.
 */
export function readGatewayMessage(
  data: Buffer | string,
  isBinary: boolean,
  streamSid: string,
): GatewayReading {
  if (isBinary) return bad('binary-frame', 'Twilio warns with 31950 and drops it');
  const read = readJsonFrame(data);
  if (!read.ok) return read;
  const { frame } = read;
  const event = frame.event;
  if (typeof event !== 'string') return bad('malformed', 'event is no string');
  if (event !== 'media' && event !== 'mark' && event !== 'clear')
    return bad('unknown-event', event.slice(0, 40));
  if (typeof frame.streamSid !== 'string') return bad('wrong-stream-sid', `${event} without streamSid`);
  if (frame.streamSid !== streamSid) return bad('wrong-stream-sid', `${event} for another stream`);
  if (event === 'clear') return { ok: true, message: { event } };
  return event === 'mark' ? readMark(frame.mark) : readMedia(frame.media);
}

function readMark(mark: unknown): GatewayReading {
  const name = isObject(mark) ? mark.name : undefined;
  if (typeof name !== 'string') return bad('mark-without-name', 'mark.name is no string');
  return { ok: true, message: { event: 'mark', name } };
}

function readMedia(media: unknown): GatewayReading {
  const payload = isObject(media) ? media.payload : undefined;
  if (typeof payload !== 'string') return bad('malformed', 'media.payload is no string');
  if (!isPaddedBase64(payload)) return bad('bad-base64', `payload of ${payload.length} characters`);
  return { ok: true, message: { event: 'media', audio: Buffer.from(payload, 'base64') } };
}

function bad(violation: ViolationKind, detail: string): GatewayReading {
  return { ok: false, violation, detail };
}
