import { rmsToDbfs } from './level.ts';

/** The low and the high frequency of each digit (ITU-T Q.23). */
export const dtmfHz = {
  1: [697, 1209],
  2: [697, 1336],
  3: [697, 1477],
  A: [697, 1633],
  4: [770, 1209],
  5: [770, 1336],
  6: [770, 1477],
  B: [770, 1633],
  7: [852, 1209],
  8: [852, 1336],
  9: [852, 1477],
  C: [852, 1633],
  '*': [941, 1209],
  0: [941, 1336],
  '#': [941, 1477],
  D: [941, 1633],
} as const;

export type DtmfDigit = `${keyof typeof dtmfHz}`;

/** `levelDbfs` is the RMS level of the tone; -3.01 is the loudest that does not clip. */
export function sine(hz: number, durationMs: number, sampleRate: number, levelDbfs = -13): Int16Array {
  return mix([hz], durationMs, sampleRate, levelDbfs);
}

/** A digit as the two tones of ITU-T Q.23, each at `levelDbfs` (RMS; above -9 the two together clip). */
export function dtmf(digit: DtmfDigit, durationMs: number, sampleRate: number, levelDbfs = -13): Int16Array {
  return mix(dtmfHz[digit], durationMs, sampleRate, levelDbfs);
}

export function silence(durationMs: number, sampleRate: number): Int16Array {
  return new Int16Array(sampleCount(durationMs, sampleRate));
}

/**
 * How loud one frequency is, as the RMS level in dBFS of a sine of that frequency (Goertzel's recurrence under
 * a Hann window). Tells tones apart that lie more than `2000 / durationMs` Hz from each other.
 */
export function detectTone(samples: Int16Array, sampleRate: number, hz: number): number {
  const count = samples.length;
  const step = (2 * Math.PI) / count;
  const coefficient = 2 * Math.cos((2 * Math.PI * hz) / sampleRate);
  let last = 0;
  let beforeLast = 0;
  for (let i = 0; i < count; i++) {
    const windowed = (samples[i] as number) * (1 - Math.cos(step * (i + 0.5)));
    const next = windowed + coefficient * last - beforeLast;
    beforeLast = last;
    last = next;
  }
  const power = last * last + beforeLast * beforeLast - coefficient * last * beforeLast;
  return rmsToDbfs(count === 0 ? 0 : Math.sqrt(2 * Math.max(0, power)) / count);
}

function mix(
  frequencies: readonly number[],
  durationMs: number,
  sampleRate: number,
  levelDbfs: number,
): Int16Array {
  const amplitude = 32768 * Math.SQRT2 * 10 ** (levelDbfs / 20);
  return Int16Array.from({ length: sampleCount(durationMs, sampleRate) }, (_, i) => {
    let sum = 0;
    for (const hz of frequencies) sum += Math.sin((2 * Math.PI * hz * i) / sampleRate);
    return Math.max(-32768, Math.min(32767, Math.round(amplitude * sum)));
  });
}

function sampleCount(durationMs: number, sampleRate: number): number {
  return Math.round((durationMs * sampleRate) / 1000);
}
