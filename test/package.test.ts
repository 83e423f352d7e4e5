import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, globSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runChild } from '../scripts/child.ts';

const project = join(import.meta.dirname, '..');
let root = '';

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'patchcord-package-'));
  const tsc = join(project, 'node_modules/typescript/bin/tsc');
  const args = [tsc, '-p', join(project, 'tsconfig.build.json'), '--outDir', join(root, 'dist')];
  expect(await runChild(process.execPath, args)).toBe(0);
  for (const part of ['bin', 'assets', 'web/dist', 'package.json'])
    cpSync(join(project, part), join(root, part), { recursive: true });
  symlinkSync(join(project, 'node_modules'), join(root, 'node_modules'));
});
afterAll(() => rmSync(root, { recursive: true }));

describe('the published package', () => {
  it('holds no tests and nothing that only tests use', () => {
    const files = globSync('**/*.js', { cwd: join(root, 'dist') });
    expect(files.length).toBeGreaterThan(100);
    expect(files.filter((path) => /\btest|virtual-clock/.test(path))).toEqual([]);
  });

  it('is a library too', async () => {
    const script =
      "import { loadSettings } from 'patchcord'; process.exit(loadSettings({ PORT: '7' }).server.port);";
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { cwd: root });
    expect(await once(child, 'exit')).toEqual([7, null]);
  });

  it('answers with the demo voice and shows the console', async () => {
    const child = spawn(process.execPath, [join(root, 'bin/patchcord.js'), 'serve'], {
      cwd: root,
      env: { PATH: process.env.PATH, HOST: '127.0.0.1', PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const url = await listeningUrl(child.stdout);
      const status = await fetch(`${url}/v1/status`);
      expect(await status.json()).toMatchObject({ model: { demo: true } });
      const page = await fetch(url);
      expect(page.headers.get('content-type')).toContain('text/html');
      expect(await page.text()).toContain('<title>Patchcord</title>');
    } finally {
      child.kill('SIGTERM');
    }
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
  });
});

async function listeningUrl(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface(output)) {
    const url = /listening on (http:\S+)/.exec(line)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error('the gateway ended before it listened');
}
