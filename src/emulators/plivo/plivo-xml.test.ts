import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pcm16At, pcmu8k } from '../../audio/format.ts';
import { PatchcordError } from '../../base/errors.ts';
import { readPlivoXml } from './plivo-xml.ts';

const stream = (attributes: string, url = 'wss://gw.example.com/m') =>
  readPlivoXml(`<Response><Stream ${attributes}>${url}</Stream></Response>`);

describe('readPlivoXml', () => {
  it('reads a stream with everything that it may have', () => {
    const [verb] = stream(
      'bidirectional="true" keepCallAlive="true" audioTrack="inbound" contentType="audio/x-mulaw;rate=8000" ' +
        'streamTimeout="60" statusCallbackUrl="https://gw.example.com/s" statusCallbackMethod="GET" extraHeaders="a=1,b=2"',
      'wss://gw.example.com/m?a=1&amp;b=2',
    );
    expect(verb).toEqual({
      verb: 'stream',
      url: 'wss://gw.example.com/m?a=1&b=2',
      bidirectional: true,
      keepCallAlive: true,
      format: pcmu8k,
      timeoutMs: 60_000,
      statusCallbackUrl: 'https://gw.example.com/s',
      statusCallbackMethod: 'GET',
      extraHeaders: 'a=1,b=2',
    });
  });

  it('takes what Plivo takes where nothing is said: L16 at 8 kHz, one direction, a call that goes on', () => {
    expect(stream('')).toMatchObject([
      {
        format: pcm16At(8000),
        bidirectional: false,
        keepCallAlive: false,
        timeoutMs: 86_400_000,
        extraHeaders: '',
      },
    ]);
  });

  it('reads the verbs around it', () => {
    const xml =
      '<Response><Speak>Hello</Speak><Wait length="2"/><Dial><Number>15551230000</Number></Dial><Play>x</Play>' +
      '<Redirect method="GET">/next</Redirect><Hangup reason="busy"/><Hangup/><Stram/></Response>';
    expect(readPlivoXml(xml)).toEqual([
      { verb: 'speak', text: 'Hello' },
      { verb: 'wait', lengthMs: 2000 },
      { verb: 'dial', numbers: ['15551230000'] },
      { verb: 'noted', name: 'Play' },
      { verb: 'redirect', url: '/next', method: 'GET' },
      { verb: 'hangup', reason: 'busy' },
      { verb: 'hangup', reason: undefined },
      { verb: 'unknown', name: 'Stram' },
    ]);
  });

  it.each([
    ['hello', 'XML'],
    ['<Reponse/>', 'root'],
    ['<Response><Stream></Stream></Response>', 'without an address'],
    ['<Response><Stream url="wss://x"/></Response>', 'without an address'],
    ['<Response><Redirect/></Response>', 'without a URL'],
    ['<Response><Wait length="soon"/></Response>', 'no positive number'],
  ])('refuses %s', (xml, why) => {
    expect(() => readPlivoXml(xml)).toThrow(why);
  });

  it.each([
    ['contentType="audio/x-mulaw"', 'contentType'],
    ['bidirectional="yes"', 'bidirectional'],
    ['bidirectional="true" audioTrack="both"', 'audioTrack'],
    ['extraHeaders="token=a-b"', 'letters and digits'],
    ['extraHeaders="token"', 'letters and digits'],
    [`extraHeaders="token=${'a'.repeat(510)}"`, '512'],
    ['streamTimeout="0"', 'no positive number'],
  ])('refuses a stream with %s', (attributes, why) => {
    expect(() => stream(attributes)).toThrow(why);
  });

  it('never fails in another way, whatever a gateway answers', () => {
    const piece = fc.constantFrom(
      '<Response>',
      '</Response>',
      '<Stream',
      '>',
      '/>',
      ' bidirectional="',
      '"',
      'wss://x',
      '&',
      '<',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 5 })), { maxLength: 12 }), (pieces) => {
        try {
          readPlivoXml(pieces.join(''));
        } catch (error) {
          expect(error).toBeInstanceOf(PatchcordError);
        }
      }),
      { numRuns: 10_000 },
    );
  });
});
