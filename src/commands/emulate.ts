import { parseArgs } from 'node:util';
import { messageOf } from '../base/errors.ts';
import type { Behaviour } from '../emulators/openai-realtime/behaviours/behaviour.ts';
import { demoBehaviour } from '../emulators/openai-realtime/behaviours/demo.ts';
import { echoBehaviour } from '../emulators/openai-realtime/behaviours/echo.ts';
import { toneBehaviour } from '../emulators/openai-realtime/behaviours/tone.ts';
import { faultNames, parseFaults } from '../emulators/openai-realtime/faults.ts';
import { type OpenAiEmulatorOptions, startOpenAiEmulator } from '../emulators/openai-realtime/server.ts';
import { listenAt } from './carrier-option.ts';
import { problemLine } from './problem-line.ts';

export interface EmulateIo {
  out(line: string): void;
  err(line: string): void;
  /** Ends the command; without it SIGINT and SIGTERM do. */
  readonly signal?: AbortSignal;
}

const behaviours: Readonly<Record<string, () => Behaviour>> = {
  demo: demoBehaviour,
  tone: toneBehaviour,
  echo: echoBehaviour,
};

const help = `patchcord emulate openai [options]

A server that speaks the OpenAI Realtime protocol, to develop and test against without an account.

  --port N             port to listen on (9000; 0 takes any free one)
  --host ADDRESS       address to listen on (127.0.0.1)
  --api-key KEY        a key to let in; may be given several times (any key is let in)
  --behaviour NAME     demo: speaks, and repeats the caller; tone: a sine; echo: the caller's own words (demo)
  --delta-ms N         length of an audio delta, 20 to 4000 (250)
  --speed X            generation speed as a multiple of real time (6)
  --latency-ms N       from the request to the first audio (250)
  --fault NAME=VALUE   a fault on every connection; may be given several times, or in the URL as ?fault=NAME=VALUE
  --help               this text

Faults: ${faultNames.join(', ')}`;

/** The command `patchcord emulate`. Resolves with the exit code: 0, or 2 where the arguments make no sense. */
export async function emulate(args: readonly string[], io: EmulateIo): Promise<number> {
  let options: OpenAiEmulatorOptions | 'help';
  try {
    options = parseOptions(args);
  } catch (thrown) {
    io.err(`${messageOf(thrown)}\nTry: patchcord emulate --help`);
    return 2;
  }
  if (options === 'help') {
    io.out(help);
    return 0;
  }
  try {
    const emulator = await listenAt('port', options.port ?? 0, () => startOpenAiEmulator(options));
    io.out(
      `OpenAI Realtime emulator (${options.behaviour?.name}) at ${emulator.wsUrl}?model=gpt-realtime-2.1`,
    );
    await ended(io.signal);
    await emulator.close();
    return 0;
  } catch (thrown) {
    io.err(problemLine(thrown));
    return 1;
  }
}

function parseOptions(args: readonly string[]): OpenAiEmulatorOptions | 'help' {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      port: { type: 'string', default: '9000' },
      host: { type: 'string', default: '127.0.0.1' },
      'api-key': { type: 'string', multiple: true },
      behaviour: { type: 'string', default: 'demo' },
      'delta-ms': { type: 'string', default: '250' },
      speed: { type: 'string', default: '6' },
      'latency-ms': { type: 'string', default: '250' },
      fault: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  if (positionals.length !== 1 || positionals[0] !== 'openai') {
    throw new Error(`There is an emulator for 'openai' only, not for '${positionals.join(' ')}'.`);
  }
  const behaviour = Object.hasOwn(behaviours, values.behaviour) ? behaviours[values.behaviour] : undefined;
  if (behaviour === undefined)
    throw new Error(`--behaviour is one of ${Object.keys(behaviours).join(', ')}.`);
  return {
    host: values.host,
    port: numberOption('port', values.port, 0, 65_535),
    behaviour: behaviour(),
    faults: parseFaults(values.fault),
    pace: {
      deltaMs: numberOption('delta-ms', values['delta-ms'], 20, 4000),
      speed: numberOption('speed', values.speed, 0.1, 1000),
      latencyMs: numberOption('latency-ms', values['latency-ms'], 0, 60_000),
    },
    ...(values['api-key'] === undefined ? {} : { apiKeys: values['api-key'] }),
  };
}

function numberOption(name: string, value: string, min: number, max: number): number {
  const number = value === '' ? Number.NaN : Number(value);
  if (number >= min && number <= max) return number;
  throw new Error(`--${name} is a number from ${min} to ${max}, not '${value}'.`);
}

function ended(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal !== undefined) {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
      return;
    }
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
}
