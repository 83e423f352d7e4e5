import { describe, expect, it } from 'vitest';
import { networkMatcher } from './networks.ts';

describe('networks that may connect', () => {
  it('match addresses inside them, IPv4 in IPv6 too', () => {
    const allowed = networkMatcher(['127.0.0.0/8', '10.1.2.3', 'fc00::/7', '::1/128']);
    for (const address of [
      '127.0.0.1',
      '127.9.9.9',
      '::ffff:127.0.0.1',
      '10.1.2.3',
      'fd00::1',
      'fd00::1%eth0',
      '::1',
    ]) {
      expect([address, allowed(address)]).toEqual([address, true]);
    }
    for (const address of ['10.1.2.4', '128.0.0.1', '::2', '::ffff:8.8.8.8', '', 'somewhere', undefined]) {
      expect([address, allowed(address)]).toEqual([address, false]);
    }
  });

  it('match nobody when there are none', () => {
    expect(networkMatcher([])('127.0.0.1')).toBe(false);
  });
});
