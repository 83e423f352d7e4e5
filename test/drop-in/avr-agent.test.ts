import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../src/config/environment.ts';
import { FakeAgentApi, type FakeAgentApiOptions } from '../../src/emulators/avr/agent-api.ts';
import { generateSpeech } from '../../src/emulators/phone/caller-audio.ts';
import { says } from '../contract/sounds.ts';
import { type AvrStage, clock, onAvrStage } from './avr-stage.ts';
import { hangUp } from './habits.ts';
import { instructionsOf, sessionOf } from './on-stage.ts';

/** The rows of seed 000 about who answers and what it may do. */

const agentFirst = { PATCHCORD_FIRST_SPEAKER: 'agent' };

/** A gateway that asks this agent API. */
async function withAgentApi(
  options: Omit<FakeAgentApiOptions, 'agentId' | 'clock'>,
  more: Parameters<typeof onAvrStage>[0],
  play: (it: AvrStage, api: FakeAgentApi) => Promise<void>,
): Promise<void> {
  const api = new FakeAgentApi({ agentId: 'agent-1', clock, ...options });
  const env = { AGENT_ID: 'agent-1', AGENT_API_BASE_URL: await api.listen(), ...more.env };
  try {
    await onAvrStage({ ...more, env }, (it) => play(it, api));
  } finally {
    await api.close();
  }
}

