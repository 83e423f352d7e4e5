import { rmsToDbfs } from './level.ts';

export type DtmfDigit =
  | '0'
  | '1'
  | '2'
  | '3'
  | '4'
  | '5'
  | '6'
  | '7'
  | '8'
  | '9'
  | '*'
  | '#'
  | 'A'
  | 'B'
  | 'C'
  | 'D';

const dtmfRowHz = [697, 770, 852, 941] as const;
const dtmfColumnHz = [1209, 1336, 1477, 1633] as const;
const dtmfKeys = ['123A', '456B', '789C', '*0#D'] as const;

/** The low and the high frequency of each digit (ITU-T Q.23). */
export const dtmfHz: Readonly<Record<DtmfDigit, readonly [low: number, high: number]>> = Object.fromEntries(
  dtmfKeys.flatMap((keys, row) =>
    [...keys].map((digit, column) => [digit, [dtmfRowHz[row], dtmfColumnHz[column]]]),
  ),
) as unknown as Record<DtmfDigit, readonly [number, number]>;

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
