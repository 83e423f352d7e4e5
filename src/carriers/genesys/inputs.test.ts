import { describe, expect, it } from 'vitest';
import { type InputDefaults, overridesOf, variablesOf } from './inputs.ts';
import { languageName, languageTag } from './language.ts';
import type { OpenMessage } from './wire.ts';

const defaults: InputDefaults = { agentName: 'AI Assistant', companyName: 'Our Company' };
const standing = 'Be the voice of Our Company.';

const open = (
  inputVariables: Record<string, string> = {},
  changes: Partial<OpenMessage> = {},
): OpenMessage => ({
  type: 'open',
  organizationId: 'o',
  conversationId: 'c',
  participant: { id: 'p', ani: undefined, aniName: undefined, dnis: undefined },
  media: [],
  language: undefined,
  asksLanguages: false,
  inputVariables: new Map(Object.entries(inputVariables)),
  ...changes,
});

const overrides = (inputVariables: Record<string, string>, changes: Partial<OpenMessage> = {}) =>
  overridesOf(open(inputVariables, changes), defaults);

function instructions(inputVariables: Record<string, string>, changes: Partial<OpenMessage> = {}): string {
  const { instructions: made } = overrides(inputVariables, changes);
  return typeof made === 'function' ? made(standing) : '';
}

describe('input variables', () => {
  it('set voice, model and length of answers', () => {
    const given = {
      OPENAI_VOICE: 'cedar',
      OPENAI_MODEL: 'gpt-realtime-mini',
      OPENAI_MAX_OUTPUT_TOKENS: '900',
    };
    expect(overrides(given)).toMatchObject({
      voice: 'cedar',
      model: 'gpt-realtime-mini',
      maxOutputTokens: 900,
    });
  });

  it('change nothing where they are missing or blank', () => {
    const { instructions: made, ...others } = overrides({ OPENAI_VOICE: ' ', AI_MODEL: '' });
    expect(others).toEqual({});
    expect(typeof made).toBe('function');
  });

  it.each([
    'SYSTEM_PROMPT',
    'VOICE',
    'MODEL',
    'MAX_OUTPUT_TOKENS',
  ])('have a name with AI_ before that with OPENAI_: %s', (name) => {
    const [first, second] = ['0.8', '0.9'];
    const text = (given: Record<string, string>) => JSON.stringify([overrides(given), instructions(given)]);
    const both = text({ [`AI_${name}`]: first, [`OPENAI_${name}`]: second });
    expect(both).toBe(text({ [`OPENAI_${name}`]: first }));
    expect(both).not.toBe(text({ [`OPENAI_${name}`]: name === 'MAX_OUTPUT_TOKENS' ? '9' : second }));
    expect(text({ [`AI_${name}`]: ' ', [`OPENAI_${name}`]: second })).toBe(text({ [`AI_${name}`]: second }));
  });

  it('change nothing with a temperature, which the Realtime API has dropped', () => {
    const { instructions: _made, ...others } = overrides({
      AI_TEMPERATURE: '0.7',
      OPENAI_TEMPERATURE: '0.9',
    });
    expect(others).toEqual({});
  });

  it.each([
    ['1', 1],
    ['4096', 4096],
    ['4097', 'inf'],
    ['0', 'inf'],
    ['1.5', 'inf'],
    ['inf', 'inf'],
    ['many', 'inf'],
  ])('take %s output tokens as %s', (given, tokens) => {
    expect(overrides({ OPENAI_MAX_OUTPUT_TOKENS: given }).maxOutputTokens).toBe(tokens);
  });

  it('are all kept for later, with bounds, and the name of the caller beside them', () => {
    const given = { DATA_ACTION_IDS: 'a|b', MCP_TOOLS_JSON: '[{}]', LONG: 'x'.repeat(40_000) };
    const kept = variablesOf(
      open(given, { participant: { id: 'p', ani: undefined, aniName: 'ACME', dnis: undefined } }),
    );
    expect(kept).toMatchObject({ DATA_ACTION_IDS: 'a|b', MCP_TOOLS_JSON: '[{}]', aniName: 'ACME' });
    expect(kept.LONG).toHaveLength(32_768);
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`V${n}`, 'x']));
    expect(Object.keys(variablesOf(open(many)))).toHaveLength(100);
    const odd = variablesOf(
      open(
        {},
        {
          inputVariables: new Map([
            ['__proto__', 'x'],
            ['', 'y'],
          ]),
        },
      ),
    );
    expect(Object.entries(odd)).toEqual([['__proto__', 'x']]);
  });
});

