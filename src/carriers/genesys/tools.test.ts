import { beforeEach, describe, expect, it } from 'vitest';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { checkedTools, type Tool, type ToolContext } from '../../call/tools.ts';
import type { Turn } from '../../call/turn.ts';
import { Ending } from './ending.ts';
import { endingTools } from './tools.ts';

const prompt = 'Topics, decisions, mood.';

let clock: VirtualClock;
let ending: Ending;
let tools: Tool[];
let ended: number;

beforeEach(() => {
  clock = new VirtualClock();
  ending = new Ending(clock);
  tools = endingTools(ending, prompt);
  ended = 0;
});

function run(name: string, args: Record<string, unknown>, spoken = true) {
  const context: ToolContext = {
    callId: 'call-1',
    carrierCallId: 'c',
    party: { direction: 'inbound', variables: {} },
    toolCallId: 't',
    spoken,
    signal: new AbortController().signal,
    endCall: () => {
      ended += 1;
    },
  };
  return tools.find((tool) => tool.name === name)?.run(args, context);
}

const callerTurn = (startedAtMs: number): Turn => ({
  turnId: 9,
  role: 'caller',
  startedAtMs,
  text: 'No, wait.',
  heardText: 'No, wait.',
  heardMs: 0,
  generatedMs: 0,
  ended: true,
});

describe('the tools that end a call', () => {
  it('have names that a model takes, among them those of other connectors', () => {
    expect(checkedTools(tools).map(({ name }) => name)).toEqual([
      'end_conversation_successfully',
      'end_conversation_with_escalation',
      'end_call',
      'handoff_to_human',
    ]);
  });

  it('ask for a summary as the settings say', () => {
    for (const { parameters } of tools) expect(JSON.stringify(parameters)).toContain(prompt);
  });

  it.each(['end_conversation_successfully', 'end_call'])('%s ends the call with a summary', async (name) => {
    expect(await run(name, { summary: ' All is well. ', reason: 'done' })).toMatchObject({ respond: false });
    expect(ended).toBe(1);
    expect(ending.at('agent')).toEqual({ escalates: false, reason: 'done', summary: 'All is well.' });
  });

  it.each([
    'end_conversation_with_escalation',
    'handoff_to_human',
  ])('%s ends it with the reason why a person has to take over', async (name) => {
    await run(name, { reason: 'They insist.' });
    expect(ended).toBe(1);
    expect(ending.at('agent')).toEqual({ escalates: true, reason: 'They insist.', summary: '' });
  });

  it('ask for a goodbye where none was said', async () => {
    const result = await run('end_call', {}, false);
    expect(result).not.toHaveProperty('respond');
    expect(JSON.stringify(result)).toContain('goodbye');
  });

  it('take whatever a model gives for a text, up to a bound', async () => {
    await run('end_call', { summary: { topic: 'x' }, reason: null });
    expect(ending.at('agent')).toMatchObject({ summary: '{"topic":"x"}', reason: '' });
    await run('end_call', { summary: 'x'.repeat(100_000) });
    expect(ending.at('agent')?.summary).toHaveLength(8000);
  });
});

describe('what the agent said of the end', () => {
  it('is what it said last', async () => {
    await run('handoff_to_human', { reason: 'r' });
    await run('end_call', { summary: 's' });
    expect(ending.at('agent')?.escalates).toBe(false);
  });

  it('does not count when the caller went on speaking and something else ended the call', async () => {
    clock.advance(10_000);
    await run('handoff_to_human', { reason: 'r' });
    ending.turnEnded(callerTurn(11_000));
    expect(ending.at('no-input')).toBeUndefined();
    expect(ending.at('agent')?.escalates).toBe(true);
  });

  it('counts when only the words of before came late', async () => {
    clock.advance(10_000);
    await run('handoff_to_human', { reason: 'r' });
    ending.turnEnded(callerTurn(9_000));
    expect(ending.at('max-duration')?.escalates).toBe(true);
    expect(ending.at('operator')?.escalates).toBe(true);
  });

  it('is nothing while it said nothing', () => {
    expect(ending.at('agent')).toBeUndefined();
  });
});
