// Makes web/dist when it is missing or stale: `node scripts/build-console.ts`.
import { join } from 'node:path';
import { messageOf } from '../src/base/errors.ts';
import { buildConsole } from './console-build.ts';

const root = join(import.meta.dirname, '..');

async function buildWithVite(web: string): Promise<void> {
  // Loaded here: an installation without the development packages has no Vite and needs none.
  const { build } = await import('vite');
  await build({
    root: web,
    configFile: join(web, 'vite.config.ts'),
    logLevel: 'warn',
    build: { outDir: join(web, 'dist'), emptyOutDir: true },
  });
}

try {
  const startedMs = performance.now();
  const state = await buildConsole(root, buildWithVite);
  const tookSeconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  if (state === 'built') process.stdout.write(`console built in ${tookSeconds} s\n`);
  if (state === 'absent') process.stdout.write('no console: there are neither sources nor a build of it\n');
} catch (error) {
  process.stderr.write(`the console could not be built: ${messageOf(error)}\n`);
  process.exitCode = 1;
}
