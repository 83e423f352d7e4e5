import type { Behaviour, CallerTurn, ResponsePart } from './behaviour.ts';

const longestEchoMs = 15_000;
/** A little of the silence after the last word, so that it does not end in a click. */
const tailMs = 150;
const targetPeak = 16_000;
const highestGain = 4;

/** Plays the caller's own words back; without a turn to answer it says nothing. */
export function echoBehaviour(): Behaviour {
  return {
    name: 'echo',
    respond: ({ turn }) => ({ parts: turn === undefined ? [] : [echoOf(turn)] }),
  };
}

/** The caller's words, without the silence that ended the turn, at a level that is easy to hear. */
export function echoOf(turn: CallerTurn): Extract<ResponsePart, { type: 'speech' }> {
  const { sampleRate } = turn;
  const endMs = Math.min(turn.durationMs, turn.voiceEndMs + tailMs, longestEchoMs);
  const samples = louder(turn.samples().subarray(0, Math.round((endMs * sampleRate) / 1000)));
  // As the turn itself is written down: its words, without what follows them.
  const seconds = (Math.min(turn.voiceEndMs, endMs) / 1000).toFixed(1);
  return { type: 'speech', samples, sampleRate, transcript: `(${seconds} s of your own voice)` };
}

function louder(samples: Int16Array): Int16Array {
  const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 1);
  const gain = Math.min(highestGain, Math.max(1, targetPeak / peak));
  return samples.map((sample) => Math.round(sample * gain));
}
