import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeSamples } from '../../audio/convert.ts';
import { type AudioFormat, pcm16At, pcma8k, pcmu8k } from '../../audio/format.ts';
import { Resampler } from '../../audio/resample.ts';
import { sine } from '../../audio/tones.ts';
import { readWav } from '../../audio/wav.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { DisguiseCheck } from './disguise.ts';

const file = join(import.meta.dirname, '../../../assets/demo-voice/greeting.wav');
const slin = pcm16At(8000);

/** About eight seconds of speech at 8 kHz. */
function speech(loudness = 1): Int16Array {
  const { sampleRate, channels } = readWav(readFileSync(file));
  const [samples = new Int16Array(0)] = channels;
  const narrow = sampleRate === 8000 ? samples : new Resampler(sampleRate, 8000).process(samples);
  return narrow.map((sample) => Math.round(sample * loudness));
}

/** After how many milliseconds of frames, one each `everyMs`, the check is sure; undefined: it never is. */
function foundAfterMs(
  samples: Int16Array,
  format: AudioFormat,
  frameBytes: number,
  everyMs: number,
): number | undefined {
  const clock = new VirtualClock();
  const check = new DisguiseCheck(clock);
  const bytes = encodeSamples(samples, format);
  for (let at = 0; at + frameBytes <= bytes.length; at += frameBytes) {
    // The jitter of a phone: up to 4 ms early or late.
    clock.advance(everyMs + ((at / frameBytes) % 3) * 4 - 4);
    if (check.isG711(bytes.subarray(at, at + frameBytes))) return Math.round(clock.now());
  }
  return undefined;
}

describe('G.711 that is called slin', () => {
  it.each<[string, Int16Array, AudioFormat, number, number]>([
    ['µ-law', speech(), pcmu8k, 160, 20],
    ['quiet µ-law', speech(0.05), pcmu8k, 160, 20],
    ['A-law', speech(), pcma8k, 160, 20],
    ['µ-law in 30 ms frames', speech(), pcmu8k, 240, 30],
    ['µ-law in 40 ms frames, as long as those of slin', speech(), pcmu8k, 320, 40],
    ['a tone', sine(440, 3000, 8000), pcmu8k, 160, 20],
  ])('is found within two seconds: %s', (_, samples, format, frameBytes, everyMs) => {
    expect(foundAfterMs(samples, format, frameBytes, everyMs)).toBeLessThan(2100);
  });

  it('waits for something to hear', () => {
    expect(foundAfterMs(new Int16Array(80_000), pcmu8k, 160, 20)).toBeUndefined();
  });
});

describe('slin', () => {
  it('is not taken for G.711 where it is smooth itself and is read late, as by a gateway that is behind', () => {
    // Two levels, each held for three samples or more: their bytes are smooth as G.711 too.
    const levels = Int16Array.from({ length: 80_000 }, (_, at) => ((at / 3) & 4 ? 6000 : -6000));
    expect(foundAfterMs(levels, slin, 320, 40)).toBeUndefined();
  });

  it.each<[string, number, number]>([
    ['in 20 ms frames', 320, 20],
    ['of a 10 ms phone', 160, 10],
    ['of a 60 ms phone', 960, 60],
    ['of a phone that leaves out half of its frames', 160, 20],
    ['all at once', 160, 0.01],
  ])('is never taken for it: %s', (_, frameBytes, everyMs) => {
    for (const loudness of [1, 0.25, 0.05, 0.01]) {
      expect(foundAfterMs(speech(loudness), slin, frameBytes, everyMs)).toBeUndefined();
    }
  });

  it('may change the length of its frames at every frame', () => {
    const clock = new VirtualClock();
    const check = new DisguiseCheck(clock);
    for (let i = 0; i < 200; i++) {
      clock.advance(20);
      expect(check.isG711(Buffer.alloc(160 + (i % 2) * 2, 0x55))).toBe(false);
    }
  });
});
