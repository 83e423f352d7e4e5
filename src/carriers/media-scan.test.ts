import { expect, it } from 'vitest';
import { scanMedia } from './media-scan.ts';

it('takes the keys in any order', () => {
  const frame = Buffer.from(
    '{"media":{"payload":"AAAA","timestamp":7,"track":"inbound"},"streamSid":"MZ","event":"media"}',
  );
  expect(scanMedia(frame)).toMatchObject({ inbound: true, timestampMs: 7 });
});

it.each([
  ['an escape', '{"event":"media","media":{"payload":"AA\\u0041A"}}'],
  ['whitespace', '{"event": "media","media":{"payload":"AAAA"}}'],
  ['a key twice', '{"event":"media","media":{"payload":"AAAA","payload":"BBBB"}}'],
  ['a body twice', '{"event":"media","media":{"payload":"AAAA"},"media":{"payload":"BBBB"}}'],
  ['an event twice', '{"event":"media","event":"mark","media":{"payload":"AAAA"}}'],
  ['another track', '{"event":"media","media":{"track":"outbound","payload":"AAAA"}}'],
  ['something behind it', '{"event":"media","media":{"payload":"AAAA"}}x'],
  ['a missing end', '{"event":"media","media":{"payload":"AAAA"}'],
  ['a leading zero', '{"event":"media","media":{"timestamp":07,"payload":"AAAA"}}'],
])('leaves %s to the parser', (_what, text) => {
  expect(scanMedia(Buffer.from(text))).toBeUndefined();
});
