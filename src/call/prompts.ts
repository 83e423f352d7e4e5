import type { Agent, Opening } from './agent.ts';
import type { NoInputStep } from './no-input.ts';
import type { Party } from './party.ts';

/**
 * Instructions of one response replace those of the session in the Realtime API: without the agent's own in front,
 * it would forget who it is and in which language it speaks.
 */
export function sayAs(agent: Agent, what: string): string {
  const who = agent.instructions.trim();
  return who === '' ? what : `${who}\n\n${what}`;
}

export function greetingPrompt(
  { greeting }: Extract<Opening, { speaker: 'agent' }>,
  direction: Party['direction'],
): string {
  if (greeting === undefined && direction === 'outbound')
    return 'You have called somebody, who has just picked up. Greet them and say in one or two short sentences why you call.';
  return greeting === undefined
    ? 'Greet the caller in one short sentence and ask how you can help.'
    : `Greet the caller by saying exactly these words and nothing else: ${JSON.stringify(greeting)}`;
}

/** What the agent says when the caller says nothing. */
export const noInputPrompts: Readonly<Record<NoInputStep, string>> = {
  reprompt: 'The caller has said nothing. Ask in one short sentence whether they are still there.',
  warn: 'The caller still says nothing. Say in one short sentence that you will have to hang up.',
  end: 'The caller says nothing. Say goodbye in one short sentence.',
};

export function verbatimPrompt(text: string): string {
  return `Say exactly these words and nothing else: ${JSON.stringify(text)}`;
}
