import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Params, WebhookRequest } from '../carrier.ts';
import type { SignatureSettings } from '../webhooks.ts';
import { refuseUpgrade, refuseWebhook, signatureOf, signedText } from './auth.ts';

const token = 'plivo-token-123';
const nonce = '12345678901234567890';
const settings: SignatureSettings = {
  authToken: token,
  publicUrl: 'https://gw.example.com',
  allowUnsigned: false,
};
const params = (values: Record<string, string | string[]>): Params =>
  new Map(Object.entries(values).map(([name, value]) => [name, Array.isArray(value) ? value : [value]]));

const numbers = { To: '15550002222', From: '15550001111' };
const ringing = { CallUUID: 'u-1', ...numbers };
const noForm = params({});

/** Made with the validator of Plivo's own npm package. */
const vectors: [WebhookRequest['method'], string, Params, string, string][] = [
  [
    'POST',
    '/plivo/answer',
    params(ringing),
    'https://gw.example.com/plivo/answer?CallUUIDu-1From15550001111To15550002222',
    'K8FTWHRPVcto19+9ASzFLQtOZeh6ZpNYgm/gUbGDfBw=',
  ],
  [
    'POST',
    '/plivo/answer?tenant=a',
    params(numbers),
    'https://gw.example.com/plivo/answer?tenant=a.From15550001111To15550002222',
    'tG273nOB6cJN7UzIeMPqWX7WayJeDYER1XHNScn3Dpw=',
  ],
  [
    'POST',
    '/plivo/answer',
    noForm,
    'https://gw.example.com/plivo/answer',
    'G3VNDngPqzVr0k6dV5ml1ECD5mzEkHJiPzkYrusThJw=',
  ],
  [
    'GET',
    '/plivo/answer?tenant=a&b=2',
    noForm,
    'https://gw.example.com/plivo/answer?b=2&tenant=a',
    '0p+qQ33EiJdkVfQHW2mIYn/MqYC/1FhBisTCtIZrZmI=',
  ],
  [
    'GET',
    '/plivo/media',
    noForm,
    'https://gw.example.com/plivo/media',
    '+wUgy7Z4iBdAvKKz2zMzwIrnuQWAw93O2m1cOA9ylvk=',
  ],
];

const right = 'K8FTWHRPVcto19+9ASzFLQtOZeh6ZpNYgm/gUbGDfBw=';

function webhook(signature: string | undefined, changes: Partial<WebhookRequest> = {}): WebhookRequest {
  const headers = { 'x-plivo-signature-v3': signature, 'x-plivo-signature-v3-nonce': nonce };
  return {
    method: 'POST',
    target: '/plivo/answer',
    headers: signature === undefined ? {} : headers,
    rawBody: Buffer.alloc(0),
    query: noForm,
    form: params(ringing),
    json: undefined,
    ...changes,
  };
}

function refused(request: WebhookRequest, changes: Partial<SignatureSettings> = {}): string | undefined {
  return refuseWebhook(request, { ...settings, ...changes })?.code;
}

