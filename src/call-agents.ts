import { AgentApi } from './agents/agent-api.ts';
import { lookUpAgent } from './agents/agent-look-up.ts';
import { CallSummaries } from './agents/call-summaries.ts';
import type { Clock } from './base/clock.ts';
import type { Logger } from './base/logger.ts';
import type { CallDirectory } from './call/directory.ts';
import type { Tool } from './call/tools.ts';
import { avrToolNames } from './carriers/avr/tools.ts';
import type { CallOverrides } from './carriers/carrier.ts';
import type { Settings } from './config/schema.ts';
import { instructionSources } from './switchboard.ts';
import { loadToolFolders } from './tools/tool-folders.ts';

export interface CallAgentsOptions {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What an agent API says of single calls, and is told of them when they are over. */
export class CallAgents {
  readonly #options: CallAgentsOptions;
  readonly #api: AgentApi | undefined;
  #summaries: CallSummaries | undefined;
  #stop: (() => void) | undefined;

  constructor(options: CallAgentsOptions) {
    const { agentId, agentApiBaseUrl: baseUrl, agentApiTimeoutMs: timeoutMs } = options.settings.avr;
    this.#options = options;
    if (agentId === undefined || baseUrl === undefined) return;
    this.#api = new AgentApi({ baseUrl, agentId, timeoutMs, clock: options.clock });
  }

  /** Never rejects. */
  lookUp(carrierCallId: string): Promise<CallOverrides> {
    const { settings, log } = this.#options;
    return lookUpAgent({ api: this.#api, sources: instructionSources(settings), log }, carrierCallId);
  }

  /** Posts a summary of each call of AVR from now on, where there is an agent API. */
  summarise(directory: CallDirectory): void {
    if (this.#api === undefined) return;
    const { clock, log } = this.#options;
    const partyOf = (callId: string) => directory.find(callId)?.party;
    this.#summaries = new CallSummaries({ api: this.#api, carrier: 'avr', partyOf, clock, log });
    this.#stop = directory.observe(this.#summaries.observe);
  }

  /** After the calls have ended: what is under way is tried once more. */
  async close(): Promise<void> {
    this.#stop?.();
    await this.#summaries?.close();
  }
}

/** The tools from code, and those from the folders that the settings name. */
export async function toolsOf(
  { settings, clock, log }: CallAgentsOptions,
  own: readonly Tool[],
): Promise<Tool[]> {
  const taken = ['end_call', ...avrToolNames, ...own.map(({ name }) => name)];
  return [...own, ...(await loadToolFolders({ folders: settings.avr.toolFolders, taken, clock, log }))];
}
