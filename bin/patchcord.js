#!/usr/bin/env node
// Starts Patchcord with a Node that can run it. Plain JavaScript, because an older Node reads this file.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const neededMajor = 24;
// As in package.json and the Dockerfile: a collector that suits calls (docs/architecture.md).
const nodeFlags = ['--max-semi-space-size=16', '--no-parallel-scavenge', '--initial-old-space-size=256'];
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const built = join(root, 'dist', 'main.js');
const source = join(root, 'src', 'main.ts');
// A checkout runs its sources: a build left there may be older.
const main = existsSync(source) ? source : built;

if (Number.parseInt(process.versions.node, 10) >= neededMajor) {
  await import(pathToFileURL(main).href);
} else {
  const node = packagedNode();
  if (node === undefined) {
    console.error(
      `Patchcord needs Node ${neededMajor} or newer and this is ${process.versions.node}: install Node ${neededMajor}, or run npm install node@${neededMajor} beside it. Where npm runs no install scripts (ignore-scripts, allowScripts), follow it with npm rebuild node --ignore-scripts=false.`,
    );
    process.exitCode = 1;
  } else {
    run(node);
  }
}

/** The binary of the npm package `node`, where it is installed and new enough. */
function packagedNode() {
  try {
    const require = createRequire(import.meta.url);
    const manifest = require.resolve('node/package.json');
    const binary = join(dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    const major = Number.parseInt(require(manifest).version, 10);
    return major >= neededMajor && existsSync(binary) ? binary : undefined;
  } catch {
    return undefined;
  }
}

function run(node) {
  const child = spawn(node, [...nodeFlags, main, ...process.argv.slice(2)], {
    // The pipe says nothing: its end tells the child that this process has gone, whatever killed it.
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env: { ...process.env, PATCHCORD_LAUNCHER_FD: '3' },
  });
  // The child may be killed too; its exit says so.
  child.stdio[3].on('error', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT']) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to the child as well; twice would mean "at once".
      if (signal === 'SIGINT' && process.stdin.isTTY) return;
      child.kill(signal);
    });
  }
  child.on('error', (error) => {
    console.error(`Patchcord could not be started: ${error.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exit(code ?? 128 + (constants.signals[signal] ?? 0));
  });
}
