/** `npm run bench`: subject and relay under the same load in one run; see docs/benchmark.md. */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { carriers } from './carriers.ts';
import { Faults } from './faults.ts';
import { measureLimit } from './limit.ts';
import {
  type Bench,
  type ChurnFigures,
  type LoadFigures,
  type LoadOptions,
  type MemoryFigures,
  measureChurn,
  measureLoad,
  measureMemory,
} from './measure.ts';
import { type Options, readOptions, usage } from './options.ts';
import { measurePacing, type PacingFigures } from './pacing.ts';
import { type CarrierFigures, type Pair, type Results, renderTable, rowsOf } from './report.ts';
import { measureResampling } from './resampling.ts';
import { pinningProblem, pinSelf } from './subject-process.ts';
import { relay, type Subject, subjectNamed } from './subjects.ts';
import { measureCarrierTruncation, measureTruncation, type TruncationFigures } from './truncation.ts';

const subjectCore = 0;
const generatorCore = 1;

/** Half load when the limit was not measured: the calls that half fill the relay's core. */
function halfLoad(results: Pick<Results, 'limit' | 'load'>, options: Options): number {
  if (results.limit) {
    const lower = Math.min(...results.limit.map(({ calls }) => calls));
    if (lower > 0) return Math.max(1, Math.round(lower / 2));
  }
  const smallest = Math.min(...options.calls);
  if (smallest < 50) return smallest;
  const relayCpu = results.load.at(-1)?.[1].cpuMsPerCallSecond;
  return relayCpu ? Math.round(500 / relayCpu) : 200;
}

type Measure<T> = (subject: Subject) => Promise<T>;

async function both<T>(subject: Subject, together: boolean, measure: Measure<T>): Promise<Pair<T>> {
  if (together) return Promise.all([measure(subject), measure(relay)]);
  const first = await measure(subject);
  return [first, await measure(relay)];
}

function loadOptions(options: Options, calls: number): LoadOptions {
  const { rounds, settleSeconds, seconds, together } = options;
  return { calls, rounds, settleSeconds, seconds, together };
}

async function loadPair(
  bench: Bench,
  subject: Subject,
  options: Options,
  calls: number,
): Promise<Pair<LoadFigures>> {
  const contenders = [{ subject }, { subject: relay }];
  const [first, second] = await measureLoad(bench, contenders, loadOptions(options, calls));
  if (!first || !second) throw new Error('a subject was not measured');
  return [first, second];
}

/** The carriers beside Twilio. Their CPU time, each in turns with all others and the relay, is left out of a smoke run. */
async function measureCarriers(bench: Bench, subject: Subject, options: Options): Promise<CarrierFigures[]> {
  const names = options.carriers.filter((name) => subject.takes(name));
  if (names.length === 0) return [];
  const contenders = [{ subject: relay }, ...names.map((carrier) => ({ subject, carrier }))];
  const load = loadOptions(options, options.carrierCalls);
  const [beside, ...each] = options.together ? [] : await measureLoad(bench, contenders, load);
  const { truncationCallsPerCarrier: callsPerCarrier, truncationSeconds: seconds } = options;
  const cuts = await measureCarrierTruncation(bench, subject, names, { callsPerCarrier, seconds });
  return names.map((name, index) => {
    const own = each[index];
    return {
      carrier: carriers[name],
      load: own && beside ? [own, beside] : undefined,
      truncation: cuts.get(name),
    };
  });
}

/** Both ways at each number of calls, and at the highest with callers who are muted. */
async function pacingRuns(bench: Bench, subject: Subject, options: Options): Promise<PacingFigures[]> {
  const { settleSeconds, seconds, together, pacingCalls } = options;
  const look = (calls: number, muted: boolean): Promise<PacingFigures> =>
    measurePacing(bench, subject, { calls, muted, settleSeconds, seconds, judged: !together });
  const figures: PacingFigures[] = [];
  for (const calls of pacingCalls) figures.push(await look(calls, false));
  if (!together) figures.push(await look(Math.max(...pacingCalls), true));
  return figures;
}

