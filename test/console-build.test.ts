import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildConsole } from '../scripts/console-build.ts';

let root = '';
let builds = 0;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'patchcord-console-'));
  builds = 0;
});
afterEach(() => rmSync(root, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), text);
}

async function build(): Promise<void> {
  builds += 1;
  write('web/dist/index.html', '<built>');
}

describe('the build of the console', () => {
  it('happens once, and again when a source changes or the result is gone', async () => {
    write('web/index.html', '<source>');
    write('web/src/page.tsx', 'one');
    expect(await buildConsole(root, build)).toBe('built');
    expect(await buildConsole(root, build)).toBe('fresh');
    utimesSync(join(root, 'web/src/page.tsx'), new Date(), new Date());
    expect(await buildConsole(root, build)).toBe('fresh');
    write('web/src/page.tsx', 'two');
    expect(await buildConsole(root, build)).toBe('built');
    rmSync(join(root, 'web/dist'), { recursive: true });
    expect(await buildConsole(root, build)).toBe('built');
    expect(builds).toBe(3);
  });

  it('is left out where only the result was shipped, or nothing', async () => {
    expect(await buildConsole(root, build)).toBe('absent');
    write('web/dist/index.html', '<shipped>');
    expect(await buildConsole(root, build)).toBe('packaged');
    expect(builds).toBe(0);
  });

  it('fails when it leaves no page, and tries again next time', async () => {
    write('web/index.html', '<source>');
    await expect(buildConsole(root, () => Promise.resolve())).rejects.toThrow('no web/dist/index.html');
    expect(await buildConsole(root, build)).toBe('built');
  });
});
