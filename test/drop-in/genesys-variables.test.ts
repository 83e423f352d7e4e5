import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { connect, headersOf, newIdentity } from '../contract/drivers/genesys-call.ts';
import { says } from '../contract/sounds.ts';
import { onGenesysStage } from './genesys-stage.ts';
import { hangUp, speak } from './habits.ts';
import { instructionsOf, sessionOf } from './on-stage.ts';

/** The rows of seed 004 (Genesys, Python) in the merged drop-in contract, over the whole gateway. */

const agentFirst = { PATCHCORD_FIRST_SPEAKER: 'agent' };
const greeting = { env: agentFirst, script: [says({ ms: 150, seed: 1 })] };

const outputs = [
  'CONVERSATION_SUMMARY',
  'CONVERSATION_DURATION',
  'TOTAL_INPUT_TEXT_TOKENS',
  'TOTAL_INPUT_CACHED_TEXT_TOKENS',
  'TOTAL_INPUT_AUDIO_TOKENS',
  'TOTAL_INPUT_CACHED_AUDIO_TOKENS',
  'TOTAL_OUTPUT_TEXT_TOKENS',
  'TOTAL_OUTPUT_AUDIO_TOKENS',
  'ESCALATION_REQUIRED',
  'ESCALATION_REASON',
  'COMPLETION_SUMMARY',
];

/** Status and body of an upgrade that is refused. */
async function refusal(
  gatewayUrl: string,
  headers: Readonly<Record<string, string>>,
  target?: string,
): Promise<{ status: number; body: string }> {
  const socket = connect(gatewayUrl, headers, target);
  socket.on('error', () => socket.terminate());
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
  let body = '';
  for await (const part of response) body += String(part);
  socket.terminate();
  return { status: response.statusCode ?? 0, body };
}

function without(headers: Readonly<Record<string, string>>, ...names: string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)));
}

