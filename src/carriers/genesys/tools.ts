import type { Tool, ToolContext, ToolResult } from '../../call/tools.ts';
import type { Ending, Farewell } from './ending.ts';

/** Characters of a reason or a summary that are kept. */
const maxTextChars = 8000;

const spokenAlready = '{"result":"The call ends when your goodbye was heard."}';
const speakNow = '{"result":"Say a short goodbye now; the call ends when it was heard."}';

/**
 * The tools with which an agent ends a Genesys call, and tells the flow how it went. Each has a second name that is
 * known from other connectors, so that prompts written for those go on working.
 *
 * `summaryPrompt`: what the agent is to put into the summary.
 */
export function endingTools(ending: Ending, summaryPrompt: string): Tool[] {
  const summary = { type: 'string', description: summaryPrompt };
  const end = (name: string, description: string): Tool => ({
    name,
    description,
    parameters: {
      type: 'object',
      properties: {
        summary,
        reason: { type: 'string', description: 'Why the call ends, in a few words.' },
      },
      required: ['summary'],
    },
    run: (args, context) => finish(ending, farewellOf(args, false), context),
  });
  const escalate = (name: string, description: string): Tool => ({
    name,
    description,
    parameters: {
      type: 'object',
      properties: {
        reason: { type: 'string', description: 'Why a person has to take over, in one sentence.' },
        summary,
      },
      required: ['reason'],
    },
    run: (args, context) => finish(ending, farewellOf(args, true), context),
  });
  return [
    end(
      'end_conversation_successfully',
      'End the call. Use it when the caller has what they called for, is done, or asks to hang up. ' +
        'Say goodbye before or together with calling it.',
    ),
    escalate(
      'end_conversation_with_escalation',
      'Hand the caller over to a person. Use it when they ask for one, or when you cannot help them. ' +
        'Tell them that somebody will take over before or together with calling it.',
    ),
    end('end_call', 'Another name of end_conversation_successfully.'),
    escalate('handoff_to_human', 'Another name of end_conversation_with_escalation.'),
  ];
}

function finish(ending: Ending, farewell: Farewell, context: ToolContext): Promise<ToolResult> {
  ending.told(farewell);
  context.endCall();
  return Promise.resolve(context.spoken ? { output: spokenAlready, respond: false } : { output: speakNow });
}

function farewellOf(args: Readonly<Record<string, unknown>>, escalates: boolean): Farewell {
  return { escalates, reason: textOf(args.reason), summary: textOf(args.summary) };
}

/** A model may give anything for a text. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value.trim().slice(0, maxTextChars);
  return value === undefined || value === null ? '' : JSON.stringify(value).slice(0, maxTextChars);
}
