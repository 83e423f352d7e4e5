// Holds the arrows of docs/architecture.md: `node scripts/check-arrows.ts`.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { brokenArrows } from './arrows.ts';

const root = join(import.meta.dirname, '..');
const folders = ['src', 'web/src', 'bench', 'test', 'scripts'].filter((folder) =>
  existsSync(join(root, folder)),
);
const paths = folders.flatMap((folder) => globSync(`${folder}/**/*.{ts,tsx}`, { cwd: root }));
const sources = new Map(
  paths.map((path) => [path.replaceAll(sep, '/'), readFileSync(join(root, path), 'utf8')] as const),
);
const broken = brokenArrows(sources);
for (const line of broken) process.stderr.write(`${line}\n`);
process.stdout.write(`${sources.size} files, ${broken.length} broken arrows\n`);
process.exitCode = broken.length === 0 ? 0 : 1;