describe('the signature of a webhook', () => {
  it.each(vectors)('covers %s %s', (method, target, form, text, signature) => {
    expect(signedText(method, settings.publicUrl + target, form)).toBe(text);
    expect(signatureOf(token, text, nonce)).toBe(signature);
    expect(refused(webhook(signature, { method, target, form }))).toBeUndefined();
  });

  it('is refused, naming the computed address, when a field, the address, the nonce or the token differs or it is missing', () => {
    const nonceless = { 'x-plivo-signature-v3': right };
    const wrong: [WebhookRequest, Partial<SignatureSettings>][] = [
      [webhook(undefined), {}],
      [webhook(''), {}],
      [webhook('x'.repeat(44)), {}],
      [webhook(right, { headers: nonceless }), {}],
      [webhook(right, { headers: { ...nonceless, 'x-plivo-signature-v3-nonce': '1' } }), {}],
      [webhook(right, { form: params({ ...ringing, From: '15550001112' }) }), {}],
      [webhook(right, { form: noForm }), {}],
      [webhook(right, { method: 'GET' }), {}],
      [webhook(right, { target: '/plivo/answer?tenant=b' }), {}],
      [webhook(right), { authToken: 'plivo-token-124' }],
      [webhook(right), { publicUrl: 'https://other.example.com' }],
      [webhook(right), { publicUrl: 'http://gw.example.com' }],
    ];
    for (const [request, changes] of wrong) {
      const refusal = refuseWebhook(request, { ...settings, ...changes });
      expect(refusal?.code).toBe('PATCHCORD_SIGNATURE_INVALID');
      const { publicUrl } = { ...settings, ...changes };
      expect(refusal?.details.computedUrl).toBe(`${publicUrl}${request.target}`);
      expect(JSON.stringify(refusal?.details)).not.toContain(token);
    }
  });

  it('may be one of several, and may be made with the main account', () => {
    const others = 'AAAA,BBBB';
    expect(refused(webhook(`${others},${right}`))).toBeUndefined();
    expect(refused(webhook(`${right}, ${others}`))).toBeUndefined();
    expect(refused(webhook(others))).toBe('PATCHCORD_SIGNATURE_INVALID');
    const main = { 'x-plivo-signature-ma-v3': right, 'x-plivo-signature-v3-nonce': nonce };
    expect(refused(webhook('', { headers: { ...main, 'x-plivo-signature-v3': others } }))).toBeUndefined();
    expect(refused(webhook('', { headers: main }))).toBeUndefined();
    expect(refused(webhook('', { headers: { ...main, 'x-plivo-signature-ma-v3': others } }))).toBeDefined();
  });

  it('looks at no more than sixteen signatures', () => {
    const fill = Array.from({ length: 16 }, (_, n) => `wrong${n}`).join(',');
    expect(refused(webhook(`${fill},${right}`))).toBe('PATCHCORD_SIGNATURE_INVALID');
  });

  it('is right with the default port and without it', () => {
    for (const port of ['', ':443']) {
      const signature = signatureOf(token, `https://gw.example.com${port}/plivo/answer`, nonce);
      for (const publicUrl of ['https://gw.example.com', 'https://gw.example.com:443']) {
        expect(refused(webhook(signature, { form: noForm }), { publicUrl })).toBeUndefined();
      }
    }
    const unusual = signatureOf(token, 'https://gw.example.com:8443/plivo/answer', nonce);
    expect(refused(webhook(unusual, { form: noForm }), { publicUrl: 'https://gw.example.com:8443' })).toBe(
      undefined,
    );
    expect(refused(webhook(unusual, { form: noForm }))).toBeDefined();
  });

  it('does not trust the Host header', () => {
    const request = webhook(signatureOf(token, 'https://evil.example.com/plivo/answer', nonce), {
      form: noForm,
    });
    const headers = { ...request.headers, host: 'evil.example.com', 'x-forwarded-host': 'evil.example.com' };
    expect(refused({ ...request, headers })).toBe('PATCHCORD_SIGNATURE_INVALID');
  });

  it('names the setting without which nothing can be checked', () => {
    const without = (changes: Partial<SignatureSettings>) =>
      refuseWebhook(webhook(right), { ...settings, ...changes })?.message;
    expect(without({ authToken: undefined })).toContain('PLIVO_AUTH_TOKEN');
    expect(without({ publicUrl: undefined })).toContain('PUBLIC_URL');
    expect(without({ authToken: undefined, publicUrl: undefined, allowUnsigned: true })).toBeUndefined();
  });

  it('shows no number and no token in the computed address', () => {
    const target = '/incoming-call?CallUUID=u-1&From=15550001111&To=%2B15550002222&tenant=a&token=abc';
    const refusal = refuseWebhook(webhook('', { method: 'GET', target, form: noForm }), settings);
    expect(refusal?.details.computedUrl).toBe(
      'https://gw.example.com/incoming-call?CallUUID=*&From=*&To=*&tenant=a&token=*',
    );
  });
});

