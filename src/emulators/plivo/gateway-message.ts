import { type AudioFormat, bytesPerSample } from '../../audio/format.ts';
import { type Fields, isObject, isPaddedBase64, readJsonFrame } from '../phone/json-frame.ts';

/** What a gateway may do wrong on the media socket, in one word each. */
export type ViolationKind =
  | 'binary-frame'
  | 'not-json'
  | 'malformed'
  | 'unknown-event'
  | 'wrong-stream-id'
  | 'bad-base64'
  | 'half-a-sample'
  | 'other-format'
  | 'checkpoint-without-name'
  | 'bad-digits';

export type GatewayMessage =
  | { readonly event: 'playAudio'; readonly audio: Buffer }
  | { readonly event: 'checkpoint'; readonly name: string }
  | { readonly event: 'clearAudio' }
  | { readonly event: 'sendDTMF'; readonly digits: string };

export type GatewayReading =
  | { readonly ok: true; readonly message: GatewayMessage }
  | { readonly ok: false; readonly violation: ViolationKind; readonly detail: string };

/**
 * Reads one frame that a gateway sent to Plivo. Plivo, "Stream event protocol", section "Events to Plivo": text frames
 * with `playAudio` (the stream id may be left out), `checkpoint`, `clearAudio` or `sendDTMF`. `format` is the stream's:
 * whether Plivo plays others is not documented. Never throws.
 */
export function readGatewayMessage(
  data: Buffer | string,
  isBinary: boolean,
  streamId: string,
  format: AudioFormat,
): GatewayReading {
  if (isBinary) return bad('binary-frame', 'Plivo speaks JSON alone');
  const read = readJsonFrame(data);
  if (!read.ok) return read;
  const { frame } = read;
  const { event } = frame;
  switch (event) {
    case 'playAudio':
      return frame.streamId === undefined
        ? readAudio(frame, format)
        : (wrongId(frame, streamId) ?? readAudio(frame, format));
    case 'checkpoint':
      return wrongId(frame, streamId) ?? readCheckpoint(frame);
    case 'clearAudio':
      return wrongId(frame, streamId) ?? { ok: true, message: { event } };
    case 'sendDTMF':
      return readDigits(frame);
    default:
      return bad('unknown-event', typeof event === 'string' ? event.slice(0, 40) : 'event is no string');
  }
}

function wrongId({ event, streamId: given }: Fields, streamId: string): GatewayReading | undefined {
  if (given === streamId) return undefined;
  return bad(
    'wrong-stream-id',
    `${String(event)} ${given === undefined ? 'without streamId' : 'for another stream'}`,
  );
}

function readCheckpoint({ name }: Fields): GatewayReading {
  if (typeof name !== 'string' || name === '') return bad('checkpoint-without-name', 'name is no string');
  return { ok: true, message: { event: 'checkpoint', name } };
}

function readDigits({ dtmf }: Fields): GatewayReading {
  if (typeof dtmf !== 'string' || !/^[0-9A-D*#wW]+$/.test(dtmf))
    return bad('bad-digits', 'dtmf is no string of keys');
  return { ok: true, message: { event: 'sendDTMF', digits: dtmf } };
}

/** `contentType` stands without its rate; `sampleRate` is a number in the SDKs and a string in an example. */
function readAudio({ media }: Fields, format: AudioFormat): GatewayReading {
  if (!isObject(media)) return bad('malformed', 'media is no object');
  const { contentType, sampleRate, payload } = media;
  if (typeof payload !== 'string') return bad('malformed', 'media.payload is no string');
  if (typeof contentType !== 'string') return bad('malformed', 'media.contentType is no string');
  const expected = format.encoding === 'pcmu' ? 'audio/x-mulaw' : 'audio/x-l16';
  if (contentType !== expected || Number(sampleRate) !== format.sampleRate) {
    return bad('other-format', `${contentType.slice(0, 40)} at ${Number(sampleRate)}`);
  }
  if (!isPaddedBase64(payload)) return bad('bad-base64', `payload of ${payload.length} characters`);
  const audio = Buffer.from(payload, 'base64');
  if (audio.length % bytesPerSample(format) !== 0) return bad('half-a-sample', `${audio.length} bytes`);
  return { ok: true, message: { event: 'playAudio', audio } };
}

function bad(violation: ViolationKind, detail: string): GatewayReading {
  return { ok: false, violation, detail };
}
