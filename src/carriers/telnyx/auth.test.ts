import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyOfSeed, signedHeaders } from '../../../test/support/telnyx-host.ts';
import { type AuthSettings, readPublicKey, refuseWebhook } from './auth.ts';

/** The private key of the vector is 32 bytes of 7. */
const publicKeyText = '6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=';
const timestamp = 1_700_000_000;
const body = '{"data":{"event_type":"call.initiated","payload":{"call_control_id":"v3:abc"}}}';
const signature = '954qIeA7R4ActPTVS6WADr48QcvpV0AvAfvrO74KFLoiL2cULz9XoAkFS9cuwcLZdjrMLdO2kI7Pn8kbZeIFDA==';

const settings: AuthSettings = { publicKey: readPublicKey(publicKeyText), allowUnsigned: false };
const genuine = { 'telnyx-signature-ed25519': signature, 'telnyx-timestamp': String(timestamp) };
const refuse = (
  headers: Record<string, string | string[] | undefined>,
  { text = body, at = timestamp, ...others }: Partial<AuthSettings> & { text?: string; at?: number } = {},
) => refuseWebhook({ headers, rawBody: Buffer.from(text) }, { ...settings, ...others }, at * 1000);

describe('the signature of a webhook', () => {
  it('is taken when it is right', () => {
    expect(refuse(genuine)).toBeUndefined();
    expect(refuse(signedHeaders(body, timestamp))).toBeUndefined();
    expect(keyOfSeed(7).publicKey).toBe(publicKeyText);
  });

  it('is good for five minutes before and after its time, and no second more', () => {
    for (const at of [timestamp - 300, timestamp + 300])
      expect(refuse(genuine, { at }), `${at}`).toBeUndefined();
    for (const at of [timestamp - 301, timestamp + 301]) {
      const refusal = refuse(genuine, { at });
      expect(refusal?.code).toBe('PATCHCORD_SIGNATURE_INVALID');
      expect(Math.abs(Number(refusal?.details.ageSeconds))).toBe(301);
    }
  });

  it.each<[string, Record<string, string | undefined>]>([
    ['missing', { ...genuine, 'telnyx-signature-ed25519': undefined }],
    ['empty', { ...genuine, 'telnyx-signature-ed25519': '' }],
    ['no base64', { ...genuine, 'telnyx-signature-ed25519': '?' }],
    ['too short', { ...genuine, 'telnyx-signature-ed25519': signature.slice(0, 40) }],
    ['of another key', signedHeaders(body, timestamp, keyOfSeed(8).privateKey)],
    ['of another body', signedHeaders(`${body} `, timestamp)],
    ['of another time', { ...genuine, 'telnyx-timestamp': String(timestamp + 1) }],
    ['without its time', { ...genuine, 'telnyx-timestamp': undefined }],
    ['of a time that is none', signedHeaders(body, Number.NaN)],
    ['of a time far out', signedHeaders(body, 10 ** 15)],
  ])('is refused where it is %s', (_what, headers) => {
    expect(refuse(headers)?.code).toBe('PATCHCORD_SIGNATURE_INVALID');
  });

  it('covers every byte of the body', () => {
    for (const text of [body.replace('abc', 'abd'), body.slice(1), '']) {
      expect(refuse(genuine, { text })?.code).toBe('PATCHCORD_SIGNATURE_INVALID');
    }
  });

  it('is refused, naming the setting, where there is no key, unless unsigned ones are allowed', () => {
    const refusal = refuse(genuine, { publicKey: undefined });
    expect(refusal?.details).toEqual({ setting: 'TELNYX_PUBLIC_KEY' });
    expect(refuse({}, { publicKey: undefined, allowUnsigned: true })).toBeUndefined();
  });

  it('is refused and never thrown at, whatever the headers hold', () => {
    const text = fc.oneof(fc.string({ maxLength: 100 }), fc.string({ unit: 'binary', maxLength: 40 }));
    const header = fc.oneof(text, fc.constant(undefined), fc.constant(String(timestamp)), fc.array(text));
    fc.assert(
      fc.property(header, header, (signed, time) => {
        const headers = { 'telnyx-signature-ed25519': signed, 'telnyx-timestamp': time };
        expect(refuse(headers)?.code).toBe('PATCHCORD_SIGNATURE_INVALID');
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("the account's public key", () => {
  it('is none where it has not 32 bytes', () => {
    expect(readPublicKey('')).toBeUndefined();
    expect(readPublicKey(Buffer.alloc(31, 1).toString('base64'))).toBeUndefined();
  });

  it('of which nothing is known lets nothing pass', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const publicKey = readPublicKey(Buffer.from(bytes).toString('base64'));
        expect(refuse(genuine, { publicKey })?.code).toBe('PATCHCORD_SIGNATURE_INVALID');
      }),
      { numRuns: 500 },
    );
  });
});
