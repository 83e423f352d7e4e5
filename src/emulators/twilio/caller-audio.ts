import { decodeMulaw, encodeMulaw } from '../../audio/g711.ts';
import { Resampler } from '../../audio/resample.ts';
import { readWav } from '../../audio/wav.ts';
import { SeededRandom } from '../seeded-random.ts';

/** Twilio sends G.711 µ-law in messages of 20 ms. */
export const frameMs = 20;
export const frameBytes = 160;
const sampleRate = 8000;
const mulawSilence = 0xff;
/** Below this a sample is taken for silence when the ends of a recording are trimmed: about -44 dBFS. */
const trimBelow = 200;

/** Something a caller says: 20 ms frames as base64, made once and shared by all calls. */
export interface CallerAudio {
  readonly frames: readonly string[];
  readonly durationMs: number;
}

/** One frame of silence, and frames of faint line noise (about -60 dBFS) to be repeated. */
export const silenceFrame = Buffer.alloc(frameBytes, mulawSilence).toString('base64');

export function lineNoise(seed = 1, frames = 50): CallerAudio {
  const random = new SeededRandom(seed);
  const samples = Int16Array.from({ length: (frames * frameBytes) | 0 }, () => random.between(-56, 56));
  return audioFromSamples(samples);
}

/** The last frame is filled up with silence. */
export function audioFromMulaw(mulaw: Uint8Array): CallerAudio {
  const frames: string[] = [];
  for (let at = 0; at < mulaw.length; at += frameBytes) {
    const frame = Buffer.alloc(frameBytes, mulawSilence);
    frame.set(mulaw.subarray(at, at + frameBytes));
    frames.push(frame.toString('base64'));
  }
  return { frames, durationMs: frames.length * frameMs };
}

/**
 * A WAV file as a caller would say it: first channel, 8 kHz, silence at both ends cut off so that the first frame
 * is the moment the caller starts to speak. Throws PATCHCORD_AUDIO_MALFORMED or PATCHCORD_AUDIO_FORMAT.
 */
export function audioFromWav(file: Uint8Array): CallerAudio {
  const wav = readWav(file);
  const channel = wav.channels[0] ?? new Int16Array(0);
  return audioFromSamples(trimSilence(toTelephoneRate(channel, wav.sampleRate)));
}

/**
 * Speech-like sound that voice detection by energy takes for a voice: a pitch that wanders between 95 and 180 Hz,
 * harmonics weighted by two wandering formants, a syllable rhythm of about 4 Hz that never falls silent.
 * About -17 dBFS. The same seed gives the same utterance.
 */
export function generateSpeech(durationMs: number, seed = 1): CallerAudio {
  const random = new SeededRandom(seed);
  const samples = new Int16Array(Math.round((durationMs * sampleRate) / 1000));
  const syllableHz = random.between(3.5, 4.5);
  const driftHz = random.between(0.4, 0.7);
  const pitchHz = random.between(115, 150);
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
    const edge = Math.min(1, at / 40, (samples.length - 1 - at) / 40);
    samples[at] = Math.max(-32_000, Math.min(32_000, voice * syllable * edge * 5500));
  }
  return audioFromSamples(samples);
}

/** The samples back from the frames: for tests and for people who want to listen. */
export function samplesOf(audio: CallerAudio): Int16Array {
  const mulaw = Buffer.concat(audio.frames.map((frame) => Buffer.from(frame, 'base64')));
  const samples = new Int16Array(mulaw.length);
  decodeMulaw(mulaw, samples);
  return samples;
}

function audioFromSamples(samples: Int16Array): CallerAudio {
  const mulaw = new Uint8Array(samples.length);
  encodeMulaw(samples, mulaw);
  return audioFromMulaw(mulaw);
}

function resonance(hz: number, formantHz: number): number {
  const distance = (hz - formantHz) / 120;
  return 1 / (1 + distance * distance);
}

function toTelephoneRate(samples: Int16Array, rate: number): Int16Array {
  if (rate === sampleRate) return samples;
  const resampler = new Resampler(rate, sampleRate);
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
