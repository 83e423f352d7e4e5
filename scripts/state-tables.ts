import { type Arrow, callArrows, modelArrows, stateDeadlines } from '../src/call/states.ts';

/** The states of a call and of its model as diagrams, and the deadline of each state as a table. */
export function statesMarkdown(): string {
  const rows = stateDeadlines.map(({ state, deadline, exit }) => `| \`${state}\` | ${deadline} | ${exit} |`);
  return [
    'A call:',
    '',
    diagram(callArrows, 'ringing'),
    '',
    'Its model, beside it:',
    '',
    diagram(modelArrows, 'idle'),
    '',
    '| state | lasts at most | then |',
    '|---|---|---|',
    ...rows,
  ].join('\n');
}

/** States out of which no arrow leads are ends. */
function diagram<State extends string>(arrows: readonly Arrow<State>[], start: State): string {
  const left = new Set(arrows.map(({ from }) => from));
  const ends = new Set(arrows.map(({ to }) => to).filter((state) => !left.has(state)));
  return [
    '```mermaid',
    'stateDiagram-v2',
    `  [*] --> ${start}`,
    ...arrows.map(({ from, event, to }) => `  ${from} --> ${to}: ${event}`),
    ...[...ends].map((state) => `  ${state} --> [*]`),
    '```',
  ].join('\n');
}
