import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ensureSystemPackage, ensureSystemPackages, findProgram } from '../scripts/system-packages.ts';

describe('the system packages of the tests', () => {
  it('are named, with the tests that go without, where they cannot be installed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'patchcord-path-'));
    try {
      expect(await ensureSystemPackages({ PATH: folder })).toHaveLength(3);
      for (const program of ['google-chrome', 'sox']) {
        writeFileSync(join(folder, program), '');
        chmodSync(join(folder, program), 0o755);
      }
      const lines = await ensureSystemPackages({ PATH: folder });
      expect(lines).toEqual([
        expect.stringMatching(/^espeak-ng is missing, the tests with spoken words are skipped: .+/),
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('are not installed for a variable that names the wrong place', async () => {
    const lines = await ensureSystemPackages({ PATH: '/nowhere', CHROMIUM_PATH: '/nowhere/chromium' });
    expect(lines[0]).toMatch(
      /^chromium is missing, .+: CHROMIUM_PATH names \/nowhere\/chromium, which cannot be run$/,
    );
  });

  it('come alone where one alone is needed, or say why not', async () => {
    expect(await ensureSystemPackage('sox', { PATH: '/nowhere' })).toBe(
      'this is no Debian, install it yourself',
    );
    expect(
      await ensureSystemPackage('chromium', { PATH: '', CHROMIUM_PATH: process.execPath }),
    ).toBeUndefined();
  });

  it('are found where a variable says that they are', () => {
    expect(findProgram('chromium', { PATH: '', CHROMIUM_PATH: process.execPath })).toBe(process.execPath);
    expect(findProgram('chromium', { PATH: '', CHROMIUM_PATH: '/nowhere/chromium' })).toBeUndefined();
  });
});