describe.concurrent('a Genesys flow finds its variables', () => {
  it('004 /audiohook upgrade: 404 before 401 before 400, with the names of what is missing', async () => {
    const script = [1, 2, 3].map((seed) => says({ ms: 150, seed }));
    await onGenesysStage({ ...greeting, script }, async ({ stage, call }) => {
      const { url } = stage.gateway;
      const headers = headersOf(newIdentity());
      expect((await refusal(url, without(headers, 'x-api-key'), '/audiohoo')).status).toBe(404);
      const session = ['audiohook-session-id', 'audiohook-correlation-id'];
      expect((await refusal(url, without(headers, 'x-api-key', ...session))).status).toBe(401);
      const { status, body } = await refusal(url, without(headers, ...session));
      expect(status).toBe(400);
      for (const name of session) expect(body.toLowerCase()).toContain(name);
      for (const path of ['/audiohook/', '/audiohook?tenant=a', '/audiohook/connector-1']) {
        const record = await call({ path, steps: [hangUp] }).run();
        expect(record.failure).toBeUndefined();
        expect(record.stream?.playedMs).toBe(150);
      }
    });
  });

  it('004 GET / is 200', async () => {
    await onGenesysStage({}, async ({ stage }) => {
      expect((await fetch(`${stage.gateway.url}/`)).status).toBe(200);
    });
  });

  it('004 input variables: prompt, voice, limit, customer data and names', async () => {
    const inputVariables = {
      OPENAI_SYSTEM_PROMPT: 'Sell tea for Our Company. You are [AGENT_NAME] of [COMPANY_NAME].',
      OPENAI_VOICE: 'cedar',
      OPENAI_MODEL: 'gpt-realtime-2',
      OPENAI_TEMPERATURE: '0.9',
      OPENAI_MAX_OUTPUT_TOKENS: '500',
      CUSTOMER_DATA: 'name:Robin;tier:gold',
      AGENT_NAME: 'Sage',
      ' COMPANY_NAME ': 'Tea House',
    };
    await onGenesysStage(greeting, async ({ stage, call }) => {
      expect((await call({ inputVariables, steps: [hangUp] }).run()).failure).toBeUndefined();
      const instructions = instructionsOf(stage);
      expect(instructions).toContain('Sell tea for Tea House. You are Sage of Tea House.');
      expect(instructions).toMatch(/name: ?Robin/);
      expect(instructions).toMatch(/tier: ?gold/);
      expect(sessionOf(stage)).toMatchObject({
        max_output_tokens: 500,
        audio: { output: { voice: 'cedar' } },
      });
      expect(stage.eventsOf('call.started')[0]?.call.model).toContain('gpt-realtime-2');
    });
  });

  it('004 input variables: AI_* before OPENAI_*, ranges and fallbacks', async () => {
    const env = { ...agentFirst, OPENAI_VOICE: 'cedar', AGENT_NAME: 'Sage' };
    await onGenesysStage({ ...greeting, env }, async ({ stage, call }) => {
      const inputVariables = {
        AI_SYSTEM_PROMPT: 'The newer prompt of [AGENT_NAME].',
        OPENAI_SYSTEM_PROMPT: 'The older prompt.',
        AI_MAX_OUTPUT_TOKENS: '5000',
        OPENAI_VOICE: ' ',
      };
      expect((await call({ inputVariables, steps: [hangUp] }).run()).failure).toBeUndefined();
      expect(instructionsOf(stage)).toContain('The newer prompt of Sage.');
      expect(instructionsOf(stage)).not.toContain('The older prompt.');
      // The voice of the environment counts, which it did not in the project that this one replaces.
      expect(sessionOf(stage)).toMatchObject({ audio: { output: { voice: 'cedar' } } });
      expect([undefined, 'inf']).toContain(sessionOf(stage).max_output_tokens);
    });
  });

  it('004 input variables: LANGUAGE is added to the safety text and takes its place not', async () => {
    const script = [says({ ms: 150, seed: 2 }), says({ ms: 150, seed: 3 })];
    await onGenesysStage({ ...greeting, script }, async ({ stage, call }) => {
      await call({ inputVariables: { OPENAI_SYSTEM_PROMPT: 'Sell tea.' }, steps: [hangUp] }).run();
      const withLanguage = { OPENAI_SYSTEM_PROMPT: 'Sell tea.', LANGUAGE: 'es-ES' };
      await call({ inputVariables: withLanguage, steps: [hangUp] }).run();
      const [plain, spanish] = [instructionsOf(stage, 0), instructionsOf(stage, 1)];
      expect(spanish).toMatch(/Spanish|es-ES/);
      expect(plain).not.toMatch(/Spanish|es-ES/);
      const safety = plain.split('\n').filter((line) => line.length > 40 && !/language/i.test(line));
      expect(safety.length).toBeGreaterThan(2);
      for (const line of safety) expect(spanish).toContain(line);
      expect(sessionOf(stage, 1)).toMatchObject({ audio: { input: { transcription: { language: 'es' } } } });
    });
  });

  it('004 disconnect outputVariables: all names, all texts, tokens of the whole call, after the farewell', async () => {
    const ending = {
      tool: 'end_conversation_successfully',
      args: '{"summary":"The caller bought tea."}',
      callId: 'call_e',
    };
    const script = [
      says({ ms: 200, seed: 4, words: 'Good evening' }),
      says({ ms: 900, seed: 5, words: 'Thank you and goodbye' }, ending),
    ];
    await onGenesysStage({ env: agentFirst, script }, async ({ stage, call }) => {
      const record = await call({ steps: [{ ...speak, after: 'agent-finished' }] }).run();
      expect(record.failure).toBeUndefined();
      expect(record.stream?.violations).toEqual([]);
      expect(record.stream?.playedMs).toBe(1100);
      const told = record.session?.disconnect;
      expect(told?.reason).toBe('completed');
      const variables = told?.outputVariables ?? {};
      expect(Object.keys(variables)).toEqual(expect.arrayContaining(outputs));
      expect(variables).toMatchObject({
        CONVERSATION_SUMMARY: 'The caller bought tea.',
        COMPLETION_SUMMARY: 'The caller bought tea.',
        ESCALATION_REQUIRED: 'false',
        ESCALATION_REASON: '',
      });
      expect(Number(variables.CONVERSATION_DURATION)).toBeGreaterThan(1);
      const audioTokens = stage.tap
        .session(0)
        .toldOf('response.done')
        .map(({ response }) => (response as { usage: Usage }).usage.output_token_details.audio_tokens);
      expect(audioTokens).toHaveLength(2);
      expect(Number(variables.TOTAL_OUTPUT_AUDIO_TOKENS)).toBe(
        audioTokens.reduce((sum, one) => sum + one, 0),
      );
      expect(Number(variables.TOTAL_OUTPUT_AUDIO_TOKENS)).toBeGreaterThan(0);
    });
  });

  it.each([
    'end_conversation_with_escalation',
    'handoff_to_human',
  ])('004 end/escalation tools: %s hands the caller over', async (tool) => {
    const ending = { tool, args: '{"reason":"wants a person","summary":"A complaint."}', callId: 'call_e' };
    const script = [says({ ms: 400, seed: 6, words: 'I put you through' }, ending)];
    await onGenesysStage({ env: agentFirst, script }, async ({ call }) => {
      const record = await call().run();
      expect(record.failure).toBeUndefined();
      expect(record.session?.disconnect).toMatchObject({
        reason: 'completed',
        outputVariables: { ESCALATION_REQUIRED: 'true', ESCALATION_REASON: 'wants a person' },
      });
      expect(record.stream?.playedMs).toBe(400);
    });
  });

  it('004 end/escalation tools: end_call ends well, and a summary is never empty', async () => {
    const ending = { tool: 'end_call', callId: 'call_e' };
    const script = [says({ ms: 400, seed: 7, words: 'Goodbye then' }, ending)];
    await onGenesysStage({ env: agentFirst, script }, async ({ call }) => {
      const record = await call().run();
      expect(record.session?.disconnect?.reason).toBe('completed');
      expect(record.session?.disconnect?.outputVariables.CONVERSATION_SUMMARY).not.toBe('');
    });
  });

  it('004 close -> closed within a short bound, while the agent speaks', async () => {
    await onGenesysStage(
      { env: agentFirst, script: [says({ ms: 4000, seed: 8 })] },
      async ({ stage, call }) => {
        const made = call();
        const running = made.run();
        await stage.until('the agent heard', () => (made.session?.line.player.playedMs ?? 0) > 200);
        made.hangUp();
        const { session, stream, failure } = await running;
        expect(failure).toBeUndefined();
        expect(stream?.violations).toEqual([]);
        expect((session?.closedAtMs ?? 0) - (session?.closeSentAtMs ?? 0)).toBeLessThan(1000);
        expect((await stage.event('call.ended')).reason).toBe('caller-hung-up');
      },
    );
  });

  it('004 rate and backoff: audio waits as long as Genesys asks for, and then all of it comes', async () => {
    const script = [says({ ms: 12_000, seed: 9 })];
    await onGenesysStage({ env: agentFirst, script, pace: { speed: 4 } }, async ({ stage, call }) => {
      const made = call();
      const running = made.run();
      await stage.until('some of the answer', () => (made.session?.record.audioMs ?? 0) >= 800);
      made.session?.limit(1500);
      const { audioMs = 0 } = made.session?.record ?? {};
      expect(audioMs).toBeLessThan(12_000);
      // Its own message, which is control: answered although audio waits.
      made.session?.update('en-US');
      await stage.until('the update answered', () => made.session?.record.updates === 1, 1000);
      await stage.until('all of the answer', () => made.session?.record.audioMs === 12_000);
      made.hangUp();
      const record = await running;
      // Audio within retryAfter would be among them, and a gap in the numbers.
      expect(record.stream?.violations).toEqual([]);
      expect(stage.warnings('PATCHCORD_CARRIER_LIMIT')).toHaveLength(1);
    });
  });

  it('004 rate and backoff: without retryAfter the first wait is 3 s', async () => {
    const script = [says({ ms: 12_000, seed: 10 })];
    await onGenesysStage({ env: agentFirst, script, pace: { speed: 4 } }, async ({ stage, call }) => {
      const made = call({ retryAfterMs: 2900 });
      const running = made.run();
      await stage.until('some of the answer', () => (made.session?.record.audioMs ?? 0) >= 800);
      made.session?.limit();
      await stage.until('all of the answer', () => made.session?.record.audioMs === 12_000);
      made.hangUp();
      expect((await running).stream?.violations).toEqual([]);
    });
  });

  it('004 rate and backoff: the fourth complaint ends the session', async () => {
    await onGenesysStage(
      { env: agentFirst, script: [says({ ms: 9000, seed: 11 })] },
      async ({ stage, call }) => {
        const made = call();
        const running = made.run();
        await stage.until('some of the answer', () => (made.session?.record.audioMs ?? 0) > 0);
        for (const count of [1, 2, 3, 4]) {
          made.session?.limit(300);
          await stage.until(
            `complaint ${count} taken`,
            () =>
              stage.warnings('PATCHCORD_CARRIER_LIMIT').length >= count || made.session?.line.ended === true,
          );
          const until = clockMs() + 700;
          await stage.until('what was on its way', () => clockMs() > until);
        }
        const record = await running;
        expect(record.session?.disconnect).toMatchObject({
          reason: 'error',
          info: 'Rate limit max retries exceeded',
        });
        expect(record.stream?.violations).toEqual([]);
      },
    );
  });

  it('004 rate and backoff: what waits does not count as heard when the caller interrupts', async () => {
    const script = [says({ ms: 12_000, seed: 13 }), says({ ms: 150, seed: 14 })];
    await onGenesysStage({ env: agentFirst, script, pace: { speed: 4 } }, async ({ stage, call }) => {
      const made = call({ steps: [{ ...speak, after: 'agent-finished', delayMs: 1000 }] });
      const running = made.run();
      await stage.until('some of the answer', () => (made.session?.record.audioMs ?? 0) >= 600);
      made.session?.limit(8000);
      const truncations = () => stage.emulator.sessions.flatMap(({ record }) => record.truncations);
      await stage.until('the model told', () => truncations().length === 1);
      const playedMs = made.session?.line.player.playedMs ?? 0;
      expect(Math.abs((truncations()[0]?.audioEndMs ?? 0) - playedMs)).toBeLessThan(150);
      made.hangUp();
      expect((await running).stream?.violations).toEqual([]);
    });
  });

  it('004 long answers: three minutes of speech lose nothing', async () => {
    const script = [says({ ms: 185_000, seed: 12 })];
    const env = { ...agentFirst, GENESYS_MAX_QUEUED_MS: '600000' };
    const pace = { speed: 400, deltaMs: 2000 };
    await onGenesysStage({ env, script, pace }, async ({ stage, call }) => {
      const made = call();
      const running = made.run();
      await stage.until('all of it at Genesys', () => made.session?.record.audioMs === 185_000, 15_000);
      made.hangUp();
      const record = await running;
      expect(record.stream?.violations).toEqual([]);
      expect(stage.eventsOf('error')).toEqual([]);
    });
  });
});

interface Usage {
  readonly output_token_details: { readonly audio_tokens: number };
}

const clockMs = (): number => performance.now();
