import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../base/clock.ts';
import { SystemClock } from '../base/clock.ts';
import { PatchcordError } from '../base/errors.ts';
import { type Logger, silentLogger } from '../base/logger.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { AgentApi, type CallSummary } from './agent-api.ts';
import { lookUpAgent } from './agent-look-up.ts';
import type { InstructionSources } from './instructions.ts';

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let base: string;
let asked: Asked[];
let warnings: object[];
let answers: Record<string, (response: ServerResponse) => void>;
let close: () => void;

const log: Logger = { ...silentLogger, warn: (fields) => warnings.push(fields) };
const json = (value: unknown) => (response: ServerResponse) => response.end(JSON.stringify(value));
const status = (code: number) => (response: ServerResponse) => response.writeHead(code).end('{}');

beforeEach(async () => {
  asked = [];
  warnings = [];
  answers = {};
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (piece) => {
      body += String(piece);
    });
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      asked.push({ method, url, headers, body });
      const answer = answers[url.split('?')[0]?.split('/').at(-1) ?? ''];
      if (answer) answer(response);
      else status(404)(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  close = () => {
    server.closeAllConnections();
    server.close();
  };
});
afterEach(() => close());

function api(changes: { baseUrl?: string; clock?: Clock } = {}): AgentApi {
  return new AgentApi({
    baseUrl: base,
    agentId: 'desk-1',
    timeoutMs: 1000,
    clock: new SystemClock(),
    ...changes,
  });
}

const sources = (changes: Partial<InstructionSources> = {}): InstructionSources => ({
  instructions: undefined,
  instructionsUrl: undefined,
  instructionsFile: undefined,
  instructionsTimeoutMs: 1000,
  ...changes,
});

async function failure(promise: Promise<unknown>): Promise<PatchcordError> {
  const thrown = await promise.catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(PatchcordError);
  return thrown as PatchcordError;
}

describe('the agent API', () => {
  it('000 agent API: asked at its address, with the uuid of the call', async () => {
    answers['system-instructions'] = json({ system: 'You are the desk.' });
    expect(await api({ baseUrl: `${base}/v2/?key=1` }).instructions('u1')).toBe('You are the desk.');
    expect(asked[0]).toMatchObject({
      method: 'GET',
      url: '/v2/api/agents/desk-1/system-instructions?key=1',
      headers: { 'content-type': 'application/json', 'x-avr-uuid': 'u1' },
    });
  });

  it.each([
    [{ system: 'a', instructions: 'b' }, 'a'],
    [{ system: ' ', instructions: ' b ' }, 'b'],
    ['c', 'c'],
  ])('000 agent API: instructions are system, instructions or the text itself: %j', async (answer, text) => {
    answers['system-instructions'] = json(answer);
    expect(await api().instructions('u1')).toBe(text);
  });

  it('takes a text that is not JSON', async () => {
    answers['system-instructions'] = (response) => response.end('Just be kind.\n');
    expect(await api().instructions('u1')).toBe('Just be kind.');
  });

  it('000 greeting: greeting, text or the text itself; none where there is none', async () => {
    for (const answer of [{ greeting: 'Hi.' }, { text: 'Hi.' }, 'Hi.']) {
      answers.greeting = json(answer);
      expect(await api().greeting('u1')).toBe('Hi.');
    }
    answers.greeting = json({ greeting: '' });
    expect(await api().greeting('u1')).toBeUndefined();
    answers.greeting = status(404);
    expect(await api().greeting('u1')).toBeUndefined();
  });

  it('says what failed, and never with the address', async () => {
    answers['system-instructions'] = status(503);
    const refused = await failure(api().instructions('u1'));
    expect(refused).toMatchObject({ code: 'PATCHCORD_AGENT_API', details: { status: 503 } });
    answers['system-instructions'] = json({ other: 1 });
    expect((await failure(api().instructions('u1'))).message).toContain('no instructions');
    const gone = await failure(api({ baseUrl: 'http://127.0.0.1:9/?key=hidden' }).instructions('u1'));
    expect(gone.message).toContain('agent API: system-instructions');
    expect(gone.message + JSON.stringify(gone.details)).not.toContain('hidden');
    answers['system-instructions'] = (response) => response.end('x'.repeat(1_100_000));
    expect((await failure(api().instructions('u1'))).message).toContain('larger than');
  });

  it('is not waited for longer than its deadline', async () => {
    const clock = new VirtualClock();
    const reached = Promise.withResolvers<void>();
    answers.greeting = () => reached.resolve();
    const error = failure(api({ clock }).greeting('u1'));
    await reached.promise;
    clock.advance(1000);
    expect((await error).message).toContain('no answer within 1000 ms');
    expect(clock.pending).toBe(0);
  });

  it('000 call-summary: is posted as it is', async () => {
    answers['call-summary'] = json({ success: true });
    const summary: CallSummary = {
      sessionUuid: 'u1',
      callerInfo: { phoneNumber: '2000', callerName: null, channel: null, context: null, extension: null },
      callMetadata: { startTime: 'a', endTime: 'b', durationSeconds: 3 },
      transcripts: [],
    };
    await api().postSummary(summary);
    expect(asked[0]).toMatchObject({
      method: 'POST',
      url: '/api/agents/desk-1/call-summary',
      headers: { 'x-avr-uuid': 'u1', 'content-type': 'application/json' },
      body: JSON.stringify(summary),
    });
  });
});

