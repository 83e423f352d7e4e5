import { describe, expect, it } from 'vitest';
import { decodeSamples } from '../../audio/convert.ts';
import { type AudioFormat, pcm16At, pcma8k, pcmu8k } from '../../audio/format.ts';
import { levelDbfs } from '../../audio/level.ts';
import { sine } from '../../audio/tones.ts';
import { writeWav } from '../../audio/wav.ts';
import {
  audioFromSamples,
  audioFromWav,
  bytesPerFrame,
  type CallerAudio,
  generateSpeech,
  lineNoise,
  silenceFrame,
} from './caller-audio.ts';

const formats = [pcmu8k, pcma8k, pcm16At(8000), pcm16At(16_000), pcm16At(24_000), pcm16At(48_000)];

function samplesOf(audio: CallerAudio, format: AudioFormat = pcmu8k): Int16Array {
  return decodeSamples(Buffer.concat(audio.framesIn(format)), format);
}

describe('what a caller says', () => {
  it.each(
    formats,
  )('is generated so that an energy detector hears a voice in every 20 ms of $encoding/$sampleRate', (format) => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const samples = samplesOf(generateSpeech(2000, seed), format);
      expect(samples.length).toBe(2 * format.sampleRate);
      const frame = format.sampleRate / 50;
      for (let at = 0; at < samples.length; at += frame) {
        expect(levelDbfs(samples.subarray(at, at + frame))).toBeGreaterThan(-36);
      }
      expect(levelDbfs(samples)).toBeGreaterThan(-25);
      expect(levelDbfs(samples)).toBeLessThan(-8);
    }
  });

  it('is the same for the same seed and another for another', () => {
    expect(generateSpeech(300, 7).framesIn(pcmu8k)).toEqual(generateSpeech(300, 7).framesIn(pcmu8k));
    expect(generateSpeech(300, 7).framesIn(pcmu8k)).not.toEqual(generateSpeech(300, 8).framesIn(pcmu8k));
  });

  it('is made once for each format', () => {
    const speech = generateSpeech(100);
    expect(speech.framesIn({ encoding: 'pcm16', sampleRate: 16_000 })).toBe(speech.framesIn(pcm16At(16_000)));
  });

  it('can come from a WAV file of another rate, cut to where the voice is', () => {
    const tone = sine(440, 400, 24_000);
    const padded = new Int16Array(24_000);
    padded.set(tone, 9_600);
    const audio = audioFromWav(writeWav({ sampleRate: 24_000, channels: [padded] }));
    expect(audio.durationMs).toBeGreaterThanOrEqual(400);
    expect(audio.durationMs).toBeLessThanOrEqual(420);
    for (const format of formats) {
      const samples = samplesOf(audio, format);
      expect(samples.length).toBe((audio.durationMs * format.sampleRate) / 1000);
      expect(levelDbfs(samples.subarray(0, format.sampleRate * 0.375))).toBeCloseTo(-13, 0);
    }
  });

  it('is refused at once where its rate cannot be converted', () => {
    const file = writeWav({ sampleRate: 11_025, channels: [sine(440, 100, 11_025)] });
    expect(() => audioFromWav(file)).toThrow(expect.objectContaining({ code: 'PATCHCORD_AUDIO_FORMAT' }));
  });

  it('is cut into frames of 20 ms, the last one filled up with silence', () => {
    const audio = audioFromSamples(new Int16Array(200).fill(8000), 8000);
    expect(audio.durationMs).toBe(40);
    for (const format of [pcmu8k, pcma8k, pcm16At(8000)]) {
      const frames = audio.framesIn(format);
      expect(frames.map(({ length }) => length)).toEqual([bytesPerFrame(format), bytesPerFrame(format)]);
      const filledFrom = bytesPerFrame(format) / 4;
      expect(frames[1]?.subarray(filledFrom)).toEqual(silenceFrame(format).subarray(filledFrom));
      expect(frames[1]?.subarray(0, filledFrom)).not.toEqual(silenceFrame(format).subarray(0, filledFrom));
    }
  });

  it('leaves a line that is silent or faintly noisy, never loud enough for a voice', () => {
    expect(silenceFrame(pcmu8k)).toEqual(Buffer.alloc(160, 0xff));
    expect(silenceFrame(pcma8k)).toEqual(Buffer.alloc(160, 0xd5));
    expect(silenceFrame(pcm16At(16_000))).toEqual(Buffer.alloc(640));
    for (const format of [pcmu8k, pcm16At(16_000)]) {
      const level = levelDbfs(samplesOf(lineNoise(), format));
      expect(level).toBeGreaterThan(-70);
      expect(level).toBeLessThan(-55);
    }
  });
});
