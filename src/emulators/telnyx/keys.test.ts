import { createPublicKey, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { TelnyxKeys } from './keys.ts';

describe('TelnyxKeys', () => {
  it('signs as the vendor does: the vector of its documentation', () => {
    const keys = new TelnyxKeys(Buffer.alloc(32, 7));
    expect(keys.publicKey).toBe('6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=');
    const body = '{"data":{"event_type":"call.initiated","payload":{"call_control_id":"v3:abc"}}}';
    expect(keys.headers(body, 1_700_000_000_999)).toEqual({
      'telnyx-timestamp': '1700000000',
      'telnyx-signature-ed25519':
        '954qIeA7R4ActPTVS6WADr48QcvpV0AvAfvrO74KFLoiL2cULz9XoAkFS9cuwcLZdjrMLdO2kI7Pn8kbZeIFDA==',
    });
  });

  it('has a public key that verifies what it signs, and nothing else', () => {
    const keys = new TelnyxKeys(Buffer.alloc(32, 9));
    const der = Buffer.concat([
      Buffer.from('302a300506032b6570032100', 'hex'),
      Buffer.from(keys.publicKey, 'base64'),
    ]);
    const publicKey = createPublicKey({ key: der, format: 'der', type: 'spki' });
    const headers = keys.headers('{}', 5000);
    const signature = Buffer.from(headers['telnyx-signature-ed25519'], 'base64');
    expect(verify(null, Buffer.from('5|{}'), publicKey, signature)).toBe(true);
    expect(verify(null, Buffer.from('6|{}'), publicKey, signature)).toBe(false);
  });

  it('refuses a key of another length', () => {
    expect(() => new TelnyxKeys(Buffer.alloc(31))).toThrow(RangeError);
  });
});
