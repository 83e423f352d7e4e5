import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Logger, silentLogger } from '../base/logger.ts';
import { defaultInstructions, type InstructionSources, loadInstructions } from './instructions.ts';

const nothing: InstructionSources = {
  instructions: undefined,
  instructionsUrl: undefined,
  instructionsFile: undefined,
  instructionsTimeoutMs: 2000,
};

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function serve(
  answer: (response: ServerResponse, headers: IncomingHttpHeaders) => void,
): Promise<string> {
  const server = createServer((request, response) => answer(response, request.headers));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/system?token=hidden`;
}

function file(text: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'patchcord-instructions-'));
  closers.push(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'agent.txt');
  writeFileSync(path, text);
  return path;
}

function watchedLogger(): { logger: Logger; warnings: object[] } {
  const warnings: object[] = [];
  return { warnings, logger: { ...silentLogger, warn: (fields) => warnings.push(fields) } };
}

describe('loadInstructions', () => {
  it('takes the text before the address before the file before the default', async () => {
    const url = await serve((response) => response.end('{"system":" from the address "}'));
    const path = file('from the file\n');
    const options = { logger: silentLogger };
    const all = { ...nothing, instructions: 'from the text', instructionsUrl: url, instructionsFile: path };
    expect((await loadInstructions(all, options)).text).toBe('from the text');
    expect((await loadInstructions({ ...all, instructions: undefined }, options)).text).toBe(
      'from the address',
    );
    expect((await loadInstructions({ ...nothing, instructionsFile: path }, options)).text).toBe(
      'from the file',
    );
    expect((await loadInstructions(nothing, options)).text).toBe(defaultInstructions);
  });

  it('sends the headers it is given', async () => {
    const url = await serve((response, headers) =>
      response.end(JSON.stringify({ system: headers['x-avr-uuid'] })),
    );
    const options = { logger: silentLogger, headers: { 'X-AVR-UUID': 'call-1' } };
    expect((await loadInstructions({ ...nothing, instructionsUrl: url }, options)).text).toBe('call-1');
  });

  it.each<[string, (response: ServerResponse) => void, string]>([
    ['answers 503', (response) => response.writeHead(503).end('busy'), 'answered 503'],
    ['sends no JSON', (response) => response.end('<html>'), 'not JSON'],
    ['has no field system', (response) => response.end('{"instructions":"x"}'), 'no text in the field'],
    ['sends too much', (response) => response.end(`{"system":"${'x'.repeat(1_100_000)}"}`), 'larger than'],
    ['hangs in the middle', (response) => response.write('{"system":'), 'timeout'],
  ])('goes on with the file and a warning when the address %s', async (_name, answer, reason) => {
    const url = await serve(answer);
    const { logger, warnings } = watchedLogger();
    const sources = {
      ...nothing,
      instructionsUrl: url,
      instructionsFile: file('from the file'),
      instructionsTimeoutMs: 300,
    };
    expect((await loadInstructions(sources, { logger })).text).toBe('from the file');
    expect(JSON.stringify(warnings)).toContain(reason);
    expect(JSON.stringify(warnings)).not.toContain('hidden');
  });

  it('uses the default and a warning when the file is missing or empty', async () => {
    const { logger, warnings } = watchedLogger();
    expect((await loadInstructions({ ...nothing, instructionsFile: '/no/such/file' }, { logger })).text).toBe(
      defaultInstructions,
    );
    expect((await loadInstructions({ ...nothing, instructionsFile: file(' \n') }, { logger })).text).toBe(
      defaultInstructions,
    );
    expect(warnings).toHaveLength(2);
  });
});
