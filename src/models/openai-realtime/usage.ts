import type { Usage } from '../../call/model-session.ts';
import type { ServerUsage } from './server-events.ts';

/** Tokens by kind; cached ones are a part of the input. A server that gives totals only has them counted as text. */
export function readUsage(usage: ServerUsage | undefined): Usage | undefined {
  if (usage === undefined) return undefined;
  return {
    inputTextTokens: usage.inputTextTokens ?? Math.max(0, usage.inputTokens - usage.inputAudioTokens),
    inputAudioTokens: usage.inputAudioTokens,
    cachedTextTokens: usage.cachedTextTokens,
    cachedAudioTokens: usage.cachedAudioTokens,
    outputTextTokens: usage.outputTextTokens ?? Math.max(0, usage.outputTokens - usage.outputAudioTokens),
    outputAudioTokens: usage.outputAudioTokens,
  };
}
