import { encodeSamples } from '../../audio/convert.ts';
import { type AudioFormat, bytesPerMs, describeFormat, silenceByte } from '../../audio/format.ts';
import { Resampler } from '../../audio/resample.ts';
import { readWav } from '../../audio/wav.ts';
import { SeededRandom } from '../seeded-random.ts';

/** A caller is heard in frames of this length, whatever the carrier. */
export const frameMs = 20;
const telephoneRate = 8000;
/** Below this a sample is taken for silence when the ends of a recording are trimmed: about -44 dBFS. */
const trimBelow = 200;

/** 160 for G.711, 640 for pcm16 at 16 kHz. */
export function bytesPerFrame(format: AudioFormat): number {
  return bytesPerMs(format) * frameMs;
}

export function silenceFrame(format: AudioFormat): Buffer {
  return Buffer.alloc(bytesPerFrame(format), silenceByte(format));
}

/** Something a caller says: 20 ms frames in any format, made once for each and shared by all calls. */
export class CallerAudio {
  readonly durationMs: number;
  readonly #samplesAt: (sampleRate: number) => Int16Array;
  readonly #frames = new Map<string, readonly Buffer[]>();

  /** `samplesAt` gives the same sound at 8, 16, 24 and 48 kHz. */
  constructor(lengthMs: number, samplesAt: (sampleRate: number) => Int16Array) {
    this.durationMs = Math.ceil(lengthMs / frameMs) * frameMs;
    this.#samplesAt = samplesAt;
  }

  /** The last frame is filled up with silence. */
  framesIn(format: AudioFormat): readonly Buffer[] {
    const key = describeFormat(format);
    const known = this.#frames.get(key);
    if (known !== undefined) return known;
    const made = framesOf(encodeSamples(this.#samplesAt(format.sampleRate), format), format);
    this.#frames.set(key, made);
    return made;
  }
}

/** Faint line noise (about -60 dBFS) to be repeated. */
export function lineNoise(seed = 1, frames = 50): CallerAudio {
  return new CallerAudio(frames * frameMs, (sampleRate) => {
    const random = new SeededRandom(seed);
    const length = (frames * frameMs * sampleRate) / 1000;
    return Int16Array.from({ length }, () => random.between(-56, 56));
  });
}

export function audioFromSamples(samples: Int16Array, sampleRate: number): CallerAudio {
  const lengthMs = (samples.length * 1000) / sampleRate;
  return new CallerAudio(lengthMs, (wanted) => atRate(samples, sampleRate, wanted));
}

/**
 * A WAV file as a caller would say it: first channel, silence at both ends cut off so that the first frame is the
 * moment the caller starts to speak. Throws PATCHCORD_AUDIO_MALFORMED or PATCHCORD_AUDIO_FORMAT.
 */
export function audioFromWav(file: Uint8Array): CallerAudio {
  const wav = readWav(file);
  const samples = trimSilence(wav.channels[0] ?? new Int16Array(0));
  // A rate that can't be converted is told now, not in the middle of a call.
  atRate(samples, wav.sampleRate, telephoneRate);
  return audioFromSamples(samples, wav.sampleRate);
}

/**
 * Speech-like sound that voice detection by energy takes for a voice: a pitch that wanders between 95 and 180 Hz,
 * harmonics weighted by two wandering formants, a syllable rhythm of about 4 Hz that never falls silent.
 * About -17 dBFS. The same seed gives the same utterance.
 */
export function generateSpeech(durationMs: number, seed = 1): CallerAudio {
  return new CallerAudio(durationMs, (sampleRate) => speechSamples(durationMs, seed, sampleRate));
}

function speechSamples(durationMs: number, seed: number, sampleRate: number): Int16Array {
  const random = new SeededRandom(seed);
  const samples = new Int16Array(Math.round((durationMs * sampleRate) / 1000));
  const syllableHz = random.between(3.5, 4.5);
  const driftHz = random.between(0.4, 0.7);
  const pitchHz = random.between(115, 150);
  const edgeSamples = sampleRate / 200;
  let phase = 0;
  for (let at = 0; at < samples.length; at++) {
    const seconds = at / sampleRate;
    const drift = Math.sin(2 * Math.PI * driftHz * seconds);
    const hz = pitchHz * (1 + 0.17 * drift);
    phase += (2 * Math.PI * hz) / sampleRate;
    const firstFormantHz = 550 + 200 * Math.sin(2 * Math.PI * syllableHz * 0.5 * seconds);
    const secondFormantHz = 1500 + 500 * drift;
    let voice = 0;
    for (let harmonic = 1; harmonic <= 20; harmonic++) {
      const near = resonance(harmonic * hz, firstFormantHz) + 0.5 * resonance(harmonic * hz, secondFormantHz);
      voice += (near + 0.05) * Math.sin(harmonic * phase);
    }
    const syllable = 0.45 + 0.55 * Math.abs(Math.sin(Math.PI * syllableHz * seconds + 0.8));
    const edge = Math.min(1, at / edgeSamples, (samples.length - 1 - at) / edgeSamples);
    samples[at] = Math.max(-32_000, Math.min(32_000, voice * syllable * edge * 5500));
  }
  return samples;
}

function framesOf(bytes: Buffer, format: AudioFormat): Buffer[] {
  const frames: Buffer[] = [];
  const size = bytesPerFrame(format);
  for (let at = 0; at < bytes.length; at += size) {
    const frame = silenceFrame(format);
    frame.set(bytes.subarray(at, at + size));
    frames.push(frame);
  }
  return frames;
}

function resonance(hz: number, formantHz: number): number {
  const distance = (hz - formantHz) / 120;
  return 1 / (1 + distance * distance);
}

function atRate(samples: Int16Array, from: number, to: number): Int16Array {
  if (from === to) return samples;
  const resampler = new Resampler(from, to);
  const body = resampler.process(samples);
  const rest = resampler.flush();
  const joined = new Int16Array(body.length + rest.length);
  joined.set(body);
  joined.set(rest, body.length);
  return joined;
}

function trimSilence(samples: Int16Array): Int16Array {
  const loud = (sample: number) => Math.abs(sample) >= trimBelow;
  const first = samples.findIndex(loud);
  return first === -1 ? samples : samples.subarray(first, samples.findLastIndex(loud) + 1);
}
