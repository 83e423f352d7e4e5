import fc from 'fast-check';
import twilio from 'twilio';
import { describe, expect, it } from 'vitest';
import { type FormFields, signUpgrade, signWebhook } from './signature.ts';

const token = '0123456789abcdef0123456789abcdef';

describe('signatures of the fake Twilio', () => {
  it('match the known vector of a voice webhook', () => {
    const fields: FormFields = [
      ['To', '+15550002222'],
      ['From', '+15550001111'],
      ['CallStatus', 'ringing'],
      ['CallSid', `CA${'1'.repeat(32)}`],
      ['AccountSid', `AC${'0'.repeat(32)}`],
    ];
    expect(signWebhook(token, 'https://gw.example.com/twilio/voice?tenant=a', fields)).toBe(
      'vAUPdwJyYGrGkX8cwbTWhEedhts=',
    );
  });

  it('match the known vectors of a WebSocket upgrade, which differ by a trailing slash', () => {
    expect(signUpgrade(token, 'wss://gw.example.com/twilio/media')).toBe('XbuEIyqfcj7N6LuncPZwBi5k3OI=');
    expect(signUpgrade(token, 'wss://gw.example.com/twilio/media/')).toBe('3WOChzT7xOuqSQPWtgWioHafx+o=');
  });

  it("are accepted by Twilio's own validator for any fields, repeated ones too", () => {
    const word = fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{0,8}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(word, fc.string()), { maxLength: 8 }), (fields) => {
        const params: Record<string, string | string[]> = {};
        for (const name of new Set(fields.map(([one]) => one))) {
          const values = fields.filter(([one]) => one === name).map(([, value]) => value);
          params[name] = values.length === 1 ? (values[0] ?? '') : values;
        }
        const url = 'https://gw.example.com/incoming-call';
        expect(twilio.validateRequest(token, signWebhook(token, url, fields), url, params)).toBe(true);
        expect(twilio.validateRequest(`${token}x`, signWebhook(token, url, fields), url, params)).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it("of an upgrade are accepted by Twilio's own validator", () => {
    const url = 'wss://gw.example.com/media-stream';
    expect(twilio.validateRequest(token, signUpgrade(token, url), url, {})).toBe(true);
  });
});
