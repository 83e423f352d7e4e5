import type { Behaviour, ResponseContext, ResponsePlan } from './behaviour.ts';

export type ScriptedResponse = ResponsePlan | ((context: ResponseContext) => ResponsePlan);

export interface ScriptedBehaviour extends Behaviour {
  /** Puts responses at the end of the queue. */
  add(...responses: readonly ScriptedResponse[]): void;
  readonly remaining: number;
}

/** Answers from a queue, first in first out; with the queue empty it answers with `otherwise` (default: nothing). */
export function scriptedBehaviour(
  responses: readonly ScriptedResponse[] = [],
  otherwise: ScriptedResponse = { parts: [] },
): ScriptedBehaviour {
  const queue = [...responses];
  return {
    name: 'scripted',
    add(...more) {
      queue.push(...more);
    },
    get remaining() {
      return queue.length;
    },
    respond(context) {
      const next = queue.shift() ?? otherwise;
      return typeof next === 'function' ? next(context) : next;
    },
  };
}
