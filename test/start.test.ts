import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const project = join(import.meta.dirname, '..');
const asNode20 =
  'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.20.2"}})';
let root = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'patchcord-start-'));
  for (const folder of ['bin', 'src', 'dist', 'node_modules']) mkdirSync(join(root, folder));
  copyFileSync(join(project, 'bin', 'patchcord.js'), join(root, 'bin', 'patchcord.js'));
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
});
afterEach(() => rmSync(root, { recursive: true }));

function start(nodeArgs: string[], args: string[]) {
  return spawn(process.execPath, [...nodeArgs, join(root, 'bin', 'patchcord.js'), ...args]);
}

async function run(
  nodeArgs: string[],
  args: string[],
): Promise<{ code: number | null; out: string; err: string }> {
  const child = start(nodeArgs, args);
  let [out, err] = ['', ''];
  child.stdout.on('data', (data) => {
    out += data;
  });
  child.stderr.on('data', (data) => {
    err += data;
  });
  const [code] = await once(child, 'close');
  return { code, out, err };
}

const source =
  'const name: string = "source"; console.log(name, ...process.argv.slice(2)); process.exitCode = 3;';

describe('the command patchcord', () => {
  it('runs the sources of a checkout, and the build of a package', async () => {
    writeFileSync(join(root, 'dist', 'main.js'), 'console.log("built");');
    expect(await run([], ['serve'])).toMatchObject({ code: 0, out: 'built\n' });
    writeFileSync(join(root, 'src', 'main.ts'), source);
    expect(await run([], ['simulate', '--calls', '2'])).toMatchObject({
      code: 3,
      out: 'source simulate --calls 2\n',
    });
  });

  it('finds the Node that npm installed when its own is too old, and hands back the exit code', async () => {
    writeFileSync(join(root, 'src', 'main.ts'), source);
    symlinkSync(join(project, 'node_modules', 'node'), join(root, 'node_modules', 'node'));
    expect(await run(['--import', asNode20], ['doctor'])).toMatchObject({ code: 3, out: 'source doctor\n' });
  });

  it('hands a signal on to that Node', async () => {
    const waiting =
      'process.on("SIGTERM", () => process.exit(7)); setInterval(() => {}, 1000); console.log("up");';
    writeFileSync(join(root, 'src', 'main.ts'), waiting);
    symlinkSync(join(project, 'node_modules', 'node'), join(root, 'node_modules', 'node'));
    const child = start(['--import', asNode20], []);
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    const [code] = await once(child, 'close');
    expect(code).toBe(7);
  });

  it('is not outlived by that Node, whatever kills it: calls are drained and the process ends', async () => {
    const bin = join(project, 'bin', 'patchcord.js');
    const child = spawn(process.execPath, ['--import', asNode20, bin, 'serve'], {
      cwd: root,
      env: { PATH: process.env.PATH, HOST: '127.0.0.1', PORT: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let [out, err] = ['', ''];
    child.stderr.on('data', (data) => {
      err += data;
    });
    child.stdout.on('data', (data) => {
      out += data;
      if (/listening on http/.test(out)) child.kill('SIGKILL');
    });
    // Its outputs are the gateway's, and close when both have gone.
    const closed = once(child, 'close', { signal: AbortSignal.timeout(10_000) });
    closed.catch(() => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL'));
    expect(await closed).toEqual([null, 'SIGKILL']);
    expect(out).toContain('draining');
    expect(out + err).not.toContain('PATCHCORD_LAUNCHER_FD');
  });

  it('says at npm start which install script has not run when the Node is too old', async () => {
    const script = join(project, 'scripts', 'check-node.js');
    const check = async (nodeArgs: string[]) => {
      const child = spawn(process.execPath, [...nodeArgs, script]);
      let err = '';
      child.stderr.on('data', (data) => {
        err += data;
      });
      const [code] = await once(child, 'close');
      return { code, err };
    };
    expect(await check([])).toEqual({ code: 0, err: '' });
    const old = await check(['--import', asNode20]);
    expect(old.code).toBe(1);
    expect(old.err).toMatch(/^Patchcord needs Node 24 .* "npm rebuild node --ignore-scripts=false".*\n$/);
  });

  it('says in one line what is needed when there is no such Node', async () => {
    writeFileSync(join(root, 'src', 'main.ts'), source);
    const { code, out, err } = await run(['--import', asNode20], []);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/^Patchcord needs Node 24 or newer and this is 20\.20\.2: .*\n$/);
  });
});
