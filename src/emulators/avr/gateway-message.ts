import { type Fields, isPaddedBase64, readJsonFrame } from '../phone/json-frame.ts';

/** What a connector may do wrong, in one word each. */
export type WireFault =
  | 'binary-frame'
  | 'not-json'
  | 'malformed'
  | 'unknown-type'
  | 'bad-base64'
  | 'wrong-audio-size';

export type GatewayMessage =
  | { readonly type: 'audio'; readonly audio: Buffer }
  | { readonly type: 'interruption' }
  | { readonly type: 'transcript'; readonly role: 'user' | 'agent'; readonly text: string }
  | { readonly type: 'error'; readonly message: string }
  | { readonly type: 'ready'; readonly message: string | undefined };

export type GatewayReading =
  /** With a fault where avr-core would take the message all the same. */
  | { readonly message: GatewayMessage; readonly fault: Fault | undefined }
  | { readonly message: undefined; readonly fault: Fault };

export interface Fault {
  readonly kind: WireFault;
  readonly detail: string;
}

/** 20 ms of signed 16-bit samples at 8 kHz. */
export const frameBytes = 320;

/** Reads one frame of a connector. AVR, "STS WebSocket protocol", "To avr-core". Never throws. */
export function readGatewayMessage(data: Buffer | string, isBinary: boolean): GatewayReading {
  if (isBinary) return bad('binary-frame', `${data.length} bytes`);
  const read = readJsonFrame(data);
  if (!read.ok) return bad(read.violation, read.detail);
  const { frame } = read;
  switch (frame.type) {
    case 'audio':
      return readAudio(frame.audio);
    case 'interruption':
      return good({ type: 'interruption' });
    case 'transcript':
      return readTranscript(frame);
    case 'error':
      if (typeof frame.message !== 'string') return bad('malformed', 'error.message is no string');
      return good({ type: 'error', message: frame.message });
    case 'ready':
      return good({ type: 'ready', message: typeof frame.message === 'string' ? frame.message : undefined });
    default:
      return bad('unknown-type', shown(frame.type));
  }
}

function readAudio(payload: unknown): GatewayReading {
  if (typeof payload !== 'string') return bad('malformed', 'audio.audio is no string');
  if (!isPaddedBase64(payload)) return bad('bad-base64', `${payload.length} characters`);
  const audio = Buffer.from(payload, 'base64');
  if (audio.length === frameBytes) return good({ type: 'audio', audio });
  const fault: Fault = {
    kind: 'wrong-audio-size',
    detail: `${audio.length} bytes in place of ${frameBytes}`,
  };
  return { message: { type: 'audio', audio: audio.subarray(0, audio.length & ~1) }, fault };
}

function readTranscript({ role, text }: Fields): GatewayReading {
  if (role !== 'user' && role !== 'agent') return bad('malformed', `transcript.role ${shown(role)}`);
  if (typeof text !== 'string') return bad('malformed', 'transcript.text is no string');
  return good({ type: 'transcript', role, text });
}

/** Never throws, unlike `String` of an object from JSON that brings its own `toString`. */
function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'none').slice(0, 40);
}

function good(message: GatewayMessage): GatewayReading {
  return { message, fault: undefined };
}

function bad(kind: WireFault, detail: string): GatewayReading {
  return { message: undefined, fault: { kind, detail } };
}
