import twilio from 'twilio';
import { PatchcordError } from '../../src/base/errors.ts';
import { publicUrl, type TestHost } from '../../src/carriers/testing/test-host.ts';
import { type TwilioSettings, twilioCarrier } from '../../src/carriers/twilio/carrier.ts';
import { type Answer, ServedCarrier, type TestStream } from './served-carrier.ts';

export const authToken = '0123456789abcdef0123456789abcdef';

export const testSettings: TwilioSettings = {
  authToken,
  apiBaseUrl: 'http://127.0.0.1:9',
  streamTokenTtlMs: 60_000,
  maxCallMs: 600_000,
  ringTimeoutMs: 30_000,
};

/** The carrier, called with signatures of Twilio's own package. */
export function serveTwilio(host: TestHost, settings: TwilioSettings = testSettings): Promise<ServedTwilio> {
  return new ServedTwilio(twilioCarrier(settings, host), host).listen();
}

export class ServedTwilio extends ServedCarrier {
  /** A webhook as Twilio sends it; `signed: false` leaves the header out. */
  async post(target: string, form: Record<string, string>, signed = true): Promise<Answer> {
    const signature = twilio.getExpectedTwilioSignature(authToken, publicUrl + target, form);
    return this.ask(target, {
      method: 'POST',
      headers: signed ? { 'x-twilio-signature': signature } : {},
      body: new URLSearchParams(form),
    });
  }

  async get(target: string): Promise<Answer> {
    const signature = twilio.getExpectedTwilioSignature(authToken, publicUrl + target, {});
    return this.ask(target, { headers: { 'x-twilio-signature': signature } });
  }

  /** A media stream that is open; `signature` undefined: the right one. */
  async stream(signature?: string): Promise<TestStream> {
    const right = twilio.getExpectedTwilioSignature(authToken, 'wss://gw.example.com/media-stream', {});
    return this.open('/media-stream', { 'x-twilio-signature': signature ?? right });
  }
}

export function tokenIn(twiml: string): string {
  return /<Parameter name="token" value="([^"]+)"\/>/.exec(twiml)?.[1] ?? '';
}

export function startMessage(token: string | undefined, changes: Record<string, unknown> = {}): object {
  return {
    event: 'start',
    sequenceNumber: '1',
    streamSid: 'MZ1',
    start: {
      streamSid: 'MZ1',
      accountSid: 'AC1',
      callSid: 'CA1',
      tracks: ['inbound'],
      customParameters: token === undefined ? {} : { token },
      mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 },
      ...changes,
    },
  };
}

export function mediaMessage(timestampMs: number, track = 'inbound'): object {
  const payload = Buffer.alloc(160, timestampMs & 0xff).toString('base64');
  return { event: 'media', streamSid: 'MZ1', media: { track, timestamp: String(timestampMs), payload } };
}

export const drained = new PatchcordError('PATCHCORD_DRAINING');
