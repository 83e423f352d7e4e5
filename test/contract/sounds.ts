import { encodeSamples } from '../../src/audio/convert.ts';
import type { AudioFormat } from '../../src/audio/format.ts';
import type { ResponsePart } from '../../src/emulators/openai-realtime/behaviours/behaviour.ts';
import type { ScriptedResponse } from '../../src/emulators/openai-realtime/behaviours/scripted.ts';

/** Far above the level that voice detection takes for a voice, and far below it. */
const loud = 6000;
const faint = 60;

/** No two stretches with different seeds are alike, so that nothing can be lost, doubled or swapped unnoticed. */
function noise(count: number, peak: number, seed: number): Int16Array {
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  return Int16Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.round(((state >>> 8) / 0xffffff - 0.5) * 2 * peak);
  });
}

function sound(format: AudioFormat, ms: number, peak: number, seed: number): Buffer {
  return encodeSamples(noise((format.sampleRate * ms) / 1000, peak, seed), format);
}

/** What voice detection takes for speech. */
export function speech(format: AudioFormat, ms: number, seed = 1): Buffer {
  return sound(format, ms, loud, seed);
}

/** What voice detection takes for silence; its bytes can be told apart all the same. */
export function hush(format: AudioFormat, ms: number, seed = 1): Buffer {
  return sound(format, ms, faint, seed + 1000);
}

/** A whole turn of the caller: speech, and the silence that ends it. */
export function turn(format: AudioFormat, ms: number, seed = 1): Buffer {
  return Buffer.concat([speech(format, ms, seed), hush(format, 320, seed)]);
}

/** An answer of the model, each part an item of its own. */
export function says(...parts: readonly Spoken[]): ScriptedResponse {
  return ({ outputSampleRate }) => ({ parts: parts.map((part) => partOf(part, outputSampleRate)) });
}

export type Spoken =
  | { readonly ms: number; readonly seed: number; readonly words?: string }
  | { readonly tool: string; readonly args?: string; readonly callId: string };

function partOf(part: Spoken, sampleRate: number): ResponsePart {
  if ('tool' in part) {
    return { type: 'call', name: part.tool, arguments: part.args ?? '{}', callId: part.callId };
  }
  const samples = noise((sampleRate * part.ms) / 1000, loud, part.seed + 5000);
  return { type: 'speech', samples, sampleRate, transcript: part.words ?? 'one two three four five six' };
}
