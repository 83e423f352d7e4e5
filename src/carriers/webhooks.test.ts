import { expect, it } from 'vitest';
import { shownUrl } from './webhooks.ts';

it('shows the query that the owner of a number wrote, and nothing of the call or of a token', () => {
  const url = 'https://gw.example.com/incoming-call?tenant=a&From=%2B15550001111&token=abc&CallSid=CA1#x';
  expect(shownUrl(url)).toBe('https://gw.example.com/incoming-call?tenant=a&From=*&token=*&CallSid=*');
  expect(shownUrl('wss://gw.example.com/media-stream')).toBe('wss://gw.example.com/media-stream');
});
