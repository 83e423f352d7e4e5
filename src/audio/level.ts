/** Silence measures as this rather than as minus infinity. */
export const floorDbfs = -100;

/** `rms` of 16-bit samples as dB below full scale (a square wave of 32768 is 0, a full sine is -3.01). */
export function rmsToDbfs(rms: number): number {
  return Math.max(floorDbfs, 20 * Math.log10(rms / 32768));
}

/** RMS level in dBFS; -100 for silence and for no samples at all. */
export function levelDbfs(samples: Int16Array): number {
  if (samples.length === 0) return floorDbfs;
  let sum = 0;
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i] as number;
    sum += sample * sample;
  }
  return rmsToDbfs(Math.sqrt(sum / samples.length));
}

/** The largest magnitude, 0 to 32768. */
export function peak(samples: Int16Array): number {
  let largest = 0;
  for (let i = 0; i < samples.length; i++) largest = Math.max(largest, Math.abs(samples[i] as number));
  return largest;
}
