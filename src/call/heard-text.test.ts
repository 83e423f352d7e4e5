import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeardText } from './heard-text.ts';

const delta = fc.record({
  text: fc.constantFrom('one ', 'two', ' three, ', 'é', ' ', 'a much longer word sequence '),
  audioMs: fc.integer({ min: 0, max: 3000 }),
});

describe('the words that were heard', () => {
  it('begin the text, end with a word, and never get fewer when more is heard', () => {
    fc.assert(
      fc.property(fc.array(delta, { maxLength: 30 }), fc.boolean(), (deltas, complete) => {
        const words = new HeardText();
        let generatedMs = 0;
        for (const { text, audioMs } of deltas) {
          words.append(text, generatedMs);
          generatedMs += audioMs;
        }
        let before = '';
        for (let heardMs = 0; heardMs <= generatedMs; heardMs += Math.max(1, generatedMs / 23)) {
          const heard = words.until(heardMs, generatedMs, complete);
          expect(words.text.startsWith(heard)).toBe(true);
          expect(heard.length).toBeGreaterThanOrEqual(before.length);
          // Nothing is cut inside a word.
          expect(/^\S/.test(words.text.slice(heard.length)) && /\S$/.test(heard)).toBe(false);
          before = heard;
        }
        if (complete && generatedMs > 0) expect(words.until(generatedMs, generatedMs, true)).toBe(words.text);
      }),
      { numRuns: 300 },
    );
  });

  it('follow the pace of the speaker where text and audio came in step', () => {
    const words = new HeardText();
    // Slow at first: ten characters in 1.2 s, then twenty in 1.2 s.
    words.append('Well, now ', 0);
    words.append('let us see what is up', 1200);
    expect(words.until(1200, 2400, true)).toBe('Well, now');
    expect(words.until(1000, 2400, true)).toBe('Well,');
  });

  it('are not pressed into the little audio there is while the text runs ahead', () => {
    const words = new HeardText();
    words.append('one two three four five six seven eight nine ten', 0);
    expect(words.until(400, 400, false)).toBe('one');
  });
});
