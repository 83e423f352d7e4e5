import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PatchcordError } from '../base/errors.ts';
import { liveCall } from './testing/set-up.ts';
import { checkedTools, type Tool, type ToolContext, type ToolResult } from './tools.ts';

const lost = new PatchcordError('PATCHCORD_MODEL_LOST');

function tool(name: string, run: Tool['run'], rest: Partial<Tool> = {}): Tool {
  return { name, description: 'A tool.', parameters: { type: 'object', properties: {} }, run, ...rest };
}

/** A live call in which the model calls tools. */
function callWith(...tools: readonly Tool[]) {
  const all = liveCall({ tools });
  const { session } = all.model;
  let number = 0;
  return {
    ...all,
    session,
    /** The model calls one tool per text of arguments, in one response. */
    async calls(name: string, ...texts: readonly string[]) {
      number += 1;
      const responseId = `resp-${number}`;
      session.events.responseStarted(responseId, session.requests.at(-1)?.requestId);
      for (const [index, text] of texts.entries()) {
        const toolCallId = `${responseId}-${index}`;
        session.events.toolCall({ responseId, toolCallId, name, arguments: text });
      }
      session.events.responseDone({ responseId, status: 'completed' });
      await all.clock.advanceAsync(10);
    },
  };
}

/** A tool that ends when the test says so, and counts how often it was run. */
function slowTool(name = 'pay') {
  const runs: { readonly context: ToolContext; finish(result: ToolResult | string): void }[] = [];
  const run: Tool['run'] = (_args, context) =>
    new Promise((resolve) => runs.push({ context, finish: resolve }));
  return { runs, tool: tool(name, run) };
}

describe('a tool that fails', () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => {
    unhandled.push(reason);
  };
  beforeEach(() => {
    unhandled.length = 0;
    process.on('unhandledRejection', note);
  });
  afterEach(() => {
    process.off('unhandledRejection', note);
  });

  it('may throw at once: the model is told, and the end of the call ends nothing else', async () => {
    const boom = tool('boom', () => {
      throw new Error('no such table: customers of Mrs Smith');
    });
    const { session, call, calls, of } = callWith(boom);
    await calls('boom', '{}');
    expect(session.results).toHaveLength(1);
    expect(session.results[0]?.output).toContain('no such table');
    call.end('operator');
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
    expect(of('tool.finished')).toMatchObject([{ name: 'boom', ok: false }]);
  });

  it('keeps what it said out of events', async () => {
    const refusing = tool('refusing', () => Promise.reject(new Error('card 4111 is blocked')));
    const { of, calls, session } = callWith(refusing);
    await calls('refusing', '{}');
    expect(of('error').map(({ code, message }) => [code, message])).toEqual([
      ['PATCHCORD_TOOL_FAILED', 'The tool refusing failed.'],
    ]);
    expect(session.results[0]?.output).toContain('card 4111 is blocked');
  });

  it('keeps broken arguments out of events', async () => {
    const { of, calls } = callWith(tool('pay', () => Promise.resolve('paid')));
    await calls('pay', '{"card":4111 1111}', 'card 4711', '[4711]');
    expect(of('error').map(({ message }) => message)).toEqual([
      'The arguments of pay are not valid JSON.',
      'The arguments of pay are not valid JSON.',
      'The arguments of pay are not a JSON object.',
    ]);
    expect(of('tool.finished').map(({ ok }) => ok)).toEqual([false, false, false]);
  });

  it('counts as failed when it gives no text', async () => {
    const { session, calls, of } = callWith(tool('mute', (() => Promise.resolve(undefined)) as never));
    await calls('mute', '{}');
    expect(session.results[0]?.output).toContain('PATCHCORD_TOOL_FAILED');
    expect(of('tool.finished').map(({ ok }) => ok)).toEqual([false]);
  });

  it('is given up at its deadline and told so', async () => {
    const { runs, tool: pay } = slowTool();
    const { session, calls, clock } = callWith({ ...pay, timeoutMs: 2000 });
    await calls('pay', '{}');
    await clock.advanceAsync(2000);
    expect(runs[0]?.context.signal.aborted).toBe(true);
    expect(session.results[0]?.output).toContain('PATCHCORD_TOOL_TIMEOUT');
  });

  it('is told that the call is over, and then nothing is told of it any more', async () => {
    const { runs, tool: pay } = slowTool();
    const { calls, call, clock, events } = callWith(pay);
    await calls('pay', '{}');
    call.end('operator');
    await clock.advanceAsync(20_000);
    expect(runs[0]?.context.signal.aborted).toBe(true);
    expect(events.at(-1)?.type).toBe('call.ended');
    expect(clock.pending).toBe(0);
  });
});

