import { randomUUID } from 'node:crypto';
import { AgentApi } from '../agents/agent-api.ts';
import type { Clock } from '../base/clock.ts';
import { PatchcordError } from '../base/errors.ts';
import { HttpApi } from '../carriers/http-api.ts';
import type { Environment } from '../config/environment.ts';
import type { Settings } from '../config/schema.ts';
import { ask, type CarrierCheck } from './carrier-check.ts';
import { type Finding, networkReason, ok, warn } from './finding.ts';
import { hostFindings, peerAddress, whoMay } from './own-network.ts';

/** One of these says that there is an AVR; without any it is served to this machine, and nothing of it is asked. */
const names = ['AVR_PORT', 'AVR_ALLOW', 'AGENT_ID', 'AGENT_API_BASE_URL', 'AMI_URL'] as const;

/** Says what avr-core is to be given, and asks its helper and the agent API. */
export const checkAvr: CarrierCheck = async ({ settings, env, clock, timeoutMs }) => {
  if (!names.some((name) => isSet(env, name))) {
    const what = 'Agent Voice Response (AVR) may connect from this machine alone, without any setting';
    return [ok(what, 'docs/carriers/avr.md says how, and what an avr-core elsewhere needs')];
  }
  const { avr, server } = settings;
  const address = peerAddress(server.host, avr.port ?? server.port, avr.allow);
  const [helper, agent] = await Promise.all([
    helperFinding(avr.amiUrl, clock, timeoutMs),
    agentFindings(settings, clock),
  ]);
  return [
    ok(
      `avr-core may connect ${whoMay(avr.allow)}`,
      `set its STS_URL to ws://${address}, or of an old version to http://${address}/speech-to-speech-stream`,
    ),
    ...hostFindings('AVR_ALLOW', avr.allow, server.host),
    helper,
    ...agent,
  ];
};

function isSet(env: Environment, name: string): boolean {
  return (env[name] ?? '').trim() !== '';
}

/** Any answer will do: the helper has nothing that could be asked for without a call. */
async function helperFinding(amiUrl: string, clock: Clock, deadlineMs: number): Promise<Finding> {
  try {
    await ask(new HttpApi({ carrier: 'avr', baseUrl: amiUrl, clock, deadlineMs }), '/');
    return ok('the AMI helper answers');
  } catch (error) {
    return warn(
      `the AMI helper cannot be reached (${networkReason(error)})`,
      'start avr-ami and set AMI_URL: without it calls are neither transferred nor hung up at Asterisk',
    );
  }
}

async function agentFindings({ avr }: Settings, clock: Clock): Promise<Finding[]> {
  const { agentId, agentApiBaseUrl: baseUrl, agentApiTimeoutMs: timeoutMs } = avr;
  if (agentId === undefined && baseUrl === undefined) return [];
  if (agentId === undefined) return [half('AGENT_ID', 'AGENT_API_BASE_URL')];
  if (baseUrl === undefined) return [half('AGENT_API_BASE_URL', 'AGENT_ID')];
  try {
    await new AgentApi({ baseUrl, agentId, timeoutMs, clock }).instructions(randomUUID());
    return [ok('the agent API has instructions for AGENT_ID')];
  } catch (error) {
    const advice = 'check AGENT_API_BASE_URL and AGENT_ID; calls go on with the next source of instructions';
    return [warn(error instanceof PatchcordError ? `the ${error.message}` : networkReason(error), advice)];
  }
}

function half(missing: string, set: string): Finding {
  return warn(`${set} is set and ${missing} is not, so no agent API is asked`, 'set both');
}
