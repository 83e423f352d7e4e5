import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../base/clock.ts';
import { type Logger, silentLogger } from '../base/logger.ts';
import type { Tool, ToolContext } from '../call/tools.ts';
import { loadToolFolders } from './tool-folders.ts';

let root: string;
let logged: { readonly level: string; readonly file?: string; readonly error?: string }[];

const log: Logger = {
  ...silentLogger,
  warn: (fields) => logged.push({ level: 'warn', ...fields }),
  info: (fields) => logged.push({ level: 'info', ...fields }),
};

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'patchcord-tools-'));
  logged = [];
});
afterEach(() => rmSync(root, { recursive: true }));

function write(folder: string, files: Record<string, string>): string {
  const path = join(root, folder);
  mkdirSync(path, { recursive: true });
  for (const [name, source] of Object.entries(files)) writeFileSync(join(path, name), source);
  return path;
}

const load = (folders: readonly string[], taken: readonly string[] = []): Promise<Tool[]> =>
  loadToolFolders({ folders, taken, clock: new SystemClock(), log });

const context: ToolContext = {
  callId: 'c1',
  carrierCallId: 'u1',
  party: { direction: 'inbound', from: '2000', variables: { callerName: 'Ada' } },
  toolCallId: 't1',
  spoken: false,
  signal: new AbortController().signal,
  endCall: () => undefined,
};
const run = async (tool: Tool | undefined, args: Record<string, unknown> = {}) => tool?.run(args, context);

const weather = `
const { join } = require('node:path');
module.exports = {
  name: 'get_weather',
  description: 'Tells the weather.',
  input_schema: { type: 'object', properties: { location: { type: 'string' } }, required: ['location'] },
  handler: async (uuid, { location }, callerInfo) =>
    [join(uuid, location), callerInfo.phoneNumber, callerInfo.callerName, callerInfo.channel].join(' '),
};
`;

