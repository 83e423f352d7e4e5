import { floorDbfs } from '../src/audio/level.ts';
import { detectTone, sine } from '../src/audio/tones.ts';

/** Resamples a whole signal from `fromRate` to `toRate`, aligned and without a missing end. */
export type Resample = (input: Int16Array, fromRate: number, toRate: number) => Int16Array;

export interface ResamplerQuality {
  /** How far below a tone its loudest alias or image is, in the pass band or above the transition. */
  readonly rejectionDb: number;
  /** The largest change of level in the pass band. */
  readonly rippleDb: number;
  /** How long before an impulse its response begins, down to one unit of 16 bits: what a stream must wait. */
  readonly lookAheadMs: number;
}

const toneMs = 200;
/** What is measured of each tone: the middle, clear of the joints. */
const measuredMs = 150;
const toneDbfs = -6;
/** Tones nearer than this to the wanted one are not told from it. */
const guardHz = 150;

/** The highest frequency that the pair of rates must keep: telephone band, 7 kHz wide band, and so on. */
export function passBandHz(fromRate: number, toRate: number): number {
  const lower = Math.min(fromRate, toRate);
  return lower === 8000 ? 3400 : (lower * 7) / 16;
}

/** Sends tones over the whole input band and an impulse through `resample` and looks at what comes out. */
export function measureQuality(resample: Resample, fromRate: number, toRate: number): ResamplerQuality {
  const passHz = passBandHz(fromRate, toRate);
  const stopHz = Math.min(fromRate, toRate) - passHz;
  const probes = [passHz, stopHz];
  for (let hz = 50; hz < fromRate / 2; hz += 90) probes.push(hz);
  const usable = probes.filter((hz) => hz < fromRate / 2);
  const output = resample(join(usable.map((hz) => sine(hz, toneMs, fromRate, toneDbfs))), fromRate, toRate);
  let loudestDbfs = floorDbfs;
  let rippleDb = 0;
  usable.forEach((hz, index) => {
    const start = ((index * toneMs + (toneMs - measuredMs) / 2) * toRate) / 1000;
    const heard = output.subarray(start, start + (measuredMs * toRate) / 1000);
    if (hz <= passHz) rippleDb = Math.max(rippleDb, Math.abs(detectTone(heard, toRate, hz) - toneDbfs));
    for (const unwanted of unwantedHz(hz, fromRate, toRate)) {
      loudestDbfs = Math.max(loudestDbfs, detectTone(heard, toRate, unwanted));
    }
  });
  return {
    rejectionDb: toneDbfs - loudestDbfs,
    rippleDb,
    lookAheadMs: lookAhead(resample, fromRate, toRate),
  };
}

/** Where a tone's images and aliases come to lie; the transition about half the lower rate does not count. */
function unwantedHz(hz: number, fromRate: number, toRate: number): number[] {
  const passHz = passBandHz(fromRate, toRate);
  const stopHz = Math.min(fromRate, toRate) - passHz;
  const images = [hz];
  for (let centre = fromRate; centre <= 3 * Math.max(fromRate, toRate); centre += fromRate) {
    images.push(centre - hz, centre + hz);
  }
  return images
    .map((image) => Math.abs(image - Math.round(image / toRate) * toRate))
    .filter((folded) => folded <= passHz || folded >= stopHz)
    .filter((folded) => hz > passHz || Math.abs(folded - hz) > guardHz);
}

function lookAhead(resample: Resample, fromRate: number, toRate: number): number {
  // Some places of the impulse meet only zeros of the filter.
  const leads = [0, 1, 2, 3, 4, 5].map((shift) => {
    const at = fromRate / 2 + shift;
    const impulse = new Int16Array(fromRate);
    impulse[at] = 32767;
    const start = resample(impulse, fromRate, toRate).findIndex((sample) => sample !== 0);
    return (at / fromRate - start / toRate) * 1000;
  });
  return Math.max(...leads);
}

function join(parts: readonly Int16Array[]): Int16Array {
  const whole = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
