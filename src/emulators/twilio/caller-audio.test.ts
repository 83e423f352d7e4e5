import { describe, expect, it } from 'vitest';
import { levelDbfs } from '../../audio/level.ts';
import { sine } from '../../audio/tones.ts';
import { writeWav } from '../../audio/wav.ts';
import {
  audioFromMulaw,
  audioFromWav,
  frameBytes,
  generateSpeech,
  lineNoise,
  samplesOf,
  silenceFrame,
} from './caller-audio.ts';

describe('what a caller says', () => {
  it('is generated so that an energy detector hears a voice in every 20 ms of it', () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const samples = samplesOf(generateSpeech(2000, seed));
      expect(samples.length).toBe(16_000);
      for (let at = 0; at < samples.length; at += frameBytes) {
        expect(levelDbfs(samples.subarray(at, at + frameBytes))).toBeGreaterThan(-36);
      }
      expect(levelDbfs(samples)).toBeGreaterThan(-25);
      expect(levelDbfs(samples)).toBeLessThan(-8);
    }
  });

  it('is the same for the same seed and another for another', () => {
    expect(generateSpeech(300, 7).frames).toEqual(generateSpeech(300, 7).frames);
    expect(generateSpeech(300, 7).frames).not.toEqual(generateSpeech(300, 8).frames);
  });

  it('can come from a WAV file of another rate, cut to where the voice is', () => {
    const tone = sine(440, 400, 24_000);
    const padded = new Int16Array(24_000);
    padded.set(tone, 9_600);
    const audio = audioFromWav(writeWav({ sampleRate: 24_000, channels: [padded] }));
    expect(audio.durationMs).toBeGreaterThanOrEqual(400);
    expect(audio.durationMs).toBeLessThanOrEqual(420);
    expect(levelDbfs(samplesOf(audio).subarray(0, 3000))).toBeCloseTo(-13, 0);
  });

  it('is cut into frames of 160 bytes, the last one filled up with silence', () => {
    const audio = audioFromMulaw(new Uint8Array(200));
    expect(audio.frames.map((frame) => Buffer.from(frame, 'base64').length)).toEqual([160, 160]);
    expect(Buffer.from(audio.frames[1] ?? '', 'base64').subarray(40)).toEqual(Buffer.alloc(120, 0xff));
  });

  it('leaves a line that is silent or faintly noisy, never loud enough for a voice', () => {
    expect(Buffer.from(silenceFrame, 'base64')).toEqual(Buffer.alloc(160, 0xff));
    const level = levelDbfs(samplesOf(lineNoise()));
    expect(level).toBeGreaterThan(-70);
    expect(level).toBeLessThan(-55);
  });
});
