import { describe, expect, it } from 'vitest';
import { authorityOf, signComponents, signUpgrade } from './signature.ts';

/** The vector of Genesys's documentation. */
const identity = {
  requestTarget: '/api/v1/voicebiometrics/ws',
  authority: 'audiohook.example.com',
  organizationId: 'd7934305-0972-4844-938e-9060eef73d05',
  sessionId: '30b0e395-84d3-4570-ac13-9a62d8f514c0',
  correlationId: 'e160e428-53e2-487c-977d-96989bf5c99d',
  apiKey: 'SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh',
};
const secret = 'TXlTdXBlclNlY3JldEtleVRlbGxOby0xITJAMyM0JDU=';
const parameters = {
  keyId: 'SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh',
  nonce: 'VGhpc0lzQVVuaXF1ZU5vbmNl',
  created: 1_641_013_200,
  expires: 3_282_026_430,
};

describe('signatures of the fake Genesys', () => {
  it('match the vector of the documentation', () => {
    expect(signUpgrade(identity, secret, parameters)).toEqual({
      'signature-input':
        'sig1=("@request-target" "@authority" "audiohook-organization-id" "audiohook-session-id" ' +
        '"audiohook-correlation-id" "x-api-key");keyid="SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh"' +
        ';nonce="VGhpc0lzQVVuaXF1ZU5vbmNl";alg="hmac-sha256";created=1641013200;expires=3282026430',
      signature: 'sig1=:NZBwyBHRRyRoeLqy1IzOa9VYBuI8TgMFt2GRDkDuJh4=:',
    });
  });

  it.each(Object.keys(identity))('change with %s', (field) => {
    const changed = { ...identity, [field]: 'other' };
    expect(signUpgrade(changed, secret, parameters).signature).not.toBe(
      signUpgrade(identity, secret, parameters).signature,
    );
  });

  it('can cover less, under another label', () => {
    const { signature, 'signature-input': input } = signComponents(
      [['x-api-key', 'key']],
      secret,
      parameters,
      'mine',
    );
    expect(input).toMatch(/^mine=\("x-api-key"\);keyid=/);
    expect(signature).toMatch(/^mine=:[\w+/]{43}=:$/);
  });

  it('name the port of the host only where it is not the default one', () => {
    expect(authorityOf(new URL('wss://GW.example.com:443/audiohook'))).toBe('gw.example.com');
    expect(authorityOf(new URL('ws://127.0.0.1:8080/audiohook'))).toBe('127.0.0.1:8080');
  });
});
