import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export type ConsoleState = 'built' | 'fresh' | 'packaged' | 'absent';

/**
 * Builds the console into `web/dist` when it is missing or its sources changed. Without sources, as in the
 * published package, what is in `web/dist` is used (`packaged`), or there is none (`absent`).
 * @param build makes `web/dist` of the folder that it is given.
 */
export async function buildConsole(
  root: string,
  build: (web: string) => Promise<void>,
): Promise<ConsoleState> {
  const web = join(root, 'web');
  const page = join(web, 'dist', 'index.html');
  if (!existsSync(join(web, 'index.html'))) return existsSync(page) ? 'packaged' : 'absent';
  const stamp = join(root, 'node_modules', '.cache', 'patchcord', 'console.sha256');
  const hash = hashOfSources(root);
  if (existsSync(page) && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return 'fresh';
  await build(web);
  if (!existsSync(page)) throw new Error('the build of the console made no web/dist/index.html');
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, hash);
  return 'built';
}

/** Contents, not times: a checkout or a copy gives every file a new time. */
function hashOfSources(root: string): string {
  const paths = globSync(['web/**/*', 'src/api/**/*.ts', 'package-lock.json'], {
    cwd: root,
    exclude: ['web/dist', 'web/dist/**', 'web/node_modules/**'],
    withFileTypes: true,
  })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const hash = createHash('sha256');
  for (const path of paths) hash.update(path).update('\0').update(readFileSync(path)).update('\0');
  return hash.digest('hex');
}
