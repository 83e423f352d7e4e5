import { audioMsOf, type Entry } from './conversation.ts';
import type { Item, WireResponse } from './events.ts';

const charactersPerToken = 4;
const callerMsPerToken = 100;
const agentMsPerToken = 50;
/** The prompt cache works in blocks. */
const cacheBlock = 64;

export interface Counts {
  readonly textTokens: number;
  readonly audioTokens: number;
}

/** What the model reads for a response: instructions and conversation, audio by its length. */
export function inputCounts(instructions: string, entries: readonly Entry[]): Counts {
  let textTokens = tokensOfText(instructions);
  let audioTokens = 0;
  for (const entry of entries) {
    textTokens += tokensOfText(textOf(entry.item));
    audioTokens += Math.ceil(audioMsOf(entry) / (entry.isModelAudio ? agentMsPerToken : callerMsPerToken));
  }
  return { textTokens, audioTokens };
}

export function outputCounts(text: string, audioMs: number): Counts {
  return { textTokens: tokensOfText(text), audioTokens: Math.ceil(audioMs / agentMsPerToken) };
}

/** Audio that fits into `maxTokens` of output. */
export function msOfTokens(maxTokens: number): number {
  return maxTokens * agentMsPerToken;
}

/** The `usage` of a response; what was read before counts as cached, in whole blocks. */
export function usageOf(input: Counts, before: Counts, output: Counts): NonNullable<WireResponse['usage']> {
  const cachedText = cached(input.textTokens, before.textTokens);
  const cachedAudio = cached(input.audioTokens, before.audioTokens);
  const inputTokens = input.textTokens + input.audioTokens;
  const outputTokens = output.textTokens + output.audioTokens;
  return {
    total_tokens: inputTokens + outputTokens,
    input_tokens: inputTokens,
    output_tokens: outputTokens,
    input_token_details: {
      text_tokens: input.textTokens,
      audio_tokens: input.audioTokens,
      image_tokens: 0,
      cached_tokens: cachedText + cachedAudio,
      cached_tokens_details: { text_tokens: cachedText, audio_tokens: cachedAudio, image_tokens: 0 },
    },
    output_token_details: { text_tokens: output.textTokens, audio_tokens: output.audioTokens },
  };
}

function cached(now: number, before: number): number {
  return Math.floor(Math.min(now, before) / cacheBlock) * cacheBlock;
}

function tokensOfText(text: string): number {
  return Math.ceil(text.length / charactersPerToken);
}

function textOf(item: Item): string {
  switch (item.type) {
    case 'message':
      return item.content.map((part) => ('text' in part ? (part.text ?? '') : '')).join(' ');
    case 'function_call':
      return item.name + item.arguments;
    case 'function_call_output':
      return item.output;
    default:
      return '';
  }
}
