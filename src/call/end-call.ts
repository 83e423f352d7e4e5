import type { Tool } from './tools.ts';

/** The built-in tool with which the agent hangs up: after the goodbye was heard, and not when the caller speaks again. */
export const endCallTool: Tool = {
  name: 'end_call',
  description:
    'End the phone call. Use it when the conversation is over or the caller asks to hang up. ' +
    'Say goodbye before or together with calling it.',
  parameters: {
    type: 'object',
    properties: { reason: { type: 'string', description: 'Why the call ends, in a few words.' } },
  },
  run(_args, context) {
    context.endCall();
    if (context.spoken) {
      return Promise.resolve({
        output: '{"result":"The call ends when your goodbye was heard."}',
        respond: false,
      });
    }
    return Promise.resolve('{"result":"Say a short goodbye now; the call ends when it was heard."}');
  },
};
