import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { runChild } from './child.ts';

/** A program that some tests need, the Debian package that brings it, and the tests that go without. */
interface SystemPackage {
  readonly programs: readonly string[];
  /** Names the program itself, for those who have it elsewhere. */
  readonly variable?: string;
  readonly debian: string;
  readonly tests: string;
}

const systemPackages: readonly SystemPackage[] = [
  {
    programs: ['chromium', 'chromium-browser', 'google-chrome'],
    variable: 'CHROMIUM_PATH',
    debian: 'chromium',
    tests: 'the tests in a browser',
  },
  { programs: ['espeak-ng'], debian: 'espeak-ng', tests: 'the tests with spoken words' },
  { programs: ['sox'], debian: 'sox', tests: 'the tests that convert speech with sox' },
];

const noSuchProgram = 'the package has no such program';

/** Installs what is missing where it may, and gives one line for each thing that stays away. */
export async function ensureSystemPackages(env: NodeJS.ProcessEnv = process.env): Promise<string[]> {
  const installable = missingPackages(env).filter((each) => namedProgram(each, env) === undefined);
  const failure =
    installable.length === 0
      ? undefined
      : (obstacleToInstall(env) ?? (await install(installable.map((each) => each.debian))));
  return missingPackages(env).map((each) => {
    const named = namedProgram(each, env);
    const why =
      named === undefined
        ? (failure ?? noSuchProgram)
        : `${each.variable} names ${named}, which cannot be run`;
    return `${each.debian} is missing, ${each.tests} are skipped: ${why}`;
  });
}

/** Installs one of them where it may, and says why it stays away. */
export async function ensureSystemPackage(
  debian: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string | undefined> {
  if (findProgram(debian, env) !== undefined) return undefined;
  const failure = obstacleToInstall(env) ?? (await install([debian]));
  return findProgram(debian, env) === undefined ? (failure ?? noSuchProgram) : undefined;
}

/** What the environment names in place of the programs on the path. */
function namedProgram({ variable }: SystemPackage, env: NodeJS.ProcessEnv): string | undefined {
  return (variable === undefined ? undefined : env[variable]) || undefined;
}

/** The path of the program that the package brings; undefined when it is not on this machine. */
export function findProgram(debian: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  const wanted = systemPackages.find((each) => each.debian === debian);
  return wanted && pathOfProgram(wanted, env);
}

function pathOfProgram(wanted: SystemPackage, env: NodeJS.ProcessEnv): string | undefined {
  const named = namedProgram(wanted, env);
  if (named !== undefined) return isRunnable(named) ? named : undefined;
  const folders = (env.PATH ?? '').split(delimiter);
  return wanted.programs
    .flatMap((program) => folders.map((folder) => join(folder, program)))
    .find((path) => isRunnable(path));
}

function missingPackages(env: NodeJS.ProcessEnv): SystemPackage[] {
  return systemPackages.filter((each) => pathOfProgram(each, env) === undefined);
}

function obstacleToInstall(env: NodeJS.ProcessEnv): string | undefined {
  if (!existsSync('/etc/debian_version') || !hasAptGet(env)) return 'this is no Debian, install it yourself';
  if (process.getuid?.() !== 0) return 'only root may install it';
  return undefined;
}

function hasAptGet(env: NodeJS.ProcessEnv): boolean {
  return (env.PATH ?? '').split(delimiter).some((folder) => isRunnable(join(folder, 'apt-get')));
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

function isRunnable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
