import { describe, expect, it } from 'vitest';
import { decodeSamples } from './convert.ts';
import {
  bytesPerMs,
  bytesPerSample,
  describeFormat,
  pcm16At,
  pcma8k,
  pcmu8k,
  sameFormat,
  silenceByte,
} from './format.ts';

const formats = [pcmu8k, pcma8k, pcm16At(8000), pcm16At(24000)];

describe('audio formats', () => {
  it('measure 20 ms as every carrier and model does', () => {
    expect(formats.map((format) => 20 * bytesPerMs(format))).toEqual([160, 160, 320, 960]);
    expect(formats.map(bytesPerSample)).toEqual([1, 1, 2, 2]);
  });

  it('are the same only where encoding and rate are', () => {
    for (const a of formats) {
      for (const b of formats) expect(sameFormat(a, { ...b })).toBe(a === b);
    }
  });

  it('have a name for logs', () => {
    expect(formats.map(describeFormat)).toEqual(['pcmu/8000', 'pcma/8000', 'pcm16/8000', 'pcm16/24000']);
  });

  it('fill a gap with a byte that is as silent as the encoding can be', () => {
    const quietest = formats.map(
      (format) => decodeSamples(new Uint8Array(2).fill(silenceByte(format)), format)[0],
    );
    // A-law has no zero: its smallest step is 8.
    expect(quietest).toEqual([0, 8, 0, 0]);
  });
});
