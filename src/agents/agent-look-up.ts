import { messageOf, PatchcordError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Tool } from '../call/tools.ts';
import { apiTools } from '../tools/api-tools.ts';
import type { AgentApi } from './agent-api.ts';
import type { AgentOverrides } from './agent-source.ts';
import { type InstructionSources, loadInstructions } from './instructions.ts';

export interface AgentLookUp {
  /** Undefined: no agent API is configured. */
  readonly api: AgentApi | undefined;
  readonly sources: InstructionSources;
  readonly log: Logger;
}

/**
 * What the sources say of this very call, asked with its id. First of all the agent API; where that gives no
 * instructions, those of the settings count, of which the address alone may say something else for each call: text,
 * address, file, default. Takes no longer than one request to the agent API and one to the address, and never rejects.
 */
export async function lookUpAgent(from: AgentLookUp, carrierCallId: string): Promise<AgentOverrides> {
  const { api } = from;
  const [instructions, greeting, tools] = await Promise.all([
    instructionsOf(from, carrierCallId),
    api && attempt(from.log, 'greeting', () => api.greeting(carrierCallId)),
    api && toolsOf(api, from.log, carrierCallId),
  ]);
  return {
    ...(instructions === undefined ? {} : { instructions }),
    ...(greeting === undefined ? {} : { greeting }),
    ...(tools === undefined || tools.length === 0 ? {} : { tools }),
  };
}

/** Undefined: those that every call has. */
async function instructionsOf(
  { api, sources, log }: AgentLookUp,
  carrierCallId: string,
): Promise<string | undefined> {
  const told = api && (await attempt(log, 'system-instructions', () => api.instructions(carrierCallId)));
  if (told !== undefined) return told;
  const { instructions, instructionsUrl } = sources;
  if (instructions?.trim() || !instructionsUrl) return undefined;
  const asked = { ...sources, instructionsFile: undefined };
  const loaded = await attempt(log, 'address', () =>
    loadInstructions(asked, { logger: log, headers: { 'x-avr-uuid': carrierCallId } }),
  );
  return loaded?.source === 'address' ? loaded.text : undefined;
}

async function toolsOf(api: AgentApi, log: Logger, carrierCallId: string): Promise<Tool[] | undefined> {
  const listed = await attempt(log, 'tools', () => api.tools(carrierCallId));
  return listed === undefined ? undefined : apiTools(listed, log);
}

async function attempt<T>(log: Logger, what: string, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (thrown) {
    const code = thrown instanceof PatchcordError ? thrown.code : 'PATCHCORD_AGENT_API';
    log.warn(
      { code, what, error: messageOf(thrown) },
      'the agent was not looked up: the call goes on without',
    );
    return undefined;
  }
}
