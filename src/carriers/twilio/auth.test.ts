import { createHash } from 'node:crypto';
import fc from 'fast-check';
import twilio from 'twilio';
import { describe, expect, it } from 'vitest';
import type { Params, WebhookRequest } from '../carrier.ts';
import type { SignatureSettings } from '../webhooks.ts';
import { isSigned, refuseUpgrade, refuseWebhook, signatureOf } from './auth.ts';

const token = '0123456789abcdef0123456789abcdef';
const settings: SignatureSettings = {
  authToken: token,
  publicUrl: 'https://gw.example.com',
  allowUnsigned: false,
};
const params = (values: Record<string, string | string[]>): Params =>
  new Map(Object.entries(values).map(([name, value]) => [name, Array.isArray(value) ? value : [value]]));

const ringing = {
  AccountSid: `AC${'0'.repeat(32)}`,
  CallSid: `CA${'1'.repeat(32)}`,
  CallStatus: 'ringing',
  From: '+15550001111',
  To: '+15550002222',
};

function webhook(signature: string | undefined, changes: Partial<WebhookRequest> = {}): WebhookRequest {
  return {
    method: 'POST',
    target: '/twilio/voice?tenant=a',
    headers: signature === undefined ? {} : { 'x-twilio-signature': signature },
    rawBody: Buffer.alloc(0),
    query: params({ tenant: 'a' }),
    form: params(ringing),
    json: undefined,
    ...changes,
  };
}

const upgrade = (signature: string, url = '/twilio/media') => ({
  url,
  headers: { 'x-twilio-signature': signature },
});

describe('the signature of a webhook', () => {
  it('is taken when it is right', () => {
    expect(refuseWebhook(webhook('vAUPdwJyYGrGkX8cwbTWhEedhts='), settings)).toBeUndefined();
  });

  it('is refused, naming the computed address, when a field, the address or the token differs or it is missing', () => {
    const right = 'vAUPdwJyYGrGkX8cwbTWhEedhts=';
    const wrong: [WebhookRequest, SignatureSettings][] = [
      [webhook(undefined), settings],
      [webhook(''), settings],
      [webhook('x'.repeat(28)), settings],
      [webhook(right, { form: params({ ...ringing, From: '+15550001112' }) }), settings],
      [webhook(right, { target: '/twilio/voice?tenant=b' }), settings],
      [webhook(right), { ...settings, authToken: token.replace('0', '1') }],
      [webhook(right), { ...settings, publicUrl: 'https://other.example.com' }],
    ];
    for (const [request, with_] of wrong) {
      const refusal = refuseWebhook(request, with_);
      expect(refusal?.code).toBe('PATCHCORD_SIGNATURE_INVALID');
      expect(refusal?.details.computedUrl).toBe(`${with_.publicUrl}${request.target}`);
      expect(JSON.stringify(refusal?.details)).not.toContain(token);
    }
  });

  it('does not trust the Host header', () => {
    const evil = 'https://evil.example.com/twilio/voice?tenant=a';
    const request = webhook(signatureOf(token, evil, params(ringing)));
    const headers = { ...request.headers, host: 'evil.example.com', 'x-forwarded-host': 'evil.example.com' };
    expect(refuseWebhook({ ...request, headers }, settings)?.code).toBe('PATCHCORD_SIGNATURE_INVALID');
  });

  it('names the setting without which nothing can be checked', () => {
    const request = webhook('vAUPdwJyYGrGkX8cwbTWhEedhts=');
    const without = (changes: Partial<SignatureSettings>) =>
      refuseWebhook(request, { ...settings, ...changes })?.message;
    expect(without({ authToken: undefined })).toContain('TWILIO_AUTH_TOKEN');
    expect(without({ publicUrl: undefined })).toContain('PUBLIC_URL');
    expect(without({ authToken: undefined, publicUrl: undefined, allowUnsigned: true })).toBeUndefined();
  });

  it('covers a JSON body by its hash in the address', () => {
    const rawBody = Buffer.from('{"CallSid":"CA1","name":"Zoë"}');
    const hash = createHash('sha256').update(rawBody).digest('hex');
    const target = `/twilio/voice?bodySHA256=${hash}`;
    const signature = twilio.getExpectedTwilioSignature(token, `https://gw.example.com${target}`, {});
    const form = params({});
    expect(refuseWebhook(webhook(signature, { target, rawBody, form }), settings)).toBeUndefined();
    const changed = Buffer.from('{"CallSid":"CA2"}');
    expect(refuseWebhook(webhook(signature, { target, rawBody: changed, form }), settings)).toBeDefined();
  });

  it('covers a GET by its address alone', () => {
    const target = '/incoming-call?CallSid=CA1&From=%2B15550001111';
    const signature = twilio.getExpectedTwilioSignature(token, `https://gw.example.com${target}`, {});
    const request = webhook(signature, { method: 'GET', target, form: params({}) });
    expect(refuseWebhook(request, settings)).toBeUndefined();
  });
});

