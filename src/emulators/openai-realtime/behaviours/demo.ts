import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Resampler } from '../../../audio/resample.ts';
import { readWav } from '../../../audio/wav.ts';
import type { Item } from '../events.ts';
import type { Behaviour, ResponseContext, ResponsePart, ResponsePlan } from './behaviour.ts';
import { type DemoPhrase, demoPhrases } from './demo-phrases.ts';
import { echoOf } from './echo.ts';

type Speech = Extract<ResponsePart, { type: 'speech' }>;
type Phrases = Readonly<Record<DemoPhrase, Speech>>;

const betweenClipsMs = 120;
const mostKeysNamed = 12;
const pressedKeys = /(?:press|key|digit|dtmf|dial)[^0-9*#]*([0-9*#](?:[\s,'"]*[0-9*#])*)/i;
const wantsGoodbye = /good-?\s?bye|farewell|end (?:of )?the call|hang(?:ing)? up/i;

/**
 * The voice that answers calls when no speech model is configured. It greets, plays the caller's words back, names
 * the keys that it is told of, and on `#` says goodbye and calls the tool `end_call` where the session has one.
 * Throws when the phrases under `assets/demo-voice` cannot be read.
 */
export function demoBehaviour(): Behaviour {
  const phrases = loadPhrases();
  return { name: 'demo', respond: (context) => answer(context, phrases) };
}

function answer(context: ResponseContext, phrases: Phrases): ResponsePlan {
  const keys = keysPressed(context.fresh);
  if (keys.includes('#')) return goodbye(context, phrases);
  if (keys !== '') return { parts: [nameKeys(keys, phrases)] };
  if (context.turn !== undefined) return { parts: [joined([phrases['you-said'], echoOf(context.turn)])] };
  // The result of a tool, and nothing else, needs no words: the only tool called is the one that hangs up.
  if (context.fresh.some((item) => item.type === 'function_call_output')) return { parts: [] };
  if (context.requestInstructions !== undefined && wantsGoodbye.test(context.requestInstructions)) {
    return { parts: [phrases.goodbye] };
  }
  // A first response that comes with history goes on with a call whose session was lost.
  const isFirst = context.number === 1 && !context.fresh.some(isAssistant);
  return { parts: [isFirst ? phrases.greeting : phrases['still-there']] };
}

function isAssistant(item: Item): boolean {
  return item.type === 'message' && item.role === 'assistant';
}

function goodbye(context: ResponseContext, phrases: Phrases): ResponsePlan {
  const canEnd = context.toolChoice !== 'none' && context.tools.some((tool) => tool.name === 'end_call');
  const call: ResponsePart = { type: 'call', name: 'end_call', arguments: '{}' };
  return { parts: canEnd ? [phrases.goodbye, call] : [phrases.goodbye] };
}

/** The keys that the client told of in text, `''` for none. */
function keysPressed(fresh: readonly Item[]): string {
  let keys = '';
  for (const item of fresh) {
    if (item.type !== 'message' || item.role === 'assistant') continue;
    for (const part of item.content) {
      if (part.type !== 'input_text') continue;
      keys += pressedKeys.exec(part.text ?? '')?.[1]?.replace(/[^0-9*#]/g, '') ?? '';
    }
  }
  return keys.slice(0, mostKeysNamed);
}

function nameKeys(keys: string, phrases: Phrases): Speech {
  return joined([phrases['you-pressed'], ...[...keys].map((key) => phrases[phraseOfKey(key)])]);
}

function phraseOfKey(key: string): DemoPhrase {
  if (key === '*') return 'key-star';
  if (key === '#') return 'key-pound';
  return `key-${key}` as DemoPhrase;
}

/** Clips one after the other, at the rate of the phrases, with a short pause between them. */
function joined(clips: readonly Speech[]): Speech {
  const sampleRate = clips[0]?.sampleRate ?? 16_000;
  const pause = new Int16Array((sampleRate * betweenClipsMs) / 1000);
  const pieces = clips.flatMap((clip, index) => [...(index > 0 ? [pause] : []), atRate(clip, sampleRate)]);
  const samples = new Int16Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    samples.set(piece, at);
    at += piece.length;
  }
  return { type: 'speech', samples, sampleRate, transcript: clips.map((clip) => clip.transcript).join(' ') };
}

function atRate(clip: Speech, sampleRate: number): Int16Array {
  if (clip.sampleRate === sampleRate) return clip.samples;
  const resampler = new Resampler(clip.sampleRate, sampleRate);
  const head = resampler.process(clip.samples);
  return Int16Array.from([...head, ...resampler.flush()]);
}

function loadPhrases(): Phrases {
  const entries = Object.entries(demoPhrases).map(([name, transcript]) => {
    const path = fileURLToPath(new URL(`../../../../assets/demo-voice/${name}.wav`, import.meta.url));
    const { channels, sampleRate } = readWav(readFileSync(path));
    const samples = channels[0] ?? new Int16Array(0);
    return [name, { type: 'speech', samples, sampleRate, transcript } satisfies Speech];
  });
  return Object.fromEntries(entries) as Phrases;
}
