import { parseArgs } from 'node:util';
import { messageOf } from '../base/errors.ts';
import { loadSettings } from '../config/environment.ts';
import type { Settings } from '../config/schema.ts';
import { settingWarnings } from '../config/warnings.ts';
import { type Gateway, startGateway } from '../gateway.ts';
import { checkOpenApi } from './check-open-api.ts';
import type { CommandIo } from './command-io.ts';
import { consoleLine } from './console-address.ts';
import { LogOutput } from './log-output.ts';
import { problemLine } from './problem-line.ts';

const usage = `Usage: patchcord serve

Takes calls until it is told to stop (SIGTERM or SIGINT): then it refuses new calls, lets live ones end within
PATCHCORD_DRAIN_TIMEOUT_SECONDS, and says goodbye to the rest. A second signal cuts the live calls and ends it within
half a second, a third at once.
Settings come from the environment and from .env: docs/configuration.md`;

const openApiTimeoutMs = 10_000;

/** The command `patchcord serve`: 0 after an orderly end, 1 when it can't start, 2 for arguments that it does not know. */
export async function serve(args: string[], io: CommandIo): Promise<number> {
  try {
    const { values } = parseArgs({ args, options: { help: { type: 'boolean', short: 'h' } } });
    if (values.help) {
      io.out(usage);
      return 0;
    }
  } catch (thrown) {
    io.err(`${messageOf(thrown)}\n${usage}`);
    return 2;
  }
  let settings: Settings;
  try {
    settings = readSettings(io);
  } catch (thrown) {
    io.err(startProblem(thrown));
    return 1;
  }
  const log = new LogOutput(settings.log.level);
  // What ends the process without asking must not take the last lines with it.
  process.once('exit', () => log.close());
  const asking = new AbortController();
  try {
    const gateway = await startGateway({ settings, log: log.logger });
    greet(gateway, settings, io);
    watchOpenApi(settings, io, asking.signal);
    return await ended(gateway, io);
  } catch (thrown) {
    io.err(startProblem(thrown));
    return 1;
  } finally {
    asking.abort();
    log.close();
  }
}

/** Tries once whether the gateway is open to everybody at its public name. Nothing waits for it. */
function watchOpenApi({ server: { publicUrl } }: Settings, io: CommandIo, over: AbortSignal): void {
  if (publicUrl === undefined) return;
  checkOpenApi(publicUrl, AbortSignal.any([over, AbortSignal.timeout(openApiTimeoutMs)])).then(
    (finding) => {
      if (finding !== undefined) io.err(`WARNING: ${finding.what} — ${finding.advice}`);
    },
    (thrown) => io.err(`warning: ${publicUrl} was not asked whether it is open: ${messageOf(thrown)}`),
  );
}

function readSettings(io: CommandIo): Settings {
  const settings = loadSettings(io.env);
  for (const warning of settingWarnings(io.env, settings)) io.err(`warning: ${warning}`);
  return settings;
}

function greet(gateway: Gateway, settings: Settings, io: CommandIo): void {
  const { name, demo } = gateway.model;
  if (demo) io.out('No OPENAI_API_KEY is set: the built-in demo voice answers.');
  else io.out(`Calls are answered by ${name}.`);
  if (gateway.madeKey !== undefined) {
    const { publicUrl, host } = settings.server;
    io.out(consoleLine({ publicUrl, host, port: gateway.port, key: gateway.madeKey }));
  }
  for (const { name, url } of gateway.listeners) io.out(`${name}: ${url}`);
  io.out(`Patchcord is listening on ${gateway.url}`);
}

/** Settles when the gateway was told to stop, has drained, and is closed. */
function ended(gateway: Gateway, io: CommandIo): Promise<number> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      gateway
        .drain()
        .then(() => gateway.close())
        .then(() => resolve(0), reject);
    };
    io.onStop(stop, () => gateway.cutShort());
  });
}

/** One line that says what to do. */
function startProblem(thrown: unknown): string {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  if (code === 'EADDRINUSE')
    return `patchcord: the address is in use: ${messageOf(thrown)}. Set PORT to another one.`;
  if (code === 'EADDRNOTAVAIL') return `patchcord: HOST is no address of this machine: ${messageOf(thrown)}.`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'EINVAL')
    return `patchcord: HOST is neither an address nor a name that is known here: ${messageOf(thrown)}. Set it to 127.0.0.1 or 0.0.0.0.`;
  if (code === 'EACCES')
    return `patchcord: PORT may not be listened on: ${messageOf(thrown)}. Set it to one above 1023.`;
  return problemLine(thrown);
}
