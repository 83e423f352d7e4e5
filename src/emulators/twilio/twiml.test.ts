import fc from 'fast-check';
import twilio from 'twilio';
import { describe, expect, it } from 'vitest';
import { PatchcordError } from '../../base/errors.ts';
import { readTwiml } from './twiml.ts';

const response = (inside: string) =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<Response>${inside}</Response>\n`;

describe('readTwiml', () => {
  it('reads a stream with its parameters and the verbs around it', () => {
    const verbs = readTwiml(
      response(`<Say>Hello &amp; welcome</Say><Pause length="2"/>
        <Connect action="https://gw/after"><!-- the stream --><Stream url='wss://gw.example.com/media-stream' name="s1">
          <Parameter name="token" value="a&quot;b&#x41;&#66;"/><Parameter name="empty" value=""/>
        </Stream></Connect><Hangup/>`),
    );
    expect(verbs).toEqual([
      { verb: 'say', text: 'Hello & welcome' },
      { verb: 'pause', lengthMs: 2000 },
      {
        verb: 'connect',
        url: 'wss://gw.example.com/media-stream',
        name: 's1',
        action: 'https://gw/after',
        parameters: Object.assign(Object.create(null), { token: 'a"bAB', empty: '' }),
        statusCallback: undefined,
      },
      { verb: 'hangup' },
    ]);
  });

  it('notes a rejection, a redirect, verbs it does not play and verbs that do not exist', () => {
    expect(
      readTwiml(response('<Reject reason="busy"/><Redirect>https://x/y</Redirect><Dial>+1</Dial><Halt/>')),
    ).toEqual([
      { verb: 'reject', reason: 'busy' },
      { verb: 'redirect', url: 'https://x/y' },
      { verb: 'noted', name: 'Dial' },
      { verb: 'unknown', name: 'Halt' },
    ]);
  });

  it("reads back whatever Twilio's own library writes", () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }).filter(isXmlText);
    fc.assert(
      fc.property(text, text, (name, value) => {
        const written = new twilio.twiml.VoiceResponse();
        const stream = written.connect().stream({ url: 'wss://gw.example.com/media' });
        stream.parameter({ name, value });
        const [verb] = readTwiml(written.toString());
        expect(verb?.verb === 'connect' && { ...verb.parameters }).toEqual({ [name]: value });
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ['nothing', ''],
    ['JSON', '{"Response":{}}'],
    ['another root', '<Html></Html>'],
    ['an open tag', '<Response><Hangup></Response>'],
    ['two roots', '<Response/><Response/>'],
    ['an unquoted attribute', '<Response><Pause length=2/></Response>'],
    ['an attribute twice', '<Response><Pause length="1" length="2"/></Response>'],
    ['a bare ampersand', '<Response><Redirect>https://x?a=1&b=2</Redirect></Response>'],
    ['an unknown entity', '<Response><Say>&nbsp;</Say></Response>'],
    ['a document type', '<!DOCTYPE x [<!ENTITY a "b">]><Response/>'],
    ['a stream without url', '<Response><Connect><Stream/></Connect></Response>'],
    ['two streams', '<Response><Connect><Stream url="wss://a"/><Stream url="wss://b"/></Connect></Response>'],
    [
      'a track that is not for Connect',
      '<Response><Connect><Stream url="wss://a" track="both_tracks"/></Connect></Response>',
    ],
    [
      'a parameter without value',
      '<Response><Connect><Stream url="wss://a"><Parameter name="x"/></Stream></Connect></Response>',
    ],
    ['endless nesting', `${'<Response>'.repeat(500)}`],
  ])('refuses %s', (_what, text) => {
    expect(() => readTwiml(text)).toThrow(PatchcordError);
  });

  it('never fails in another way, whatever a gateway answers', () => {
    const piece = fc.constantFrom(
      ...'<Response> </Response> <Connect> </Connect> <Stream url="wss://a" /> > < & ; &amp; &#x0; " \' = <!-- --> <![CDATA[ ]]> <? ?> a'.split(
        ' ',
      ),
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(text, (foreign) => {
        try {
          readTwiml(foreign);
        } catch (error) {
          expect(error).toBeInstanceOf(PatchcordError);
        }
      }),
      { numRuns: 20_000 },
    );
  });
});

/** XML 1.0, section 2.2: characters a document may hold; line ends and tabs are normalised, so they are left out. */
function isXmlText(text: string): boolean {
  return [...text].every((character) => {
    const code = character.codePointAt(0) ?? 0;
    return code >= 0x20 && !(code >= 0xd800 && code <= 0xdfff) && code !== 0xfffe && code !== 0xffff;
  });
}
