import { parseArgs } from 'node:util';
import { PatchcordError } from '../base/errors.ts';
import { simulatedCarriers } from './simulate-carriers.ts';
import type { CarrierOption, SimulatedCarrier, SimulateOptions } from './simulated-call.ts';

export const simulateHelp = `patchcord simulate [options]

Fake callers that speak a carrier's wire against a gateway, and measure what a caller would notice.

  --url URL            the gateway (http://127.0.0.1 at PORT, else at 5050)
  --public-url URL     what the gateway is called by, and what is signed (PUBLIC_URL, else --url)
  --carrier NAME       ${Object.keys(simulatedCarriers).join(', ')} (twilio)
  --webhook PATH       where a call begins at the gateway (as the carrier has it)
  --calls N            how many calls (1)
  --concurrency N      how many at the same time at most (all)
  --ramp N             calls that start per second (5)
  --seconds N          the caller hangs up after this (20)
  --wav FILE           what the callers say; generated speech without it
  --barge-in N         how often each caller speaks over the agent (0)
  --barge-in-after MS  how long the agent has been heard by then (1200)
  --caller-first       the caller speaks first, for agents that do not greet
  --noise              faint line noise instead of silence
  --digits KEYS        keys that each caller presses after the first answer
  --delay MS           network delay, each way (0)
  --jitter MS          up to this much is added to each message (0)
  --mark-jitter MS     up to this much later each mark leaves the carrier (0)
  --stall MS           about every five seconds the network, then the carrier's playout, stands still (0)
  --drop P             probability that a call loses its socket (0)
  --model-port PORT    runs the model emulator here, for a gateway with OPENAI_BASE_URL=http://127.0.0.1:PORT/v1:
                       adds the truncation error, what the model was told against what was played
  --seed N             same seed, same voices, jitter and drops (1)
  --json               one JSON object instead of the table
  --help               this text
${Object.entries(simulatedCarriers).map(carrierHelp).join('')}
The exit code is 0 when every call was ok, 1 when one was not, 2 when the options make no sense.`;

function carrierHelp([name, { webhook, options }]: [string, SimulatedCarrier]): string {
  const width = Math.max(20, ...options.map(({ name: option, value }) => option.length + value.length + 3));
  const lines = options.map(({ name: option, value, meaning, env = [], default: standard }) => {
    const left = `--${option} ${value}`.padEnd(width + 1);
    const instead = [...env, ...(standard === undefined || standard === '' ? [] : [standard])];
    return `  ${left}${meaning}${instead.length === 0 ? '' : ` (${instead.join(', ')})`}\n`;
  });
  const begins = webhook === '' ? '' : ` (calls begin at ${webhook})`;
  return `\nWith --carrier ${name}${begins}:\n${lines.join('')}`;
}

/** Throws PATCHCORD_CONFIG_INVALID with one line that names the option. */
export function readSimulateOptions(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): SimulateOptions | 'help' {
  const values = parse(args);
  if (values.help) return 'help';
  const carrier = Object.hasOwn(simulatedCarriers, values.carrier)
    ? simulatedCarriers[values.carrier]
    : undefined;
  if (carrier === undefined)
    throw invalid(`--carrier is one of ${Object.keys(simulatedCarriers).join(', ')}`);
  const url = urlOption('url', values.url ?? `http://127.0.0.1:${portOf(env)}`);
  const calls = numberOption('calls', values.calls, 1, 1_000_000);
  return {
    carrier,
    url,
    publicUrl: urlOption(
      'public-url',
      values['public-url'] ?? (env.PUBLIC_URL || env.BASE_PUBLIC_URL || url),
    ),
    webhook: values.webhook ?? carrier.webhook,
    own: ownOptions(values.carrier, carrier, values, env),
    calls: Math.floor(calls),
    concurrency: Math.floor(numberOption('concurrency', values.concurrency ?? String(calls), 1, 1_000_000)),
    perSecond: numberOption('ramp', values.ramp, 0.01, 10_000),
    callMs: numberOption('seconds', values.seconds, 0.1, 86_400) * 1000,
    wav: values.wav,
    bargeIns: Math.floor(numberOption('barge-in', values['barge-in'], 0, 1000)),
    bargeInAfterMs: numberOption('barge-in-after', values['barge-in-after'], 0, 600_000),
    callerFirst: values['caller-first'],
    noise: values.noise,
    digits: digitsOption(values.digits, values.carrier, carrier),
    jitterMs: numberOption('jitter', values.jitter, 0, 60_000),
    markJitterMs: numberOption('mark-jitter', values['mark-jitter'], 0, 60_000),
    delayMs: numberOption('delay', values.delay, 0, 60_000),
    stallMs: numberOption('stall', values.stall, 0, 60_000),
    dropProbability: numberOption('drop', values.drop, 0, 1),
    modelPort:
      values['model-port'] === undefined
        ? undefined
        : numberOption('model-port', values['model-port'], 0, 65_535),
    seed: Math.floor(numberOption('seed', values.seed, 0, 4_294_967_295)),
    json: values.json,
  };
}

