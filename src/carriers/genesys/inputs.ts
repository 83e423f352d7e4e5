import type { CallOverrides } from '../carrier.ts';
import { languageTag } from './language.ts';
import { instructionsFor, type PromptParts } from './prompt.ts';
import type { OpenMessage } from './wire.ts';

export interface InputDefaults {
  /** For `[AGENT_NAME]` and `[COMPANY_NAME]` where the call brings none. */
  readonly agentName: string;
  readonly companyName: string;
}

/** Variables of a call that are kept, and their longest names and values. A whole `open` is below 64 kB. */
const maxVariables = 100;
const maxNameChars = 128;
const maxValueChars = 32_768;

/** What the Architect flow gives to the call beside its own variables: names that no flow uses. */
export function variablesOf({ inputVariables, participant }: OpenMessage): Record<string, string> {
  const kept = [...inputVariables]
    .filter(([name]) => name !== '' && name.length <= maxNameChars)
    .slice(0, maxVariables)
    .map(([name, value]) => [name, value.slice(0, maxValueChars)] as const);
  const { aniName } = participant;
  return Object.fromEntries(aniName === undefined ? kept : [['aniName', aniName.slice(0, 500)], ...kept]);
}

/**
 * What differs in this call from the default agent, by the input variables. Each of the model's has two names, of
 * which `AI_` goes before `OPENAI_`; a blank one was not given.
 */
export function overridesOf(open: OpenMessage, defaults: InputDefaults): CallOverrides {
  const given = (...names: string[]): string | undefined =>
    names.map((name) => open.inputVariables.get(name)?.trim()).find((value) => value);
  const forModel = (name: string): string | undefined => given(`AI_${name}`, `OPENAI_${name}`);
  const ordered = given('LANGUAGE');
  const parts: PromptParts = {
    systemPrompt: forModel('SYSTEM_PROMPT'),
    orderedLanguage: ordered,
    flowLanguage: open.language,
    customerData: readCustomerData(given('CUSTOMER_DATA') ?? ''),
    agentName: given('AGENT_NAME') ?? defaults.agentName,
    companyName: given('COMPANY_NAME') ?? defaults.companyName,
    escalationPrompt: given('ESCALATION_PROMPT'),
    successPrompt: given('SUCCESS_PROMPT'),
  };
  return {
    instructions: (standing) => instructionsFor(standing, parts),
    ...defined('voice', forModel('VOICE')),
    ...defined('model', forModel('MODEL')),
    ...defined('maxOutputTokens', readMaxTokens(forModel('MAX_OUTPUT_TOKENS'))),
    ...defined('language', languageTag(ordered ?? open.language ?? '')),
  };
}

/** A whole number from 1 to 4096; whatever else is given means no limit. */
function readMaxTokens(value: string | undefined): number | 'inf' | undefined {
  if (value === undefined) return undefined;
  const tokens = /^\d{1,4}$/.test(value) ? Number(value) : 0;
  return tokens >= 1 && tokens <= 4096 ? tokens : 'inf';
}

/** `key:value;key:value`; what has no colon is passed over. */
function readCustomerData(text: string): [string, string][] {
  const pairs: [string, string][] = [];
  for (const pair of text.split(';')) {
    const colon = pair.indexOf(':');
    const key = pair.slice(0, Math.max(0, colon)).trim();
    const value = pair.slice(colon + 1).trim();
    if (key !== '' && value !== '') pairs.push([key, value]);
  }
  return pairs;
}

function defined<K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [key in K]: V });
}