describe('the signature of a WebSocket upgrade', () => {
  it('is taken for wss, with or without a slash at the end', () => {
    expect(refuseUpgrade(upgrade('XbuEIyqfcj7N6LuncPZwBi5k3OI='), settings)).toBeUndefined();
    expect(refuseUpgrade(upgrade('3WOChzT7xOuqSQPWtgWioHafx+o='), settings)).toBeUndefined();
    expect(
      refuseUpgrade(upgrade('XbuEIyqfcj7N6LuncPZwBi5k3OI=', '/twilio/media/'), settings),
    ).toBeUndefined();
  });

  it('is refused for https, for another path and when it is missing', () => {
    const https = twilio.getExpectedTwilioSignature(token, 'https://gw.example.com/twilio/media', {});
    expect(refuseUpgrade(upgrade(https), settings)?.details.computedUrl).toBe(
      'wss://gw.example.com/twilio/media',
    );
    expect(refuseUpgrade(upgrade('XbuEIyqfcj7N6LuncPZwBi5k3OI=', '/other'), settings)).toBeDefined();
    expect(refuseUpgrade({ url: '/twilio/media', headers: {} }, settings)).toBeDefined();
  });
});

describe("beside Twilio's own package", () => {
  const text = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.string({ unit: 'binary', maxLength: 6 }).map((s) => s.toWellFormed()),
  );
  const fields = fc.dictionary(
    text.filter((name) => name !== '__proto__'),
    fc.oneof(text, fc.array(text, { minLength: 1, maxLength: 4 })),
    { maxKeys: 6 },
  );
  const address = fc
    .tuple(
      fc.constantFrom('https://', 'http://', 'wss://', 'ws://'),
      fc.constantFrom('gw.example.com', 'GW.Example.com', '127.0.0.1', '[::1]', 'u:p@gw.example.com'),
      fc.constantFrom('', ':443', ':80', ':5050'),
      fc.constantFrom('/incoming-call', '/a%20b', "/it's", '/', '/a/../b'),
      fc.constantFrom('', '?', '?a=1&b=2', "?q=it's", '?q=a%27b', '?x=%E2%82%AC&x=2', '?q=a+b', '?q=(1)!'),
    )
    .map((parts) => parts.join(''));

  it('the same signature is computed for any address and fields', () => {
    fc.assert(
      fc.property(address, fields, (url, values) => {
        expect(signatureOf(token, url, params(values))).toBe(
          twilio.getExpectedTwilioSignature(token, url, values),
        );
      }),
      { numRuns: 2_000 },
    );
  });

  it('the same signatures are taken and refused for any spelling of an address', () => {
    let taken = 0;
    fc.assert(
      fc.property(address, address, fields, fc.boolean(), (url, other, values, own) => {
        const base = own ? url : other;
        const signed = [
          base,
          new URL(base).toString(),
          base.replace(/:\d+(?=\/)/, ''),
          base.replace(/^(https:\/\/[^/:]+)\//, '$1:443/'),
        ];
        for (const candidate of signed) {
          const signature = twilio.getExpectedTwilioSignature(token, candidate, values);
          const theirs = twilio.validateRequest(token, signature, url, values);
          expect(isSigned(token, signature, url, params(values))).toBe(theirs);
          if (theirs) taken += 1;
        }
      }),
      { numRuns: 2_000 },
    );
    expect(taken).toBeGreaterThan(1_000);
  });
});