describe('who answers this very call', () => {
  it('000 instruction sources: the agent API first, then what the settings say', async () => {
    answers['system-instructions'] = json({ system: 'from the agent API' });
    answers.address = json({ system: 'from the address' });
    const instructionsUrl = `${base}/address`;
    const look = (with_: Partial<InstructionSources>, agentApi: AgentApi | undefined = api()) =>
      lookUpAgent({ api: agentApi, sources: sources(with_), log }, 'u1');
    expect(await look({ instructions: 'from the text', instructionsUrl })).toEqual({
      instructions: 'from the agent API',
    });
    delete answers['system-instructions'];
    // The text is what every call has already.
    expect(await look({ instructions: 'from the text', instructionsUrl })).toEqual({});
    expect(await look({ instructionsUrl })).toEqual({ instructions: 'from the address' });
    expect(await look({ instructionsUrl }, undefined)).toEqual({ instructions: 'from the address' });
    answers.address = status(500);
    expect(await look({ instructionsUrl, instructionsFile: '/no/such/file' })).toEqual({});
    expect(await look({}, undefined)).toEqual({});
  });

  it('000 instruction sources: the address is asked with X-AVR-UUID', async () => {
    answers.address = json({ system: 'from the address' });
    const instructionsUrl = `${base}/address`;
    await lookUpAgent({ api: undefined, sources: sources({ instructionsUrl }), log }, 'u7');
    expect(asked[0]).toMatchObject({ method: 'GET', headers: { 'x-avr-uuid': 'u7' } });
  });

  it('has the greeting and the tools that the agent API has for it', async () => {
    answers['system-instructions'] = json('Be kind.');
    answers.greeting = json({ greeting: 'Hi.' });
    answers.tools = json([{ name: 'book', handler: { url: `${base}/book` } }]);
    const { tools, ...rest } = await lookUpAgent({ api: api(), sources: sources(), log }, 'u1');
    expect(rest).toEqual({ instructions: 'Be kind.', greeting: 'Hi.' });
    expect(tools?.map(({ name }) => name)).toEqual(['book']);
    expect(warnings).toEqual([]);
  });

  it('never rejects: whatever fails is a warning, and the call goes on without', async () => {
    for (const what of ['system-instructions', 'greeting', 'tools']) {
      answers[what] = (response) => response.destroy();
    }
    expect(await lookUpAgent({ api: api(), sources: sources(), log }, 'u1')).toEqual({});
    expect(warnings).toHaveLength(3);
    expect(warnings[0]).toMatchObject({ code: 'PATCHCORD_AGENT_API' });
    // An id that no header can carry.
    expect(await lookUpAgent({ api: api(), sources: sources(), log }, 'ä\n')).toEqual({});
  });
});
