import { sine } from '../../../audio/tones.ts';
import type { Behaviour, ResponsePart } from './behaviour.ts';

export interface ToneOptions {
  readonly durationMs?: number;
  readonly hz?: number;
  readonly levelDbfs?: number;
  /** Default: one word for each 300 ms. */
  readonly transcript?: string;
}

/** Answers everything with a sine: for measurements. */
export function toneBehaviour(options: ToneOptions = {}): Behaviour {
  const { durationMs = 3000, hz = 440, levelDbfs = -16 } = options;
  const words = Array.from(
    { length: Math.max(1, Math.round(durationMs / 300)) },
    (_, index) => `beep${index + 1}`,
  );
  const transcript = options.transcript ?? words.join(' ');
  const byRate = new Map<number, ResponsePart>();
  return {
    name: 'tone',
    respond({ outputSampleRate: sampleRate }) {
      let part = byRate.get(sampleRate);
      if (part === undefined) {
        part = {
          type: 'speech',
          samples: sine(hz, durationMs, sampleRate, levelDbfs),
          sampleRate,
          transcript,
        };
        byRate.set(sampleRate, part);
      }
      return { parts: [part] };
    },
  };
}
