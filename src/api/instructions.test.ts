import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InstructionFiles } from '../agents/instruction-files.ts';
import { silentLogger } from '../base/logger.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { Access } from './access.ts';
import { registerInstructions } from './instructions.ts';

let folder: string;
let app: FastifyInstance;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'patchcord-instructions-'));
  app = Fastify();
  const access = new Access({ clock: new VirtualClock(), keys: ['the-key'] });
  registerInstructions(app, { access, files: new InstructionFiles(folder), log: silentLogger });
});

afterEach(async () => {
  await app.close();
  rmSync(folder, { recursive: true });
});

async function ask(method: 'GET' | 'POST', url: string, payload?: object, host = 'localhost') {
  const reply = await app.inject({ method, url, headers: { host }, ...(payload ? { payload } : {}) });
  return [reply.statusCode, reply.json()];
}

describe('instructions over HTTP', () => {
  it('are saved, listed and read as clients of the replaced bridges expect', async () => {
    expect(await ask('GET', '/instructions')).toEqual([200, []]);
    expect(await ask('POST', '/save-instructions', { fileName: 'shop', instructions: 'Sell.' })).toEqual([
      200,
      { message: 'Instructions saved successfully' },
    ]);
    expect(readFileSync(join(folder, 'shop.md'), 'utf8')).toBe('Sell.');
    expect(await ask('GET', '/instructions')).toEqual([200, [{ name: 'shop.md' }]]);
    expect(await ask('GET', '/instructions/shop.md')).toEqual([
      200,
      { name: 'shop.md', instructions: 'Sell.' },
    ]);
  });

  it.each([
    '/instructions/none.md',
    '/instructions/..%2F..%2Fetc%2Fpasswd',
    '/instructions/%2e%2e%2fx.md',
  ])('are not found where there are none: %s', async (url) => {
    expect(await ask('GET', url)).toEqual([404, { error: 'File not found', code: 'PATCHCORD_NOT_FOUND' }]);
  });

  it.each([
    {},
    { fileName: 'shop' },
    { instructions: 'Sell.' },
    { fileName: ' ', instructions: 'Sell.' },
  ])('need a file name and a text: %j', async (body) => {
    expect(await ask('POST', '/save-instructions', body)).toEqual([
      400,
      { error: 'File name and instructions are required', code: 'PATCHCORD_REQUEST_INVALID' },
    ]);
  });

  it.each([
    { fileName: '../shop', instructions: 'Sell.' },
    { fileName: 'shop', instructions: 'x'.repeat(32_001) },
  ])('are refused where name or length is wrong', async (body) => {
    const [status, reply] = await ask('POST', '/save-instructions', body);
    expect([status, reply.code]).toEqual([400, 'PATCHCORD_REQUEST_INVALID']);
  });

  it('are for who may use the API alone', async () => {
    for (const [method, url] of [
      ['GET', '/instructions'],
      ['GET', '/instructions/shop.md'],
      ['POST', '/save-instructions'],
    ] as const) {
      const [status] = await ask(method, url, undefined, 'gw.example.com');
      expect(status).toBe(401);
    }
  });
});