async function measure(bench: Bench, options: Options, machine: string): Promise<Results> {
  const { parts, together } = options;
  const subject = subjectNamed(options.subject);
  const load: Pair<LoadFigures>[] = [];
  if (parts.has('cpu')) {
    for (const calls of options.calls) load.push(await loadPair(bench, subject, options, calls));
  }
  const range = { from: options.limitFrom, to: options.limitTo };
  const limit = parts.has('limit')
    ? await both(subject, false, (one) => measureLimit(bench, one, range))
    : undefined;
  let half: Pair<LoadFigures> | undefined;
  if (parts.has('latency') || parts.has('barge')) {
    const calls = halfLoad({ limit, load }, options);
    half =
      load.find(([figures]) => figures.calls === calls) ?? (await loadPair(bench, subject, options, calls));
  }
  const { truncationCallsPerScenario: callsPerScenario, truncationSeconds } = options;
  const truncate = async (): Promise<readonly TruncationFigures[]> => {
    if (!parts.has('truncation') || !subject.bargesIn) return [];
    return measureTruncation(bench, subject, { callsPerScenario, seconds: truncationSeconds });
  };
  const carry = async (): Promise<readonly CarrierFigures[]> =>
    parts.has('carriers') ? measureCarriers(bench, subject, options) : [];
  const { memoryCalls: calls, settleSeconds: seconds, churnCalls } = options;
  const pace = async (): Promise<readonly PacingFigures[]> => {
    if (!parts.has('pacing') || !subject.takes('audiosocket')) return [];
    return pacingRuns(bench, subject, options);
  };
  const remember = async (): Promise<Pair<MemoryFigures> | undefined> => {
    if (!parts.has('memory')) return undefined;
    return both(subject, together, (one) => measureMemory(bench, one, { calls, seconds }));
  };
  const churn = async (): Promise<Pair<ChurnFigures> | undefined> => {
    if (!parts.has('churn')) return undefined;
    return both(subject, together, (one) => measureChurn(bench, one, churnCalls));
  };
  const rest = together
    ? await Promise.all([truncate(), carry(), pace(), remember(), churn()])
    : ([await truncate(), await carry(), await pace(), await remember(), await churn()] as const);
  const resampling = parts.has('resample')
    ? await measureResampling({ rounds: together ? 1 : 20, install: !together })
    : undefined;
  const { bargesIn, name } = subject;
  return {
    subject: name.split('/').at(-1) ?? name,
    machine,
    load,
    limit,
    half,
    truncation: rest[0],
    carriers: rest[1],
    pacing: rest[2],
    memory: rest[3],
    churn: rest[4],
    resampling,
    bargesIn,
    faults: bench.faults.tally.toObject(),
    rejections: bargesIn ? bench.faults.rejections.total : undefined,
  };
}

async function main(): Promise<number> {
  let options: Options;
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 2;
  }
  const problem = pinningProblem();
  const pinned = problem === undefined;
  if (pinned) pinSelf(generatorCore);
  const pinning = pinned
    ? `subject on core ${subjectCore}, generator on core ${generatorCore}`
    : `not pinned, since ${problem}: ratios are less exact`;
  const machine = `${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}; ${pinning}`;
  const bench: Bench = {
    subjectCore: pinned ? subjectCore : undefined,
    faults: new Faults(),
    note: (text) => console.error(text),
  };
  bench.note(machine);
  const results = await measure(bench, options, machine);
  console.log(`\n${machine}\n\n${renderTable(rowsOf(results), results.subject, options.markdown)}\n`);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`);
  const faults = Object.entries(results.faults);
  for (const [name, count] of faults) console.log(`FAULT ${name}: ${count}`);
  if (faults.length === 0) console.log('no frame lost, no protocol mistake, no rejection');
  return faults.length === 0 ? 0 : 1;
}

// The subjects are ended when this process exits, and a signal alone is no exit.
process.once('SIGTERM', () => process.exit(143));
process.once('SIGINT', () => process.exit(130));

process.exitCode = await main();
