import type { CallSnapshot } from '../../call/events.ts';
import type { HangUpReason } from '../../call/leg.ts';
import type { Turn } from '../../call/turn.ts';
import type { Farewell } from './ending.ts';
import { shortText } from './short-text.ts';
import type { Disconnect } from './wire.ts';

/** How much of what was said stands for a summary that nobody gave. */
const lastTurns = 6;
const maxTurnChars = 300;
/** Three variables have the summary and three the reason; one message of 65,535 bytes takes them all. */
const maxSummaryBytes = 6000;
const maxReasonBytes = 2000;

/** What the flow is told of an end: its path (`completed` is Success, `error` is Failure) and a word about it. */
export function dispositionOf(reason: HangUpReason): Pick<Disconnect, 'reason' | 'info'> {
  switch (reason) {
    case 'agent':
      return { reason: 'completed' };
    case 'no-input':
      return { reason: 'completed', info: 'Session ended: inactivity' };
    case 'max-duration':
      return { reason: 'completed', info: 'Session ended: max_duration' };
    case 'operator':
      return { reason: 'completed', info: 'Session ended: operator' };
    case 'drain':
      return { reason: 'completed', info: 'Session ended: shutdown' };
    case 'model-failed':
      return { reason: 'error', info: 'The speech model failed' };
    case 'answer-timeout':
      return { reason: 'error', info: 'The session did not start in time' };
    case 'media-lost':
      return { reason: 'error', info: 'No audio came for too long' };
    case 'internal-error':
      return { reason: 'error', info: 'Internal server error' };
  }
}

/** The reason as a single word, for flows that branch on it. */
const reasonWords: Readonly<Record<HangUpReason, string>> = {
  agent: 'completed',
  'no-input': 'inactivity',
  'max-duration': 'max_duration',
  operator: 'operator',
  drain: 'shutdown',
  'model-failed': 'error',
  'answer-timeout': 'error',
  'media-lost': 'error',
  'internal-error': 'error',
};

/** What the Architect flow gets, by name. All values are texts: Genesys takes no others. */
export function outputVariables(
  record: CallSnapshot,
  reason: HangUpReason,
  farewell: Farewell | undefined,
): Record<string, string> {
  const { usage } = record;
  const escalates = farewell?.escalates === true;
  const given = farewell?.summary ?? '';
  const summary = shortText(given === '' ? lastWords(record.turns) : given, maxSummaryBytes);
  const escalationReason = escalates ? shortText(farewell.reason, maxReasonBytes) : '';
  return {
    CONVERSATION_SUMMARY: summary,
    CONVERSATION_DURATION: (record.liveMs / 1000).toFixed(3),
    TOTAL_INPUT_TEXT_TOKENS: String(usage.inputTextTokens),
    TOTAL_INPUT_CACHED_TEXT_TOKENS: String(usage.cachedTextTokens),
    TOTAL_INPUT_AUDIO_TOKENS: String(usage.inputAudioTokens),
    TOTAL_INPUT_CACHED_AUDIO_TOKENS: String(usage.cachedAudioTokens),
    TOTAL_OUTPUT_TEXT_TOKENS: String(usage.outputTextTokens),
    TOTAL_OUTPUT_AUDIO_TOKENS: String(usage.outputAudioTokens),
    ESCALATION_REQUIRED: String(escalates),
    ESCALATION_REASON: escalationReason,
    COMPLETION_SUMMARY: farewell !== undefined && !escalates ? summary : '',
    end_call_reason: endReason(reason, farewell),
    transfer_reason: escalationReason,
    customer_summary: summary,
  };
}

function endReason(reason: HangUpReason, farewell: Farewell | undefined): string {
  if (reason !== 'agent' || farewell === undefined) return reasonWords[reason];
  if (farewell.reason !== '') return shortText(farewell.reason, maxReasonBytes);
  return farewell.escalates ? 'escalation' : reasonWords.agent;
}

/** The end of the conversation as it was heard, in place of a summary. Empty where nothing was said. */
function lastWords(turns: readonly Turn[]): string {
  return turns
    .map(({ role, heardText }) => ({ role, text: heardText.replace(/\s+/g, ' ').trim() }))
    .filter(({ text }) => text !== '')
    .slice(-lastTurns)
    .map(({ role, text }) => `${role === 'caller' ? 'Caller' : 'Agent'}: ${shortened(text)}`)
    .join('\n');
}

function shortened(text: string): string {
  return text.length > maxTurnChars ? `${text.slice(0, maxTurnChars)} [...]` : text;
}
