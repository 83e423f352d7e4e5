import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { type TelnyxSettings, telnyxCarrier } from '../../src/carriers/telnyx/carrier.ts';
import type { TestHost } from '../../src/carriers/testing/test-host.ts';
import { type Answer, ServedCarrier, type TestStream } from './served-carrier.ts';

/** RFC 8032 keys are 32 random bytes; PKCS #8 puts this in front of them (RFC 8410, section 7). */
const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex');

export function keyOfSeed(byte: number): { readonly privateKey: KeyObject; readonly publicKey: string } {
  const key = Buffer.concat([pkcs8, Buffer.alloc(32, byte)]);
  const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  return { privateKey, publicKey: Buffer.from(x, 'base64url').toString('base64') };
}

const { privateKey, publicKey } = keyOfSeed(7);

/** Headers as Telnyx signs a body at a time in Unix seconds. */
export function signedHeaders(body: string, timestamp: number, key = privateKey): Record<string, string> {
  const signature = sign(null, Buffer.from(`${timestamp}|${body}`), key).toString('base64');
  return { 'telnyx-signature-ed25519': signature, 'telnyx-timestamp': String(timestamp) };
}

export const testSettings: TelnyxSettings = {
  apiKey: 'KEY0123',
  publicKey,
  fromNumber: '+15550009999',
  callControlAppId: 'app-1',
  apiBaseUrl: 'http://127.0.0.1:9',
  codec: 'PCMU',
  l16ByteOrder: 'big-endian',
  streamTokenTtlMs: 60_000,
  maxCallMs: 600_000,
  ringTimeoutMs: 30_000,
};

export function serveTelnyx(host: TestHost, settings: TelnyxSettings): Promise<ServedTelnyx> {
  return new ServedTelnyx(telnyxCarrier(settings, host), host).listen();
}

export class ServedTelnyx extends ServedCarrier {
  #events = 0;

  /** An event of a call as Telnyx sends it, signed. `id`: of the event, a new one unless given. */
  async event(
    event_type: string,
    payload: Readonly<Record<string, unknown>>,
    id = `event-${++this.#events}`,
  ): Promise<void> {
    const body = JSON.stringify({ data: { id, event_type, record_type: 'event', payload } });
    const { status, text } = await this.post(body);
    if (status !== 200 || text !== '{"received":true}') throw new Error(`${status} ${text}`);
  }

  async post(body: string, headers?: Record<string, string>): Promise<Pick<Answer, 'status' | 'text'>> {
    const seconds = Math.floor(this.host.clock.epochMs() / 1000);
    const { status, text } = await this.ask('/api/webhooks/telnyx', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(headers ?? signedHeaders(body, seconds)) },
      body,
    });
    return { status, text };
  }

  /** A media stream that is open. */
  async stream(query = '', headers: Record<string, string> = {}): Promise<TestStream> {
    return this.open(`/media-bridge${query}`, headers);
  }
}

/** `start` of the call with this id, in this format. */
export function startMessage(callControlId: string, mediaFormat: object = pcmuFormat): object {
  return {
    event: 'start',
    sequence_number: '1',
    stream_id: '32DE',
    start: { user_id: '3E6F', call_control_id: callControlId, media_format: mediaFormat },
  };
}

const pcmuFormat = { encoding: 'PCMU', sample_rate: 8000, channels: 1 };

/** The n-th frame of 20 ms, from 1 on; each of its bytes is its number. */
export function mediaMessage(chunk: number, track = 'inbound'): object {
  const payload = Buffer.alloc(160, chunk & 0xff).toString('base64');
  return {
    event: 'media',
    sequence_number: String(chunk + 1),
    stream_id: '32DE',
    media: { track, chunk: String(chunk), timestamp: String((chunk - 1) * 20), payload },
  };
}
