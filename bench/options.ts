import { parseArgs } from 'node:util';
import { type CarrierName, carrierNames } from './carrier-names.ts';

export const parts = [
  'cpu',
  'limit',
  'latency',
  'barge',
  'truncation',
  'carriers',
  'pacing',
  'memory',
  'churn',
  'resample',
] as const;
export type Part = (typeof parts)[number];

export interface Options {
  readonly subject: string;
  readonly parts: ReadonlySet<Part>;
  readonly calls: readonly number[];
  /** Length of one observed window. */
  readonly seconds: number;
  /** Left out of every window: connecting, warm code, first turns. */
  readonly settleSeconds: number;
  readonly rounds: number;
  readonly truncationCallsPerScenario: number;
  readonly truncationSeconds: number;
  /** Looked at in the part `carriers`: Twilio's calls are what the other parts are about. */
  readonly carriers: readonly CarrierName[];
  readonly carrierCalls: number;
  readonly truncationCallsPerCarrier: number;
  readonly pacingCalls: readonly number[];
  readonly memoryCalls: number;
  readonly churnCalls: number;
  /** Where the search for the limit starts and where it ends at the latest. */
  readonly limitFrom: number;
  readonly limitTo: number;
  /** Several parts at a time: quick, and worthless as a measurement. */
  readonly together: boolean;
  readonly json: string | undefined;
  readonly markdown: boolean;
}

const otherCarriers = carrierNames.filter((name) => name !== 'twilio');

export const usage = `npm run bench -- [flags]
  --smoke             small and short, for CI: judges faults, never times
  --subject NAME      gateway (default), relay, or the path of another bridge's program
  --only PART         ${parts.join(' | ')}; may be given several times
  --calls 100,200     calls at once in the load rounds
  --seconds N         length of an observed window
  --rounds N          how often subject and relay alternate
  --carriers A,B      of ${otherCarriers.join(', ')}; all of them unless given
  --carrier-calls N   calls at once of each carrier
  --pacing-calls A,B  AudioSocket calls at once whose frames are timed
  --churn N           short calls in the churn part
  --limit-to N        end the search for the limit there
  --json FILE         write everything that was measured
  --markdown          print the table for docs/benchmark.md`;

/** Reads the command line; throws an error whose message can be shown. */
export function readOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      smoke: { type: 'boolean', default: false },
      subject: { type: 'string', default: 'gateway' },
      only: { type: 'string', multiple: true },
      calls: { type: 'string' },
      seconds: { type: 'string' },
      rounds: { type: 'string' },
      carriers: { type: 'string' },
      'carrier-calls': { type: 'string' },
      'pacing-calls': { type: 'string' },
      churn: { type: 'string' },
      'limit-to': { type: 'string' },
      json: { type: 'string' },
      markdown: { type: 'boolean', default: false },
    },
  });
  const { smoke } = values;
  const calls = wholes('--calls', values.calls ?? (smoke ? '10' : '100,200'));
  const chosen = values.only ?? (smoke ? parts.filter((part) => part !== 'limit') : parts);
  const seconds = whole('--seconds', values.seconds ?? (smoke ? '4' : '10'));
  return {
    subject: values.subject,
    parts: new Set(chosen.map(partNamed)),
    calls,
    seconds,
    settleSeconds: smoke ? 1 : 10,
    rounds: whole('--rounds', values.rounds ?? (smoke ? '1' : '2')),
    truncationCallsPerScenario: smoke ? 3 : 12,
    truncationSeconds: smoke ? 10 : 4 * seconds,
    carriers: values.carriers?.split(',').map(carrierNamed) ?? otherCarriers,
    carrierCalls: whole('--carrier-calls', values['carrier-calls'] ?? (smoke ? '4' : '200')),
    truncationCallsPerCarrier: smoke ? 3 : 14,
    pacingCalls: wholes('--pacing-calls', values['pacing-calls'] ?? (smoke ? '10' : '250,500')),
    memoryCalls: smoke ? 10 : 200,
    churnCalls: whole('--churn', values.churn ?? (smoke ? '60' : '2000')),
    limitFrom: 200,
    limitTo: whole('--limit-to', values['limit-to'] ?? '2000'),
    together: smoke,
    json: values.json,
    markdown: values.markdown,
  };
}

function wholes(flag: string, list: string): number[] {
  return list.split(',').map((text) => whole(flag, text));
}

function whole(flag: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`${flag}: "${text}" is not a whole number above 0`);
  return value;
}

function carrierNamed(name: string): CarrierName {
  const carrier = otherCarriers.find((candidate) => candidate === name);
  if (!carrier) throw new Error(`--carriers: "${name}" is none of ${otherCarriers.join(', ')}`);
  return carrier;
}

function partNamed(name: string): Part {
  const part = parts.find((candidate) => candidate === name);
  if (!part) throw new Error(`--only: "${name}" is none of ${parts.join(', ')}`);
  return part;
}
