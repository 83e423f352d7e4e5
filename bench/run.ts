/** `npm run bench`: subject and relay under the same load in one run; see docs/benchmark.md. */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { Faults } from './faults.ts';
import { measureLimit } from './limit.ts';
import {
  type Bench,
  type LoadFigures,
  measureChurn,
  measureLoad,
  measureMemory,
  measureTruncation,
} from './measure.ts';
import { type Options, readOptions, usage } from './options.ts';
import { type Pair, type Results, renderTable, rowsOf } from './report.ts';
import { pinningProblem, pinSelf } from './subject-process.ts';
import { relay, type Subject, subjectNamed } from './subjects.ts';

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

async function both<T>(subject: Subject, measure: (subject: Subject) => Promise<T>): Promise<Pair<T>> {
  const first = await measure(subject);
  return [first, await measure(relay)];
}

async function loadPair(
  bench: Bench,
  subject: Subject,
  options: Options,
  calls: number,
): Promise<Pair<LoadFigures>> {
  const { rounds, settleSeconds, seconds } = options;
  const [first, second] = await measureLoad(bench, [subject, relay], {
    calls,
    rounds,
    settleSeconds,
    seconds,
  });
  if (!first || !second) throw new Error('a subject was not measured');
  return [first, second];
}

async function measure(bench: Bench, options: Options, machine: string): Promise<Results> {
  const { parts } = options;
  const subject = subjectNamed(options.subject);
  const load: Pair<LoadFigures>[] = [];
  if (parts.has('cpu')) {
    for (const calls of options.calls) load.push(await loadPair(bench, subject, options, calls));
  }
  const range = { from: options.limitFrom, to: options.limitTo };
  const limit = parts.has('limit')
    ? await both(subject, (one) => measureLimit(bench, one, range))
    : undefined;
  const half =
    parts.has('latency') || parts.has('barge')
      ? await loadPair(bench, subject, options, halfLoad({ limit, load }, options))
      : undefined;
  const truncating = parts.has('truncation') && subject.bargesIn;
  const truncation = truncating
    ? await measureTruncation(bench, subject, {
        callsPerScenario: options.truncationCallsPerScenario,
        seconds: options.truncationSeconds,
      })
    : [];
  const { memoryCalls: calls, settleSeconds: seconds } = options;
  const memory = parts.has('memory')
    ? await both(subject, (one) => measureMemory(bench, one, { calls, seconds }))
    : undefined;
  const churn = parts.has('churn')
    ? await both(subject, (one) => measureChurn(bench, one, options.churnCalls))
    : undefined;
  const { bargesIn } = subject;
  const faults = bench.faults.tally.toObject();
  const rejections = bargesIn ? bench.faults.rejections.total : undefined;
  return {
    subject: subject.name,
    machine,
    load,
    half,
    limit,
    truncation,
    memory,
    churn,
    bargesIn,
    faults,
    rejections,
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

process.exitCode = await main();
