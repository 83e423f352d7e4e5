import { version } from './base/version.ts';
import type { CommandIo } from './commands/command-io.ts';
import { onLauncherGone, takeLauncherFd } from './commands/launcher.ts';
import { problemLine } from './commands/problem-line.ts';
import { withEnvFile } from './config/environment.ts';

const usage = `Usage: patchcord COMMAND [options]

  serve      take calls: carriers on one side, the speech model on the other
  simulate   call a gateway with simulated callers, and measure
  emulate    run the emulator of the OpenAI Realtime API: patchcord emulate openai
  doctor     check the settings and what they point at, and say what to do

patchcord COMMAND --help tells more, patchcord --version which one this is. Settings: docs/configuration.md`;

type Command = (args: string[], io: CommandIo) => Promise<number>;

/** Commands load when they are run: a simulation needs no database, a gateway no simulator. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import('./commands/serve.ts')).serve,
  simulate: async () => (await import('./commands/simulate.ts')).simulate,
  emulate: async () => (await import('./commands/emulate.ts')).emulate,
  doctor: async () => (await import('./commands/doctor.ts')).doctor,
};

const launcherFd = takeLauncherFd(process.env);

const io = (): CommandIo => ({
  env: withEnvFile(process.env, process.cwd()),
  out: (line) => process.stdout.write(`${line}\n`),
  err: (line) => process.stderr.write(`${line}\n`),
  onStop(handler, atOnce) {
    let stopping = false;
    let cutting = false;
    const stop = (): void => {
      if (stopping) return;
      stopping = true;
      handler();
    };
    const signalled = (): void => {
      // The second signal means it.
      if (cutting || (stopping && atOnce === undefined)) process.exit(1);
      cutting = stopping;
      if (stopping) atOnce?.().finally(() => process.exit(1));
      else stop();
    };
    process.on('SIGINT', signalled);
    process.on('SIGTERM', signalled);
    if (launcherFd !== undefined) onLauncherGone(launcherFd, stop);
  },
});

async function main(args: string[], io: CommandIo): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    io.out(usage);
    return name === undefined ? 2 : 0;
  }
  if (name === '--version' || name === '-v') {
    io.out(version);
    return 0;
  }
  const load = commands[name];
  if (!load) {
    io.err(`patchcord: there is no command ${JSON.stringify(name)}.\n\n${usage}`);
    return 2;
  }
  const command = await load();
  return command(rest, io);
}

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // Who read our output has gone away (`| head`); a gateway takes calls all the same.
    if (error.code !== 'EPIPE') throw error;
  });
}
try {
  process.exitCode = await main(process.argv.slice(2), io());
} catch (thrown) {
  process.stderr.write(`${problemLine(thrown)}\n`);
  process.exitCode = 1;
}
