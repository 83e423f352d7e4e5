import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LogOutput } from './log-output.ts';

/** A pipe of which the test holds both ends: it is read when the test reads it. */
let folder: string;
let pipe: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'patchcord-log-'));
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  pipe = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
});

afterEach(() => {
  closeSync(pipe);
  rmSync(folder, { recursive: true });
});

/** All that is in the pipe. */
function read(): string {
  const piece = Buffer.alloc(65_536);
  let text = '';
  try {
    for (let bytes = readSync(pipe, piece); bytes > 0; bytes = readSync(pipe, piece)) {
      text += piece.toString('utf8', 0, bytes);
    }
  } catch (thrown) {
    // Empty for now.
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EAGAIN')) throw thrown;
  }
  return text;
}

describe('the log', () => {
  it('that nobody reads keeps a bounded number of lines, and says how many it dropped once it is read', async () => {
    const log = new LogOutput('info', { dest: pipe, maxBytes: 300_000 });
    const text = 'x'.repeat(1000);
    for (let n = 0; n < 2000; n++) log.logger.info({ n }, text);
    let all = '';
    await vi.waitFor(
      () => {
        all += read();
        expect(all).toContain('it was not read');
      },
      { timeout: 10_000, interval: 5 },
    );
    const lines = all.trimEnd().split('\n');
    const dropped = JSON.parse(lines.at(-1) ?? '');
    expect(dropped).toMatchObject({ level: 'error', lines: expect.any(Number) });
    expect(lines.length - 1 + dropped.lines).toBe(2000);
    expect(dropped.lines).toBeGreaterThan(1500);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'info', n: 0 });
    log.close();
  });
});
