import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Logger, silentLogger } from '../base/logger.ts';
import type { ToolContext } from '../call/tools.ts';
import { apiTools } from './api-tools.ts';

let url: string;
let asked: {
  readonly method: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}[];
let reply: { status: number; body: string } | undefined;
let reached: PromiseWithResolvers<void>;
let warnings: object[];
let close: () => void;
const log: Logger = { ...silentLogger, warn: (fields) => warnings.push(fields) };

beforeEach(async () => {
  asked = [];
  warnings = [];
  reply = { status: 200, body: 'It is sunny.' };
  reached = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (piece) => {
      body += String(piece);
    });
    request.on('end', () => {
      asked.push({ method: request.method, headers: request.headers, body });
      reached.resolve();
      if (reply) response.writeHead(reply.status).end(reply.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/weather`;
  close = () => {
    server.closeAllConnections();
    server.close();
  };
});
afterEach(() => close());

const context = (signal = new AbortController().signal): ToolContext => ({
  callId: 'c1',
  carrierCallId: 'u1',
  party: { direction: 'inbound', from: '2000', variables: {} },
  toolCallId: 't1',
  spoken: false,
  signal,
  endCall: () => undefined,
});

const entry = (changes: Record<string, unknown> = {}) => ({
  name: 'get_weather',
  description: 'Tells the weather.',
  input_schema: { properties: { location: { type: 'string' } } },
  handler: { url, headers: { 'x-key': 'k' } },
  ...changes,
});

describe('000 API tools', () => {
  it("post the arguments and the caller to the tool's address, with the uuid and its headers", async () => {
    const [tool] = apiTools([entry()], log);
    expect(tool).toMatchObject({
      name: 'get_weather',
      description: 'Tells the weather.',
      parameters: { type: 'object', properties: { location: { type: 'string' } } },
    });
    expect(await tool?.run({ location: 'Rome' }, context())).toBe('It is sunny.');
    expect(asked[0]).toMatchObject({
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-avr-uuid': 'u1', 'x-key': 'k' },
    });
    expect(JSON.parse(asked[0]?.body ?? '')).toEqual({
      location: 'Rome',
      callerInfo: { phoneNumber: '2000', callerName: null, channel: null, context: null, extension: null },
    });
  });

  it('take their headers as pairs too, which may replace those of ours', async () => {
    const headers = [
      { key: 'Authorization', value: 'Bearer t' },
      { key: 'X-AVR-UUID', value: 'other' },
    ];
    await apiTools([entry({ handler: { url, headers } })], log)[0]?.run({}, context());
    expect(asked[0]?.headers).toMatchObject({ authorization: 'Bearer t', 'x-avr-uuid': 'other' });
  });

  it('fail in words where the address says no, and end with the call', async () => {
    const [tool] = apiTools([entry()], log);
    reply = { status: 503, body: 'secret' };
    await expect(tool?.run({}, context())).rejects.toThrow('Its address answered 503.');
    reply = undefined;
    reached = Promise.withResolvers<void>();
    const abort = new AbortController();
    const running = tool?.run({}, context(abort.signal));
    await reached.promise;
    abort.abort();
    await expect(running).rejects.toThrow();
  });

  it('are passed over where they are not what they should be', () => {
    const listed = [
      entry({ name: 'a b' }),
      entry({ handler: { url: 'file:///etc/passwd' } }),
      entry({ handler: {} }),
      entry({ input_schema: [] }),
      'x',
      null,
      entry({ name: 'good' }),
    ];
    expect(apiTools(listed, log).map(({ name }) => name)).toEqual(['good']);
    expect(warnings).toHaveLength(6);
    expect(apiTools({ tools: [] }, log)).toEqual([]);
    expect(warnings).toHaveLength(7);
  });
});
