import type { TransferOutcome } from '../../call/leg.ts';
import type { Party } from '../../call/party.ts';
import type { Tool, ToolResult } from '../../call/tools.ts';
import { type ChannelVariables, defaultContext, type Extension } from './ami.ts';

/** What the tools need of the call that they run in. */
export interface ToolLine {
  readonly party: Party;
  redirect(extension: Extension): Promise<TransferOutcome>;
  /** Settles when what the agent has said was heard (true), or when it is interrupted or the signal aborts (false). */
  spoken(signal: AbortSignal): Promise<boolean>;
  variables(): Promise<ChannelVariables | undefined>;
}

/** Enough to hear a long announcement to its end. */
const transferTimeoutMs = 60_000;

/** Names that no other tool may have in these calls. */
export const avrToolNames: readonly string[] = ['avr_transfer', 'avr_hangup', 'avr_get_caller_info'];

/** The tools that AVR's connectors ship in `avr_tools/`, with the same names and arguments. */
export function avrTools(line: ToolLine): Tool[] {
  return [transferTool(line), hangUpTool, callerInfoTool(line)];
}

function transferTool(line: ToolLine): Tool {
  return {
    name: 'avr_transfer',
    description:
      'Transfer the call to an extension, for example to a human operator. Say so before or with it; the transfer happens when that was heard.',
    parameters: {
      type: 'object',
      properties: {
        transfer_extension: { type: 'string', description: 'The extension to transfer the call to.' },
        transfer_context: {
          type: 'string',
          description: `The context of the extension; ${defaultContext} unless given.`,
        },
        transfer_priority: { type: 'integer', description: 'The priority to begin at; 1 unless given.' },
      },
      required: ['transfer_extension'],
    },
    timeoutMs: transferTimeoutMs,
    async run(args, { signal }) {
      const extension = extensionOf(args);
      if (typeof extension === 'string') return failure(extension);
      if (!(await line.spoken(signal)))
        return failure('The caller interrupted, so the call was not transferred.');
      const { transferred, detail } = await line.redirect(extension);
      if (!transferred) return failure(`The call was not transferred: ${detail ?? 'for an unknown reason'}`);
      return { output: '{"result":"The caller is being transferred."}', respond: false };
    },
  };
}

/** The destination, or what is wrong with it. Models write numbers as text and the reverse. */
function extensionOf(args: Readonly<Record<string, unknown>>): Extension | string {
  const exten = textOf(args.transfer_extension);
  if (exten === '') return 'transfer_extension is missing.';
  const priority = textOf(args.transfer_priority) || '1';
  if (!/^[1-9]\d{0,3}$/.test(priority)) return 'transfer_priority is not a number from 1 to 9999.';
  return { exten, context: textOf(args.transfer_context) || defaultContext, priority: Number(priority) };
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value).trim() : '';
}

const hangUpTool: Tool = {
  name: 'avr_hangup',
  description: 'Hang up when everything is said or the caller says goodbye. Say goodbye before or with it.',
  parameters: { type: 'object', properties: {} },
  run(_args, context) {
    context.endCall();
    const output = context.spoken
      ? '{"result":"The call ends when your goodbye was heard."}'
      : '{"result":"Say a short goodbye now; the call ends when it was heard."}';
    return Promise.resolve(context.spoken ? { output, respond: false } : output);
  },
};

function callerInfoTool(line: ToolLine): Tool {
  return {
    name: 'avr_get_caller_info',
    description: "The caller's phone number and name, as far as they are known.",
    parameters: {
      type: 'object',
      properties: {
        info_type: {
          type: 'string',
          enum: ['phone', 'name', 'all'],
          description: 'What is asked for; all unless given.',
        },
      },
    },
    async run({ info_type: wanted }) {
      const { from, variables } = line.party;
      let phone = from;
      let name = variables.callerName;
      const needed = {
        phone: wanted !== 'name' && phone === undefined,
        name: wanted !== 'phone' && name === undefined,
      };
      if (needed.phone || needed.name) {
        const asked = await line.variables();
        phone ??= asked?.phone;
        name ??= asked?.name;
      }
      return JSON.stringify({
        ...(wanted === 'name' ? {} : { phone: phone ?? 'unknown' }),
        ...(wanted === 'phone' ? {} : { name: name ?? 'unknown' }),
      });
    },
  };
}

function failure(message: string): ToolResult {
  return { output: JSON.stringify({ error: message }) };
}