describe('a model that calls many tools', () => {
  it('gets exactly one result for each call, beyond the bound an error', async () => {
    let runs = 0;
    const count = tool('count', () => {
      runs += 1;
      return Promise.resolve('counted');
    });
    const { session, calls, of } = callWith(count);
    await calls('count', ...Array.from({ length: 40 }, () => '{}'));
    expect(runs).toBe(32);
    expect(new Set(session.results.map(({ toolCallId }) => toolCallId)).size).toBe(40);
    expect(session.results.filter(({ output }) => output.includes('PATCHCORD_TOOL_LIMIT'))).toHaveLength(8);
    expect(of('error').map(({ code }) => code)).toEqual(['PATCHCORD_TOOL_LIMIT']);
    expect(session.requests).toHaveLength(1);
  });

  it('loses the oldest calls of responses that never end', async () => {
    let runs = 0;
    const count = tool('count', () => {
      runs += 1;
      return Promise.resolve('counted');
    });
    const { session, clock } = callWith(count);
    for (let number = 1; number <= 65; number += 1) {
      const responseId = `open-${number}`;
      session.events.toolCall({ responseId, toolCallId: 't', name: 'count', arguments: '{}' });
    }
    for (const responseId of ['open-1', 'open-2', 'open-65']) {
      session.events.responseDone({ responseId, status: 'completed' });
    }
    await clock.advanceAsync(10);
    expect(runs).toBe(2);
  });

  it('has no name in events that is not one of a tool', async () => {
    const { of, calls } = callWith();
    await calls('pay 4711, please', '{}');
    expect(of('tool.started').map(({ name }) => name)).toEqual(['invalid']);
    expect(of('error').map(({ message }) => message)).toEqual(['There is no tool named invalid.']);
  });
});

describe('a tool that runs while the session with the model is lost', () => {
  it('goes on, and its outcome is told to the new session before the answer is asked', async () => {
    const { runs, tool: pay } = slowTool();
    const { session, calls, clock } = callWith(pay);
    await calls('pay', '{}');
    session.events.resuming(lost);
    runs[0]?.finish('{"paid":true}');
    await clock.advanceAsync(10);
    expect(runs[0]?.context.signal.aborted).toBe(false);
    expect([session.results, session.texts, session.requests]).toEqual([[], [], []]);
    session.events.ready();
    expect(session.texts).toEqual([
      { role: 'system', text: 'The tool pay called before the interruption finished: {"paid":true}' },
    ]);
    expect(session.requests).toHaveLength(1);
    expect(session.results).toEqual([]);
  });

  it('keeps the answer waiting while it still runs, and the new session knows not to call it again', async () => {
    const { runs, tool: pay } = slowTool();
    const { session, calls, clock } = callWith(pay);
    await calls('pay', '{}');
    session.events.resuming(lost);
    session.events.ready();
    expect(session.texts).toHaveLength(1);
    expect(session.texts[0]?.text).toContain('The tool pay was called before the interruption and is still');
    expect(session.requests).toEqual([]);
    runs[0]?.finish('paid');
    await clock.advanceAsync(10);
    expect(session.texts[1]?.text).toBe('The tool pay called before the interruption finished: paid');
    expect(session.requests).toHaveLength(1);
    expect(runs).toHaveLength(1);
  });

  it('owes the answer also when it never ends', async () => {
    const { tool: pay } = slowTool();
    const { session, calls, clock } = callWith(pay);
    await calls('pay', '{}');
    session.events.resuming(lost);
    session.events.ready();
    await clock.advanceAsync(15_000);
    expect(session.texts.at(-1)?.text).toContain('PATCHCORD_TOOL_TIMEOUT');
    expect(session.requests).toHaveLength(1);
  });

  it('has its outcome told again when the session is lost before the agent spoke about it', async () => {
    const { runs, tool: pay } = slowTool();
    const { session, calls, clock } = callWith(pay);
    await calls('pay', '{}');
    runs[0]?.finish('paid');
    await clock.advanceAsync(10);
    expect(session.results).toHaveLength(1);
    session.events.resuming(lost);
    session.events.ready();
    expect(session.texts.map(({ text }) => text)).toEqual([
      'The tool pay called before the interruption finished: paid',
    ]);
    session.answer('resp-9', 'item-9', 400, 'It is paid.', session.requests.at(-1)?.requestId);
    session.events.resuming(lost);
    session.events.ready();
    expect(session.texts).toHaveLength(1);
  });

  it('tells nobody when no model can be had any more', async () => {
    const { runs, tool: pay } = slowTool();
    const { session, calls, clock, leg } = callWith(pay);
    await calls('pay', '{}');
    session.events.failed(lost, true);
    runs[0]?.finish('paid');
    await clock.advanceAsync(5000);
    expect([session.texts, session.results]).toEqual([[], []]);
    expect(leg.hangUps).toEqual(['model-failed']);
  });
});

describe('the names of tools', () => {
  const named = (...names: readonly string[]) => names.map((name) => tool(name, () => Promise.resolve('')));
  it.each([[['a b']], [['']], [['x'.repeat(65)]], [['größe']], [['same', 'same']]])('refuses %j', (names) => {
    expect(() => checkedTools(named(...names))).toThrow(
      expect.objectContaining({ code: 'PATCHCORD_CONFIG_INVALID' }),
    );
  });

  it('takes what models take', () => {
    expect(checkedTools(named('get_opening-hours2', 'x'.repeat(64)))).toHaveLength(2);
  });
});
