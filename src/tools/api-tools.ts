import { z } from 'zod';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { responseText } from '../base/response-text.ts';
import { checkedTools, type Tool } from '../call/tools.ts';
import { callerInfoOf } from './caller-info.ts';

const maxTools = 64;
const maxReplyBytes = 1_048_576;

const headersSchema = z
  .union([
    z.record(z.string(), z.string()),
    z
      .array(z.object({ key: z.string(), value: z.string() }))
      .transform((pairs) => Object.fromEntries(pairs.map(({ key, value }) => [key, value]))),
  ])
  .default({});

const toolSchema = z.object({
  name: z.string(),
  description: z.string().default(''),
  input_schema: z.record(z.string(), z.unknown()).default({}),
  handler: z.object({ url: z.url({ protocol: /^https?$/ }), headers: headersSchema }),
});

/**
 * Tools as an AVR agent API lists them: each is an address that gets the arguments, and who calls, as JSON, and
 * answers with what the model is told. An entry that can't be used is a warning, and the others are taken.
 */
export function apiTools(listed: unknown, log: Logger): Tool[] {
  if (!Array.isArray(listed)) {
    log.warn({}, 'the agent API lists no tools: its answer is not an array');
    return [];
  }
  const tools: Tool[] = [];
  for (const [index, entry] of listed.slice(0, maxTools).entries()) {
    try {
      tools.push(...checkedTools([toolOf(entry)]));
    } catch (thrown) {
      const error = thrown instanceof z.ZodError ? z.prettifyError(thrown) : messageOf(thrown);
      log.warn({ index, error }, 'a tool of the agent API is not used');
    }
  }
  return tools;
}

function toolOf(entry: unknown): Tool {
  const { name, description, input_schema: schema, handler } = toolSchema.parse(entry);
  return {
    name,
    description,
    parameters: { type: 'object', properties: {}, ...schema },
    async run(args, { carrierCallId, party, signal }) {
      const headers = new Headers({ 'content-type': 'application/json', 'x-avr-uuid': carrierCallId });
      for (const [key, value] of Object.entries(handler.headers)) headers.set(key, value);
      const body = JSON.stringify({ ...args, callerInfo: callerInfoOf(party) });
      const response = await fetch(handler.url, { method: 'POST', headers, body, signal });
      if (response.ok) return responseText(response, maxReplyBytes);
      await response.body?.cancel();
      throw new Error(`Its address answered ${response.status}.`);
    },
  };
}
