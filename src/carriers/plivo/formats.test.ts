import { describe, expect, it } from 'vitest';
import { pcm16At, pcmu8k } from '../../audio/format.ts';
import { formatOf, playbackOf } from './formats.ts';

describe('a format', () => {
  it('is read as the XML and as `start` write it', () => {
    expect(formatOf('audio/x-mulaw;rate=8000')).toEqual(pcmu8k);
    expect(formatOf('audio/x-l16;rate=8000')).toEqual(pcm16At(8000));
    expect(formatOf('audio/x-l16;rate=16000')).toEqual(pcm16At(16_000));
    expect(formatOf('audio/x-mulaw', 8000)).toEqual(pcmu8k);
    expect(formatOf('Audio/X-L16', 16_000)).toEqual(pcm16At(16_000));
    expect(formatOf('audio/x-l16; rate=16000')).toEqual(pcm16At(16_000));
    expect(formatOf('audio/x-l16')).toEqual(pcm16At(8000));
  });

  it('is none where Plivo has no such thing', () => {
    for (const [encoding, rate] of [
      ['audio/x-mulaw', 16_000],
      ['audio/x-l16', 44_100],
      ['audio/x-l16', Number.NaN],
      ['audio/x-l16;rate=x', undefined],
      ['audio/opus', 8000],
      ['constructor', 8000],
      ['', undefined],
    ] as const)
      expect(formatOf(encoding, rate), encoding).toBeUndefined();
  });

  it('is sent in chunks that Plivo takes', () => {
    const lengths = [pcmu8k, pcm16At(8000), pcm16At(16_000)].map((f) => playbackOf(f, 9000).delivery);
    expect(lengths).toEqual([
      { leadMs: 9000, maxChunkMs: 1500 },
      { leadMs: 9000, maxChunkMs: 750 },
      { leadMs: 9000, maxChunkMs: 375 },
    ]);
  });
});