describe('tools from folders', () => {
  it('000 avr_tools/ and tools/: modules of the known shape, called with uuid, arguments and caller', async () => {
    const avr = write('avr_tools', { 'weather.js': weather });
    const own = write('tools', {
      'stock.js': `module.exports = { name: 'stock', handler() { return this.name + ' is full'; } };`,
    });
    const tools = await load([avr, own]);
    expect(tools.map(({ name }) => name)).toEqual(['get_weather', 'stock']);
    expect(tools[0]).toMatchObject({
      description: 'Tells the weather.',
      parameters: { type: 'object', properties: { location: { type: 'string' } }, required: ['location'] },
    });
    expect(tools[1]).toMatchObject({ description: '', parameters: { type: 'object', properties: {} } });
    expect(await run(tools[0], { location: 'Rome' })).toBe('u1/Rome 2000 Ada ');
    expect(await run(tools[1])).toBe('stock is full');
    expect(logged).toEqual([]);
  });

  it('may be CommonJS or ES modules, whatever a package.json above them says', async () => {
    for (const type of ['module', 'commonjs']) {
      const folder = write(`${type}/tools`, {
        'a.js': `exports.name = 'a'; exports.handler = () => 'cjs';`,
        'b.cjs': `module.exports = { name: 'b', handler: () => 'cjs' };`,
        'c.mjs': `export const name = 'c'; export const handler = () => 'named';`,
        'd.mjs': `export default { name: 'd', handler: () => 'default' };`,
        'e.js': `module.exports.default = { name: 'e', handler: () => import('node:os').then(() => 'late') };`,
        ...(type === 'module' ? { 'f.js': `export default { name: 'f', handler: () => 'esm' };` } : {}),
      });
      writeFileSync(join(root, type, 'package.json'), JSON.stringify({ type }));
      const tools = await load([folder]);
      expect(logged).toEqual([]);
      const expected = ['cjs', 'cjs', 'named', 'default', 'late', ...(type === 'module' ? ['esm'] : [])];
      expect(await Promise.all(tools.map((tool) => run(tool)))).toEqual(expected);
    }
  });

  it('has none where a folder is missing, and says so of one that cannot be read', async () => {
    expect(await load([join(root, 'nowhere')])).toEqual([]);
    expect(logged).toEqual([]);
    const folder = write('tools', { 'file.js': weather });
    expect(await load([join(folder, 'file.js')])).toEqual([]);
    expect(logged).toMatchObject([{ level: 'warn' }]);
  });

  it('000 safe names: a broken file is a warning that names it, and the others are loaded', async () => {
    const folder = write('tools', {
      'a-syntax.js': 'module.exports = { handler',
      'b-throws.cjs': `const handler = 1; throw new Error('boom\\n    at /somewhere')`,
      'c-missing.js': `require('no-such-package-anywhere'); exports.handler = () => 1;`,
      'd-name.js': `module.exports = { name: '../etc/passwd', handler() {} };`,
      'e-nameless.js': `module.exports = { handler() {} };`,
      'f-handler.js': `module.exports = { name: 'f' };`,
      'g-schema.js': `module.exports = { name: 'g', input_schema: { type: 'string' }, handler() {} };`,
      'h-schema.js': `const s = {}; s.s = s; module.exports = { name: 'h', input_schema: s, handler() {} };`,
      'i-nothing.js': 'const handler = 5; module.exports = handler;',
      'j-good.js': `module.exports = { name: 'good', handler: () => 'yes' };`,
      'k-description.js': `module.exports = { name: 'k', description: 1, handler() {} };`,
      'readme.md': '# no tool',
      '.hidden.js': 'module.exports = {',
    });
    const tools = await load([folder]);
    expect(tools.map(({ name }) => name)).toEqual(['good']);
    const names = logged.map(({ file = '' }) => file.split('/').at(-1)?.slice(0, 1));
    expect(names).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'k']);
    expect(logged[1]?.error).toBe('boom');
    for (const { level, error } of logged) {
      expect(level).toBe('warn');
      expect(error).not.toContain('\n');
    }
  });

  it('does not run a script that is no tool', async () => {
    const folder = write('tools', {
      'deploy.js': `globalThis.patchcordDeployed = true; module.exports = { name: 'deploy' };`,
      'deploy.mjs': 'globalThis.patchcordDeployed = true;',
      'deploy.cjs': 'globalThis.patchcordDeployed = true;',
    });
    expect(await load([folder])).toEqual([]);
    expect(logged.map(({ error }) => error)).toEqual(Array(3).fill('it has no handler'));
    expect('patchcordDeployed' in globalThis).toBe(false);
  });

  it('takes the first of a name, and leaves built-in tools alone', async () => {
    const first = write('avr_tools', {
      'one.js': `module.exports = { name: 'one', handler: () => 'first' };`,
      'avr_hangup.js': `module.exports = { name: 'avr_hangup', handler: () => 'cut' };`,
    });
    const second = write('tools', {
      'one.js': `module.exports = { name: 'one', handler: () => 'second' };`,
      'two.js': `module.exports = { name: 'two', handler: () => 'second' };`,
    });
    const tools = await load([first, second], ['avr_hangup']);
    expect(await Promise.all(tools.map((tool) => run(tool)))).toEqual(['first', 'second']);
    expect(logged).toMatchObject([
      { level: 'info', tool: 'avr_hangup' },
      { level: 'warn', tool: 'one' },
    ]);
  });

  it('tells the model what a handler gives that is no text, and lets it throw', async () => {
    const folder = write('tools', {
      'a.js': `module.exports = { name: 'a', handler: () => ({ free: 3 }) };`,
      'b.js': `module.exports = { name: 'b', handler: () => undefined };`,
      'c.js': `module.exports = { name: 'c', handler: async () => { throw new Error('no line'); } };`,
    });
    const [a, b, c] = await load([folder]);
    expect(await run(a)).toBe('{"free":3}');
    expect(await run(b)).toBe('{"result":"done"}');
    await expect(run(c)).rejects.toThrow('no line');
  });
});
