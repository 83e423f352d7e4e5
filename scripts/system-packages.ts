import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { runChild } from './child.ts';

/** A program that some tests need, the Debian package that brings it, and the tests that go without. */
interface SystemPackage {
  readonly programs: readonly string[];
  readonly debian: string;
  readonly tests: string;
}

const systemPackages: readonly SystemPackage[] = [
  {
    programs: ['chromium', 'chromium-browser', 'google-chrome'],
    debian: 'chromium',
    tests: 'the tests in a browser',
  },
  { programs: ['espeak-ng'], debian: 'espeak-ng', tests: 'the tests with spoken words' },
  { programs: ['sox'], debian: 'sox', tests: 'the tests that convert speech with sox' },
];

/** Installs what is missing where it may, and gives one line for each thing that stays away. */
export async function ensureSystemPackages(env: NodeJS.ProcessEnv = process.env): Promise<string[]> {
  const missing = missingPackages(env);
  if (missing.length === 0) return [];
  const obstacle = obstacleToInstall(env);
  const failure = obstacle ?? (await install(missing.map((each) => each.debian)));
  return missingPackages(env).map(
    (each) =>
      `${each.debian} is missing, ${each.tests} are skipped: ${failure ?? 'the package has no such program'}`,
  );
}

function missingPackages(env: NodeJS.ProcessEnv): SystemPackage[] {
  return systemPackages.filter(({ programs }) => !programs.some((program) => isOnPath(program, env)));
}

function obstacleToInstall(env: NodeJS.ProcessEnv): string | undefined {
  if (!existsSync('/etc/debian_version') || !isOnPath('apt-get', env))
    return 'this is no Debian, install it yourself';
  if (process.getuid?.() !== 0) return 'only root may install it';
  return undefined;
}

async function install(packages: readonly string[]): Promise<string | undefined> {
  process.stdout.write(`installing ${packages.join(', ')}\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const quiet = ['-qq', '-o', 'DPkg::Lock::Timeout=120', '-o', 'Acquire::http::Timeout=60'];
  if ((await runChild('apt-get', [...quiet, 'update'], env)) !== 0) return 'apt-get update failed';
  const failed: string[] = [];
  // One by one, so that one that cannot be had does not keep the others away.
  for (const name of packages) {
    const code = await runChild('apt-get', [...quiet, 'install', '-y', '--no-install-recommends', name], env);
    if (code !== 0) failed.push(name);
  }
  return failed.length > 0 ? 'apt-get install failed' : undefined;
}

function isOnPath(program: string, env: NodeJS.ProcessEnv): boolean {
  return (env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
