import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { element, escapeXml, xmlDocument } from './xml.ts';

describe('written XML', () => {
  it('is nested elements with attributes and text', () => {
    const inner = element('Number', { skip: undefined, timeout: 5 }, '+1555');
    expect(xmlDocument(element('Response', {}, inner, element('Hangup', {})))).toBe(
      '<?xml version="1.0" encoding="UTF-8"?><Response><Number timeout="5">+1555</Number><Hangup/></Response>',
    );
  });

  it('cannot be broken out of', () => {
    expect(element('a', { b: `"'<&>` }, `</a><b c="d">&'`).xml).toBe(
      '<a b="&quot;&apos;&lt;&amp;&gt;">&lt;/a&gt;&lt;b c=&quot;d&quot;&gt;&amp;&apos;</a>',
    );
  });

  it('drops what XML cannot hold', () => {
    expect(escapeXml('a\u0000b\u001fc\ufffed\u{1f600}\te')).toBe('abcd\u{1f600}\te');
  });

  it('has no markup left in any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const escaped = escapeXml(text);
        expect(escaped).not.toMatch(/[<>"']/);
        expect(escaped.replace(/&(amp|lt|gt|quot|apos);/g, '')).not.toContain('&');
      }),
    );
  });
});
