import { describe, expect, it } from 'vitest';
import { dialAnswer, emptyAnswer, hangUpAnswer, refuseAnswer, streamAnswer } from './answers.ts';

const declaration = '<?xml version="1.0" encoding="UTF-8"?>';

describe('an answer to Plivo', () => {
  it('streams both ways, alone, and hangs up after it; what stands in it is escaped', () => {
    const answer = streamAnswer({
      url: 'wss://gw.example.com/media-stream?a=1&token=abc',
      token: 'abc',
      contentType: 'audio/x-mulaw;rate=8000',
      statusCallbackUrl: 'https://gw.example.com/callbacks?a="1"&b=2',
    });
    expect(answer).toBe(
      `${declaration}<Response><Stream bidirectional="true" keepCallAlive="true" audioTrack="inbound" ` +
        'contentType="audio/x-mulaw;rate=8000" ' +
        'statusCallbackUrl="https://gw.example.com/callbacks?a=&quot;1&quot;&amp;b=2" statusCallbackMethod="POST" ' +
        'extraHeaders="token=abc">wss://gw.example.com/media-stream?a=1&amp;token=abc</Stream><Hangup/></Response>',
    );
  });

  it('speaks, hangs up, or has nothing to say', () => {
    expect(refuseAnswer('No <calls> today')).toBe(
      `${declaration}<Response><Speak>No &lt;calls&gt; today</Speak><Hangup/></Response>`,
    );
    expect(hangUpAnswer()).toBe(`${declaration}<Response><Hangup/></Response>`);
    expect(emptyAnswer()).toBe(`${declaration}<Response/>`);
  });

  it('dials a number or a SIP address and nothing else', () => {
    expect(dialAnswer({ to: '+15550003333', callerId: '+15550002222' })).toBe(
      `${declaration}<Response><Dial callerId="15550002222"><Number>15550003333</Number></Dial><Hangup/></Response>`,
    );
    expect(dialAnswer({ to: 'sip:desk@example.com;a=1&b' })).toContain(
      '<Dial><User>sip:desk@example.com;a=1&amp;b</User></Dial>',
    );
    for (const to of ['15550003333', 'desk', '+1', 'sip:a b', 'sip:a><Hangup/>', ''])
      expect(dialAnswer({ to }), to).toBeUndefined();
  });
});
