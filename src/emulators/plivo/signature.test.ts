import { describe, expect, it } from 'vitest';
import { signV3 } from './signature.ts';

const token = 'plivo-token-123';
const nonce = '12345678901234567890';
const party = { From: '15550001111', To: '15550002222' };

describe('signV3', () => {
  it.each([
    [
      'https://gw.example.com/plivo/answer',
      { CallUUID: 'u-1', ...party },
      'K8FTWHRPVcto19+9ASzFLQtOZeh6ZpNYgm/gUbGDfBw=',
    ],
    ['https://gw.example.com/plivo/answer?tenant=a', party, 'tG273nOB6cJN7UzIeMPqWX7WayJeDYER1XHNScn3Dpw='],
    ['https://gw.example.com/plivo/answer', {}, 'G3VNDngPqzVr0k6dV5ml1ECD5mzEkHJiPzkYrusThJw='],
    ['https://gw.example.com/plivo/answer?tenant=a&b=2', {}, '0p+qQ33EiJdkVfQHW2mIYn/MqYC/1FhBisTCtIZrZmI='],
    ['https://gw.example.com/plivo/media', {}, '+wUgy7Z4iBdAvKKz2zMzwIrnuQWAw93O2m1cOA9ylvk='],
  ])('agrees with the vendor for %s and %j', (url, fields, signature) => {
    expect(signV3(token, url, nonce, fields)).toBe(signature);
  });

  it('signs addresses of sockets too, and ports', () => {
    const signatures = [
      'wss://gw.example.com/m',
      'https://gw.example.com/m',
      'wss://gw.example.com:8443/m',
    ].map((url) => signV3(token, url, nonce));
    expect(new Set(signatures).size).toBe(3);
  });
});