describe('the instructions', () => {
  it('have three tiers: what always holds, what the flow says, and which of them wins', () => {
    const text = instructions({ OPENAI_SYSTEM_PROMPT: 'You sell shoes.' });
    const places = ['[TIER 1', '[TIER 2', 'You sell shoes.', '[ENDING THE CALL]', '[HIERARCHY]'].map((part) =>
      text.indexOf(part),
    );
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places[0]).toBe(0);
    expect(text).not.toContain(standing);
    expect(text).toContain('end_conversation_successfully');
    expect(text).toContain('end_conversation_with_escalation');
  });

  it("have the default agent's where the flow gives none", () => {
    expect(instructions({})).toContain(`[TIER 2 - ADMIN INSTRUCTIONS]\n${standing}`);
  });

  it('have the names of agent and company, those of the flow before those of the settings', () => {
    const prompt = 'I am [AGENT_NAME] of [COMPANY_NAME]. Our Company cares.';
    const given = { AI_SYSTEM_PROMPT: prompt, AGENT_NAME: '$& Ada [COMPANY_NAME]', COMPANY_NAME: 'ACME' };
    expect(instructions(given)).toContain('I am $& Ada [COMPANY_NAME] of ACME. ACME cares.');
    expect(instructions({ AI_SYSTEM_PROMPT: prompt })).toContain('I am AI Assistant of Our Company.');
    const settings = { agentName: 'Bea', companyName: 'Shop' };
    const { instructions: made } = overridesOf(open({ AI_SYSTEM_PROMPT: prompt }), settings);
    expect(typeof made === 'function' && made('')).toContain('I am Bea of Shop. Shop cares.');
  });

  it('have what the flow says about the end of a call', () => {
    const text = instructions({
      ESCALATION_PROMPT: 'Escalate refunds of [COMPANY_NAME].',
      SUCCESS_PROMPT: 'Ask for a rating.',
      COMPANY_NAME: 'ACME',
    });
    expect(text).toContain('Escalate refunds of ACME.');
    expect(text).toContain('Ask for a rating.');
  });

  it('have the customer data, and say that it is none of them', () => {
    const text = instructions({ CUSTOMER_DATA: 'name: Ada ; plan:gold:plus;nonsense; :x; empty: ' });
    expect(text).toContain('[CUSTOMER DATA]\n');
    expect(text).toContain('\nname: Ada\nplan: gold:plus\n');
    expect(text).not.toContain('nonsense');
    expect(text).not.toContain('empty');
    expect(instructions({ CUSTOMER_DATA: 'nothing' })).not.toContain('[CUSTOMER DATA]');
  });

  it('order the language of the flow in addition to what always holds', () => {
    const text = instructions({ LANGUAGE: 'es-ES' }, { language: 'en-US' });
    expect(text).toContain('Always speak Spanish (Spain)');
    expect(text).not.toContain('English');
    for (const line of instructions({}).split('\n')) expect(text).toContain(line);
    expect(overrides({ LANGUAGE: 'es-ES' }, { language: 'en-US' }).language).toBe('es-ES');
  });

  it("begin in the session's language where the flow orders none", () => {
    expect(instructions({}, { language: 'pt-BR' })).toContain('Begin in Portuguese (Brazil)');
    expect(overrides({}, { language: 'pt-BR' }).language).toBe('pt-BR');
    expect(overrides({}).language).toBeUndefined();
  });
});

describe('a language', () => {
  it.each([
    ['es', 'es', 'Spanish'],
    ['en-us', 'en-US', 'English (United States)'],
    ['pt_BR', 'pt-BR', 'Portuguese (Brazil)'],
    ['Spanish', 'es', 'Spanish'],
    [' french ', 'fr', 'French'],
  ])('%s is %s, %s in words', (written, tag, words) => {
    expect(languageTag(written)).toBe(tag);
    expect(languageName(written)).toBe(words);
  });

  it.each(['', 'the one of the caller', 'en-', 'e', 'en-US-x-', '12'])('%j has no tag', (written) => {
    expect(languageTag(written)).toBeUndefined();
    expect(languageName(written)).toBe(written);
  });
});
