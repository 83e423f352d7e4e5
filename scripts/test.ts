// `npm test [-- vitest arguments]`: brings what the tests need and runs them; vitest.config.ts builds the console.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { z } from 'zod';
import { messageOf } from '../src/base/errors.ts';
import { runChild } from './child.ts';
import { ensureSystemPackages } from './system-packages.ts';

const root = join(import.meta.dirname, '..');

/** The part of Vitest's JSON report that is counted. */
const reportSchema = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      assertionResults: z.array(z.object({ status: z.string(), fullName: z.string() })),
    }),
  ),
});

for (const line of await ensureSystemPackages()) process.stdout.write(`${line}\n`);

process.exitCode = await runTests(process.argv.slice(2));

async function runTests(args: readonly string[]): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'patchcord-test-'));
  try {
    const report = join(folder, 'report.json');
    const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    const code = await runChild(process.execPath, [vitest, 'run', ...reporters, ...args]);
    return printCounts(report) ? code : code || 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Plain lines for people and programs: what was skipped, and the counts; false when Vitest left no report. */
function printCounts(path: string): boolean {
  try {
    const report = reportSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
    // A file that cannot even be loaded has no test to fail, so it counts as one failure.
    const broken = report.testResults.filter(
      (file) => file.status === 'failed' && file.assertionResults.length === 0,
    );
    const failed = report.numFailedTests + broken.length;
    for (const { name, assertionResults } of report.testResults) {
      const [first, ...more] = assertionResults.filter(({ status }) => status === 'skipped');
      if (first === undefined) continue;
      const others = more.length > 0 ? ` and ${more.length} more` : '';
      process.stdout.write(`skipped in ${relative(root, name)}: ${first.fullName}${others}\n`);
    }
    const skipped = report.numPendingTests > 0 ? `, ${report.numPendingTests} skipped` : '';
    process.stdout.write(`${report.numPassedTests} passed, ${failed} failed${skipped}\n`);
    return true;
  } catch (error) {
    process.stderr.write(`the tests left no report: ${messageOf(error)}\n`);
    return false;
  }
}
