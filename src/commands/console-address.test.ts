import { describe, expect, it } from 'vitest';
import { type ConsoleAddress, consoleLine } from './console-address.ts';

const line = (changes: Partial<ConsoleAddress>): string =>
  consoleLine({ publicUrl: undefined, host: '127.0.0.1', port: 5050, key: 'made', ...changes });
const free = 'From this machine the console needs no key.';

describe('the line about the console at the start', () => {
  it.each([
    [{ publicUrl: 'https://gw.example.com' }, `${free} From elsewhere: https://gw.example.com/?key=made`],
    [{ host: '0.0.0.0' }, `${free} From elsewhere: http://ADDRESS-OF-THIS-MACHINE:5050/?key=made`],
    [{ host: '::', port: 80 }, `${free} From elsewhere: http://ADDRESS-OF-THIS-MACHINE:80/?key=made`],
    // Nobody is local there: what listens is no loopback address.
    [{ host: '192.0.2.7' }, 'The console: http://192.0.2.7:5050/?key=made'],
    [{ host: '2001:db8::7' }, 'The console: http://[2001:db8::7]:5050/?key=made'],
  ])('has an address that reaches it, with the key: %j', (changes, expected) => {
    expect(line(changes)).toBe(expected);
  });

  it.each(['127.0.0.1', 'localhost', '::1'])('has none where no other machine reaches HOST %s', (host) => {
    expect(line({ host })).toMatch(new RegExp(`^${free} Through a proxy or a tunnel .*: /\\?key=made$`));
    expect(line({ host })).not.toContain('http');
  });
});