async function inFolder(play: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'patchcord-'));
  try {
    await play(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** An HTTP address that answers every GET with this, and writes down who asked. */
async function withAddress(
  body: string,
  play: (url: string, uuids: (string | undefined)[]) => Promise<void>,
): Promise<void> {
  const uuids: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    uuids.push(request.headers['x-avr-uuid']?.toString());
    response.setHeader('content-type', 'application/json').end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  try {
    await play(`http://127.0.0.1:${(server.address() as AddressInfo).port}/instructions`, uuids);
  } finally {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

/** One short call; what its model was told. */
async function toldIn({ stage, call }: AvrStage): Promise<{ instructions: string; uuid: string }> {
  const record = await call({ steps: [hangUp] }).run();
  expect(record.failure).toBeUndefined();
  return { instructions: instructionsOf(stage), uuid: record.uuid };
}

const greeting = { env: agentFirst, script: [says({ ms: 150, seed: 1 })] };

describe.concurrent("an AVR connector's agent is found", () => {
  it('000 instruction sources: the environment, then the address, then the file, then the default', async () => {
    await inFolder(async (folder) => {
      const file = join(folder, 'agent.txt');
      await writeFile(file, 'From the file.');
      await withAddress('{"system":"From the address."}', async (url, uuids) => {
        const all = {
          OPENAI_INSTRUCTIONS: 'From the environment.',
          OPENAI_URL_INSTRUCTIONS: url,
          OPENAI_FILE_INSTRUCTIONS: file,
        };
        const withEnv = (env: Record<string, string>) => ({ ...greeting, env: { ...agentFirst, ...env } });
        await onAvrStage(withEnv(all), async (it) => {
          expect((await toldIn(it)).instructions).toContain('From the environment.');
        });
        await onAvrStage(withEnv({ ...all, OPENAI_INSTRUCTIONS: '' }), async (it) => {
          const { instructions, uuid } = await toldIn(it);
          expect(instructions).toContain('From the address.');
          expect(uuids).toContain(uuid);
        });
        const fileAlone = { OPENAI_INSTRUCTIONS: '', OPENAI_FILE_INSTRUCTIONS: file };
        await onAvrStage(withEnv(fileAlone), async (it) => {
          expect((await toldIn(it)).instructions).toContain('From the file.');
        });
        await onAvrStage(withEnv({ OPENAI_INSTRUCTIONS: '' }), async (it) => {
          expect((await toldIn(it)).instructions).not.toBe('');
        });
      });
    });
  });

  it.each([
    ['system', { system: 'I am from the agent API.' }],
    ['instructions', { instructions: 'I am from the agent API.' }],
    ['the text itself', 'I am from the agent API.'],
  ])('000 instruction sources: the agent API, field %s, asked with X-AVR-UUID', async (_field, answer) => {
    await withAgentApi({ instructions: answer }, greeting, async (it, api) => {
      const { instructions, uuid } = await toldIn(it);
      expect(instructions).toContain('I am from the agent API.');
      expect(api.requestsFor('system-instructions')).toMatchObject([{ method: 'GET', uuid }]);
    });
  });

  it('000 instruction sources: an agent API that fails or does not answer delays the call by its bound alone', async () => {
    await withAgentApi({ statusFor: () => 500 }, greeting, async (it) => {
      expect((await toldIn(it)).instructions).toContain('Be brief.');
    });
    const slow = { ...greeting, env: { ...agentFirst, AGENT_API_TIMEOUT_MS: '300' } };
    await withAgentApi({ instructions: 'too late', delayMs: 3000 }, slow, async (it) => {
      expect((await toldIn(it)).instructions).toContain('Be brief.');
    });
  });

  it('000 greeting: of the agent API, spoken first', async () => {
    const api = { instructions: 'Sell.', greeting: { greeting: 'Welcome to the shop' } };
    await withAgentApi(api, greeting, async (it) => {
      await toldIn(it);
      expect(JSON.stringify(it.stage.tap.session(0).askedFor('response.create'))).toContain(
        'Welcome to the shop',
      );
    });
  });

  it('000 API tools: POST of the arguments and of who calls, with X-AVR-UUID and headers of their own', async () => {
    const seen: { headers: NodeJS.Dict<string | string[]>; body: string }[] = [];
    const shop = createServer((request, response) => {
      let body = '';
      request.on('data', (part) => {
        body += String(part);
      });
      request.on('end', () => {
        seen.push({ headers: request.headers, body });
        response.end('It costs ten.');
      });
    });
    await new Promise<void>((resolve) => shop.listen(0, '127.0.0.1', () => resolve()));
    const url = `http://127.0.0.1:${(shop.address() as AddressInfo).port}/price`;
    const tool = {
      name: 'price_of',
      description: 'What a thing costs.',
      input_schema: { type: 'object', properties: { thing: { type: 'string' } } },
      handler: { url, headers: [{ key: 'x-shop', value: 'one' }] },
    };
    const script = [
      says({ tool: 'price_of', args: '{"thing":"tea"}', callId: 'call_p' }),
      says({ ms: 150, seed: 2 }),
    ];
    try {
      await withAgentApi({ tools: [tool] }, { ...greeting, script }, async (it) => {
        const record = await it.call({ from: '+15550001111', steps: [hangUp] }).run();
        expect(record.failure).toBeUndefined();
        expect(seen).toHaveLength(1);
        expect(seen[0]?.headers).toMatchObject({ 'x-avr-uuid': record.uuid, 'x-shop': 'one' });
        expect(JSON.parse(seen[0]?.body ?? '')).toMatchObject({
          thing: 'tea',
          callerInfo: { phoneNumber: '+15550001111' },
        });
        expect(it.stage.tap.session(0).askedFor('conversation.item.create')).toMatchObject([
          { item: { type: 'function_call_output', call_id: 'call_p', output: 'It costs ten.' } },
        ]);
      });
    } finally {
      shop.closeAllConnections();
      await new Promise<void>((resolve) => shop.close(() => resolve()));
    }
  });

  it('000 call-summary: posted when the call is over, and once more where that failed', async () => {
    const failing = {
      instructions: 'Sell.',
      statusFor: (path: string, number: number) => (path === 'call-summary' && number === 1 ? 503 : 200),
    };
    const script = [
      says({ ms: 150, seed: 3, words: 'Good evening' }),
      says({ ms: 150, seed: 4, words: 'At ten' }),
    ];
    await withAgentApi(failing, { ...greeting, script }, async (it, api) => {
      const speak = { do: 'speak', audio: generateSpeech(400), after: 'agent-finished' } as const;
      const record = await it.call({ from: '+15550001111', steps: [speak, hangUp] }).run();
      await it.stage.until('a summary taken', () => api.requestsFor('call-summary').length === 2, 8000);
      const [failed, taken] = api.requestsFor('call-summary');
      expect(failed?.body).toEqual(taken?.body);
      expect(taken).toMatchObject({
        method: 'POST',
        uuid: record.uuid,
        contentType: 'application/json',
        status: 200,
      });
      expect(taken?.body).toMatchObject({
        sessionUuid: record.uuid,
        callerInfo: { phoneNumber: '+15550001111' },
        callMetadata: {
          startTime: expect.any(String),
          endTime: expect.any(String),
          durationSeconds: expect.any(Number),
        },
        transcripts: [
          { role: expect.any(String), text: 'Good evening', timestamp: expect.any(String) },
          { role: expect.any(String), text: 'words of the caller', timestamp: expect.any(String) },
          { role: expect.any(String), text: 'At ten', timestamp: expect.any(String) },
        ],
      });
    });
  });

  it("000 tools/: a user's module is called with the uuid and the arguments, its text is the call's result", async () => {
    await inFolder(async (folder) => {
      await writeFile(
        join(folder, 'get_weather.js'),
        `module.exports = {
          name: 'get_weather',
          description: 'The weather of a place.',
          input_schema: { type: 'object', properties: { place: { type: 'string' } }, required: ['place'] },
          handler: async (uuid, { place }) => 'It rains in ' + place + ' for ' + uuid,
        };`,
      );
      await writeFile(
        join(folder, 'broken.js'),
        `module.exports = { name: 'broken', input_schema: {}, handler: () => { throw new Error('no luck'); } };`,
      );
      await writeFile(join(folder, 'nonsense.js'), 'module.exports = {');
      const script = [
        says(
          { tool: 'get_weather', args: '{"place":"Rome"}', callId: 'call_w' },
          { tool: 'broken', callId: 'call_b' },
        ),
        says({ ms: 150, seed: 5 }),
      ];
      const env = { ...agentFirst, PATCHCORD_TOOL_FOLDERS: folder };
      await onAvrStage({ env, script }, async ({ stage, call }) => {
        const record = await call({ steps: [hangUp] }).run();
        expect(record.failure).toBeUndefined();
        const results = stage.tap.session(0).askedFor('conversation.item.create');
        expect(results).toMatchObject([
          {
            item: {
              type: 'function_call_output',
              call_id: 'call_w',
              output: `It rains in Rome for ${record.uuid}`,
            },
          },
          {
            item: {
              type: 'function_call_output',
              call_id: 'call_b',
              output: expect.stringContaining('error'),
            },
          },
        ]);
        const names = (sessionOf(stage).tools as { name: string }[]).map(({ name }) => name);
        expect(names).toEqual(
          expect.arrayContaining(['get_weather', 'broken', 'avr_transfer', 'avr_hangup']),
        );
      });
    });
  });

  it('000 env names: what the connectors were set by is what the model is given', async () => {
    const env = {
      ...agentFirst,
      OPENAI_MODEL: 'gpt-realtime-2',
      OPENAI_MAX_TOKENS: '300',
      OPENAI_VOICE: 'cedar',
      OPENAI_LANGUAGE: 'de',
      OPENAI_TRANSCRIPTION_MODEL: 'whisper-1',
      OPENAI_TURN_DETECTION: 'semantic_vad',
      OPENAI_TURN_DETECTION_EAGERNESS: 'low',
      OPENAI_REASONING_EFFORT: 'low',
    };
    await onAvrStage({ ...greeting, env }, async ({ stage, call }) => {
      await call({ steps: [hangUp] }).run();
      expect(sessionOf(stage)).toMatchObject({
        max_output_tokens: 300,
        audio: {
          input: {
            transcription: { model: 'whisper-1', language: 'de' },
            turn_detection: { type: 'semantic_vad', eagerness: 'low' },
          },
          output: { voice: 'cedar' },
        },
      });
      expect(stage.eventsOf('call.started')[0]?.call.model).toContain('gpt-realtime-2');
    });
  });

  it('000 env names: temperature 0 is 0, and what is no number stops the start', () => {
    expect(loadSettings({ OPENAI_TEMPERATURE: '0' }).openai.temperature).toBe(0);
    expect(() => loadSettings({ OPENAI_TEMPERATURE: 'warm' })).toThrow(/OPENAI_TEMPERATURE/);
    expect(() => loadSettings({ OPENAI_MAX_TOKENS: '0' })).toThrow(/OPENAI_MAX_TOKENS/);
  });
});