/** Where a gateway with the same settings listens; one that takes any free port has to be named. */
function portOf({ PORT = '' }: NodeJS.ProcessEnv): string {
  return /^[1-9]\d{0,4}$/.test(PORT) ? PORT : '5050';
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        url: { type: 'string' },
        'public-url': { type: 'string' },
        webhook: { type: 'string' },
        carrier: { type: 'string', default: 'twilio' },
        ...carrierOptions(),
        calls: { type: 'string', default: '1' },
        concurrency: { type: 'string' },
        ramp: { type: 'string', default: '5' },
        seconds: { type: 'string', default: '20' },
        wav: { type: 'string' },
        'barge-in': { type: 'string', default: '0' },
        'barge-in-after': { type: 'string', default: '1200' },
        'caller-first': { type: 'boolean', default: false },
        noise: { type: 'boolean', default: false },
        digits: { type: 'string', default: '' },
        jitter: { type: 'string', default: '0' },
        'mark-jitter': { type: 'string', default: '0' },
        delay: { type: 'string', default: '0' },
        stall: { type: 'string', default: '0' },
        drop: { type: 'string', default: '0' },
        'model-port': { type: 'string' },
        seed: { type: 'string', default: '1' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error));
  }
}

/** Every option that some carrier has of its own. */
function carrierOptions(): Record<string, { type: 'string' }> {
  const names = Object.values(simulatedCarriers).flatMap(({ options }) => options.map(({ name }) => name));
  return Object.fromEntries(names.map((name) => [name, { type: 'string' }]));
}

function ownOptions(
  carrierName: string,
  carrier: SimulatedCarrier,
  values: Readonly<Record<string, unknown>>,
  env: NodeJS.ProcessEnv,
): Record<string, string> {
  const names = carrier.options.map(({ name }) => name);
  for (const foreign of Object.keys(carrierOptions())) {
    if (values[foreign] === undefined || names.includes(foreign)) continue;
    throw invalid(`--${foreign} is not for --carrier ${carrierName}`);
  }
  return Object.fromEntries(carrier.options.flatMap((option) => entryOf(option, values[option.name], env)));
}

function entryOf(option: CarrierOption, given: unknown, env: NodeJS.ProcessEnv): [string, string][] {
  const fromEnv = option.env?.map((name) => env[name]).find((value) => value !== undefined && value !== '');
  const value = typeof given === 'string' ? given : (fromEnv ?? option.default);
  return value === undefined ? [] : [[option.name, value]];
}

function numberOption(name: string, value: string, min: number, max: number): number {
  const number = value.trim() === '' ? Number.NaN : Number(value);
  if (number >= min && number <= max) return number;
  throw invalid(`--${name} is a number from ${min} to ${max}, not '${value}'`);
}

function urlOption(name: string, value: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return value.replace(/\/+$/, '');
  throw invalid(`--${name} is an http or https URL, not '${value}'`);
}

function digitsOption(value: string, carrierName: string, { tellsNoKeys = false }: SimulatedCarrier): string {
  if (value !== '' && tellsNoKeys) {
    throw invalid(`--digits is not for --carrier ${carrierName}, whose wire has no keys`);
  }
  if (/^[0-9*#]{0,64}$/.test(value)) return value;
  throw invalid(`--digits takes up to 64 of 0-9, * and #, not '${value}'`);
}

function invalid(message: string): PatchcordError {
  return new PatchcordError('PATCHCORD_CONFIG_INVALID', message);
}