describe('the signature of a WebSocket upgrade', () => {
  const upgrade = (signed: string, url = '/plivo/media') => ({
    url,
    headers: {
      'x-plivo-signature-v3': signatureOf(token, signed, nonce),
      'x-plivo-signature-v3-nonce': nonce,
    },
  });

  it('is taken for every address that Plivo is known to sign', () => {
    for (const scheme of ['http', 'https', 'ws', 'wss']) {
      for (const end of ['', '/websocket']) {
        const address = `${scheme}://gw.example.com/plivo/media${end}`;
        expect(refuseUpgrade(upgrade(address), settings)).toBeUndefined();
        for (const signed of [address, `${address}?b=2&token=abc`]) {
          expect(refuseUpgrade(upgrade(signed, '/plivo/media?token=abc&b=2'), settings)).toBeUndefined();
        }
      }
    }
    for (const scheme of ['http', 'https']) {
      const signed = `${scheme}://gw.example.com/plivo/media?token=abc/websocket`;
      expect(refuseUpgrade(upgrade(signed, '/plivo/media?token=abc'), settings)).toBeUndefined();
      expect(refuseUpgrade(upgrade(signed, '/plivo/media?token=abcd'), settings)).toBeDefined();
    }
    const vector = '+wUgy7Z4iBdAvKKz2zMzwIrnuQWAw93O2m1cOA9ylvk=';
    const headers = { 'x-plivo-signature-v3': vector, 'x-plivo-signature-v3-nonce': nonce };
    expect(refuseUpgrade({ url: '/plivo/media', headers }, settings)).toBeUndefined();
  });

  it('is taken with and without the default port', () => {
    for (const signed of [
      'http://gw.example.com:80/m',
      'https://gw.example.com:443/m',
      'http://gw.example.com/m',
    ])
      expect(refuseUpgrade(upgrade(signed, '/m'), settings)).toBeUndefined();
    const publicUrl = 'https://gw.example.com:8443';
    const withPort = { ...settings, publicUrl };
    expect(refuseUpgrade(upgrade('http://gw.example.com:8443/m', '/m'), withPort)).toBeUndefined();
  });

  it('is refused for another host, path or query and when it is missing, and the token is not shown', () => {
    const wrong = [
      'http://other.example.com/plivo/media',
      'http://gw.example.com/other',
      'http://gw.example.com/plivo/media?token=abd',
      'http://gw.example.com/plivo/media/websockets',
      'ftp://gw.example.com/plivo/media',
    ];
    for (const signed of wrong) {
      const refusal = refuseUpgrade(upgrade(signed, '/plivo/media?token=abc'), settings);
      expect(refusal?.details.computedUrl, signed).toBe('wss://gw.example.com/plivo/media?token=*');
    }
    expect(refuseUpgrade({ url: '/plivo/media', headers: {} }, settings)?.message).toContain('missing');
    expect(refuseUpgrade({ url: '/x', headers: {} }, { ...settings, allowUnsigned: true })).toBeUndefined();
  });
});

describe('beside the documented algorithm, written down a second time', () => {
  const text = fc.oneof(
    fc.string({ maxLength: 8 }),
    fc.string({ unit: 'binary', maxLength: 4 }).map((s) => s.toWellFormed()),
  );
  const fields = fc.dictionary(
    text.filter((name) => name !== '__proto__'),
    fc.array(text, { minLength: 1, maxLength: 3 }),
    { maxKeys: 5 },
  );

  it('any query and fields give the same signature, and a genuine request is taken', () => {
    fc.assert(
      fc.property(fields, fields, fc.constantFrom('GET', 'POST'), (query, form, method) => {
        const written = new URLSearchParams(
          Object.entries(query).flatMap(([name, values]) =>
            values.map((value): [string, string] => [name, value]),
          ),
        ).toString();
        const target = written === '' ? '/a' : `/a?${written}`;
        const listed = (values: Record<string, string[]>, between: string): string[] =>
          Object.keys(values)
            .sort()
            .flatMap((name) => [...(values[name] ?? [])].sort().map((value) => `${name}${between}${value}`));
        let base = 'https://gw.example.com/a';
        const pairs = listed(query, '=').join('&');
        const withForm = method === 'POST' && Object.keys(form).length > 0;
        if (pairs.length > 0 || withForm) base += `?${pairs}`;
        if (pairs.length > 0 && withForm) base += '.';
        if (withForm) base += listed(form, '').join('');
        const signature = createHmac('sha256', token).update(`${base}.${nonce}`).digest('base64');
        const request = webhook(signature, {
          method: method as 'GET' | 'POST',
          target,
          form: method === 'POST' ? params(form) : noForm,
        });
        expect(refused(request)).toBeUndefined();
      }),
      { numRuns: 2_000 },
    );
  });

  it('no headers and no address make it throw', () => {
    fc.assert(
      fc.property(text, text, text, text, (signature, given, url, publicUrl) => {
        const headers = { 'x-plivo-signature-v3': signature, 'x-plivo-signature-v3-nonce': given };
        const odd = { ...settings, publicUrl };
        expect(refuseUpgrade({ url, headers }, odd)?.code).toBe('PATCHCORD_SIGNATURE_INVALID');
        expect(refuseWebhook(webhook('', { headers, target: url }), odd)).toBeDefined();
      }),
      { numRuns: 2_000 },
    );
  });
});
