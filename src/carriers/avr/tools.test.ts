import { beforeEach, describe, expect, it } from 'vitest';
import type { TransferOutcome } from '../../call/leg.ts';
import type { Party } from '../../call/party.ts';
import type { Tool, ToolContext } from '../../call/tools.ts';
import type { ChannelVariables, Extension } from './ami.ts';
import { avrTools } from './tools.ts';

let party: Party;
let redirects: Extension[];
let outcome: TransferOutcome;
let heard: boolean;
let asked: number;
let variables: ChannelVariables | undefined;
let ends: number;

beforeEach(() => {
  party = { direction: 'inbound', from: '2000', variables: {} };
  redirects = [];
  outcome = { transferred: true };
  heard = true;
  asked = 0;
  variables = undefined;
  ends = 0;
});

function run(name: string, args: Record<string, unknown> = {}, spoken = true) {
  const tools = avrTools({
    party,
    async redirect(extension) {
      redirects.push(extension);
      return outcome;
    },
    async spoken() {
      return heard;
    },
    async variables() {
      asked += 1;
      return variables;
    },
  });
  const context: ToolContext = {
    callId: 'c',
    carrierCallId: 'u1',
    party,
    toolCallId: 't',
    spoken,
    signal: new AbortController().signal,
    endCall: () => {
      ends += 1;
    },
  };
  const tool = tools.find((each) => each.name === name) as Tool;
  return tool.run(args, context);
}

describe('000 avr_transfer', () => {
  it('goes to the extension, in context demo and at priority 1 unless told otherwise', async () => {
    expect(await run('avr_transfer', { transfer_extension: '600' })).toMatchObject({ respond: false });
    await run('avr_transfer', {
      transfer_extension: 601,
      transfer_context: 'sales',
      transfer_priority: '2',
    });
    await run('avr_transfer', { transfer_extension: '602', transfer_context: '', transfer_priority: null });
    expect(redirects).toEqual([
      { exten: '600', context: 'demo', priority: 1 },
      { exten: '601', context: 'sales', priority: 2 },
      { exten: '602', context: 'demo', priority: 1 },
    ]);
  });

  it('tells the agent why it did not happen', async () => {
    outcome = { transferred: false, detail: 'Call with UUID u1 not found' };
    expect(await run('avr_transfer', { transfer_extension: '600' })).toEqual({
      output: '{"error":"The call was not transferred: Call with UUID u1 not found"}',
    });
    redirects = [];
    for (const args of [
      {},
      { transfer_extension: '' },
      { transfer_extension: '6', transfer_priority: 'x' },
    ]) {
      expect(await run('avr_transfer', args)).toMatchObject({ output: expect.stringContaining('"error"') });
    }
    expect(redirects).toEqual([]);
  });

  it('does not happen when the caller interrupts the announcement', async () => {
    heard = false;
    expect(await run('avr_transfer', { transfer_extension: '600' })).toMatchObject({
      output: expect.stringContaining('interrupted'),
    });
    expect(redirects).toEqual([]);
  });
});

describe('000 avr_hangup', () => {
  it('ends the call after the goodbye, and asks for one where none was said', async () => {
    expect(await run('avr_hangup')).toMatchObject({ respond: false });
    expect(await run('avr_hangup', {}, false)).toContain('goodbye');
    expect(ends).toBe(2);
  });
});

describe('avr_get_caller_info', () => {
  it('says what the call came with, and asks the helper for the rest', async () => {
    expect(await run('avr_get_caller_info', { info_type: 'phone' })).toBe('{"phone":"2000"}');
    expect(asked).toBe(0);
    variables = { phone: '9', name: 'Ada' };
    expect(await run('avr_get_caller_info')).toBe('{"phone":"2000","name":"Ada"}');
    party = { direction: 'inbound', from: '2000', variables: { callerName: 'Ida' } };
    expect(await run('avr_get_caller_info', { info_type: 'name' })).toBe('{"name":"Ida"}');
    expect(asked).toBe(1);
  });

  it('says so where nothing is known', async () => {
    party = { direction: 'inbound', variables: {} };
    expect(await run('avr_get_caller_info')).toBe('{"phone":"unknown","name":"unknown"}');
  });
});
