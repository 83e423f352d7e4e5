import { createHmac } from 'node:crypto';
import { type PlivoSettings, plivoCarrier } from '../../src/carriers/plivo/carrier.ts';
import { publicUrl, type TestHost } from '../../src/carriers/testing/test-host.ts';
import { type Answer, ServedCarrier, type TestStream } from './served-carrier.ts';

export const authToken = 'plivo-token-123';
const nonce = '12345678901234567890';

export const testSettings: PlivoSettings = {
  authToken,
  apiBaseUrl: 'http://127.0.0.1:9',
  contentType: 'audio/x-mulaw;rate=8000',
  maxQueuedMs: 15_000,
  streamTokenTtlMs: 60_000,
  maxCallMs: 600_000,
  ringTimeoutMs: 30_000,
};

/** V3 headers as Plivo makes them; `form` for a POST. Every query here is sorted and needs no decoding. */
export function signed(url: string, form: Record<string, string> = {}): Record<string, string> {
  const fields = Object.keys(form)
    .sort()
    .map((key) => `${key}${form[key]}`)
    .join('');
  const [address, query] = url.split('?');
  const address_ = query === undefined ? address : `${address}?${query}`;
  const form_ = query === undefined ? `${address}?${fields}` : `${address}?${query}.${fields}`;
  const signature = createHmac('sha256', authToken)
    .update(`${fields === '' ? address_ : form_}.${nonce}`)
    .digest('base64');
  return { 'x-plivo-signature-v3': signature, 'x-plivo-signature-v3-nonce': nonce };
}

export function servePlivo(host: TestHost, settings: PlivoSettings = testSettings): Promise<ServedPlivo> {
  return new ServedPlivo(plivoCarrier(settings, host), host).listen();
}

export class ServedPlivo extends ServedCarrier {
  /** A webhook as Plivo sends it; `isSigned: false` leaves the headers out. */
  async post(target: string, form: Record<string, string>, isSigned = true): Promise<Answer> {
    return this.ask(target, {
      method: 'POST',
      headers: isSigned ? signed(publicUrl + target, form) : {},
      body: new URLSearchParams(form),
    });
  }

  /** `target`: its query sorted, and written so that it needs no decoding. */
  async get(target: string): Promise<Answer> {
    return this.ask(target, { headers: signed(publicUrl + target) });
  }

  /** A media stream that is open; `headers` undefined: the right ones. */
  async stream(target = '/media-stream', headers?: Record<string, string>): Promise<TestStream> {
    return this.open(target, headers ?? signed(`http://gw.example.com${target}`));
  }

  /** Rings and gives the token for the media stream. */
  async token(CallUUID = callUuid): Promise<string> {
    return tokenIn((await this.post('/incoming-call', { ...ring, CallUUID })).text);
  }
}

/** A stream that has begun, and has brought one chunk. */
export async function liveStream(served: ServedPlivo, host: TestHost): Promise<TestStream> {
  const given = await served.token();
  const stream = await served.stream(`/media-stream?token=${given}`);
  stream.send(startMessage(given));
  stream.send(mediaMessage(20));
  await host.calls[0]?.audioOf(1);
  return stream;
}

export function tokenIn(xml: string): string {
  return /extraHeaders="token=([^"]+)"/.exec(xml)?.[1] ?? '';
}

export const callUuid = '11111111-2222-4333-8444-555555555555';
export const streamId = '20170ada-f610-433b-8758-c02a2aab3662';

/** What Plivo posts of a call that rings us. */
export const ring = {
  CallUUID: callUuid,
  CallStatus: 'ringing',
  Direction: 'inbound',
  Event: 'StartApp',
  From: '15550001111',
  To: '15550002222',
};

export interface StartChanges {
  readonly callId?: string;
  readonly mediaFormat?: object;
  readonly extra_headers?: unknown;
}

export function startMessage(token: string | undefined, changes: StartChanges = {}): object {
  const { extra_headers = token === undefined ? '' : `token=${token}`, ...inside } = changes;
  return {
    event: 'start',
    sequenceNumber: 1,
    start: {
      callId: callUuid,
      streamId,
      accountId: 'MAXXXXXXXXXXXXXXXXXX',
      tracks: ['inbound'],
      mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000 },
      ...inside,
    },
    extra_headers,
  };
}

export function mediaMessage(timestampMs: number, track = 'inbound', bytes = 160): object {
  const payload = Buffer.alloc(bytes, timestampMs & 0xff).toString('base64');
  const media = { track, timestamp: String(timestampMs), chunk: 1, payload };
  return { event: 'media', sequenceNumber: 2, streamId, media, extra_headers: 'token=x' };
}
