// Writes what the docs take from the code: `node scripts/write-docs.ts`. With `--check` it only says what is stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generatedFiles, staleFiles } from './generated-docs.ts';

const root = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

const stale = staleFiles(read);
if (process.argv.includes('--check')) {
  for (const path of stale) process.stderr.write(`${path} is out of date: run node scripts/write-docs.ts\n`);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  for (const file of generatedFiles) {
    if (!stale.includes(file.path)) continue;
    writeFileSync(join(root, file.path), file.render(read(file.path)));
    process.stdout.write(`${file.path} written\n`);
  }
}
