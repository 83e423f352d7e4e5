import { setTimeout as sleep } from 'node:timers/promises';
import type { CarrierName } from './carrier-names.ts';
import { carriers } from './carriers.ts';
import { shortConversation } from './conversation.ts';
import type { Faults } from './faults.ts';
import { median, Samples, type Summary, slope } from './figures.ts';
import { Inspector } from './inspector.ts';
import { Load } from './load.ts';
import type { Subject } from './subjects.ts';

/** What every part needs to know. */
export interface Bench {
  readonly subjectCore: number | undefined;
  readonly faults: Faults;
  readonly note: (text: string) => void;
}

export interface LoadFigures {
  readonly calls: number;
  /** Median of the rounds. */
  readonly cpuMsPerCallSecond: number;
  readonly cpuRounds: readonly number[];
  readonly upstreamMs: Summary;
  readonly downstreamMs: Summary;
  readonly clearMs: Summary;
  readonly generatorLateMs: Summary;
  readonly generatorLoad: number;
  readonly deadBytes: number;
  readonly interruptions: number;
}

/** A subject, and whose calls it takes: Twilio's unless said otherwise. */
export interface Contender {
  readonly subject: Subject;
  readonly carrier?: CarrierName;
}

export interface LoadOptions {
  readonly calls: number;
  readonly rounds: number;
  readonly settleSeconds: number;
  readonly seconds: number;
  /** All at a time: quick, and worthless as a measurement. */
  readonly together: boolean;
}

/** Puts the contenders under the same load in turns: A B A B. */
export async function measureLoad(
  bench: Bench,
  contenders: readonly Contender[],
  options: LoadOptions,
): Promise<LoadFigures[]> {
  const collected = contenders.map(() => new Rounds());
  for (let round = 1; round <= options.rounds; round++) {
    const looks = contenders.map((contender, index) => async () => {
      bench.note(`load: ${titleOf(contender)}, ${options.calls} calls, round ${round} of ${options.rounds}`);
      await look(bench, contender, options, collected[index] ?? new Rounds());
    });
    if (options.together) await Promise.all(looks.map((each) => each()));
    else for (const each of looks) await each();
  }
  return collected.map((rounds) => rounds.figures(options.calls));
}

function titleOf({ subject, carrier }: Contender): string {
  return carrier === undefined ? subject.name : `${subject.name}, ${carriers[carrier].title}`;
}

async function look(
  bench: Bench,
  contender: Contender,
  options: LoadOptions,
  collected: Rounds,
): Promise<void> {
  const { subject, carrier } = contender;
  const load = await Load.start(subject, { core: bench.subjectCore });
  try {
    await load.add(options.calls, undefined, carrier);
    await sleep(options.settleSeconds * 1000);
    const window = await load.observe(options.seconds);
    collected.add(load, window.cpuMsPerCallSecond, window.generatorLoad);
  } finally {
    await load.stop();
  }
  bench.faults.take(titleOf(contender), load.meter, subject.bargesIn);
}

class Rounds {
  readonly #cpu: number[] = [];
  readonly #generatorLoad: number[] = [];
  readonly #upstreamMs = new Samples();
  readonly #downstreamMs = new Samples();
  readonly #clearMs = new Samples();
  readonly #lateMs = new Samples();
  #deadBytes = 0;
  #interruptions = 0;

  add({ meter }: Load, cpuMsPerCallSecond: number, generatorLoad: number): void {
    this.#cpu.push(cpuMsPerCallSecond);
    this.#generatorLoad.push(generatorLoad);
    this.#upstreamMs.addAll(meter.upstreamMs);
    this.#downstreamMs.addAll(meter.downstreamMs);
    this.#clearMs.addAll(meter.clearMs);
    this.#lateMs.addAll(meter.generatorLateMs);
    this.#deadBytes += meter.deadBytes;
    this.#interruptions += meter.interruptions;
  }

  figures(calls: number): LoadFigures {
    return {
      calls,
      cpuMsPerCallSecond: median(this.#cpu),
      cpuRounds: this.#cpu,
      upstreamMs: this.#upstreamMs.summary(),
      downstreamMs: this.#downstreamMs.summary(),
      clearMs: this.#clearMs.summary(),
      generatorLateMs: this.#lateMs.summary(),
      generatorLoad: median(this.#generatorLoad),
      deadBytes: this.#deadBytes,
      interruptions: this.#interruptions,
    };
  }
}

export interface MemoryFigures {
  readonly calls: number;
  readonly idleRssKb: number;
  readonly rssKbPerCall: number;
  /** After a full collection. */
  readonly heapKbPerCall: number;
}

/** Memory at `calls` calls less memory without, both after some calls have warmed the code. */
export async function measureMemory(
  bench: Bench,
  subject: Subject,
  options: { calls: number; seconds: number },
): Promise<MemoryFigures> {
  bench.note(`memory: ${subject.name}, ${options.calls} calls`);
  const load = await Load.start(subject, { core: bench.subjectCore, inspect: true });
  const inspector = await inspectorOf(load);
  try {
    await load.add(Math.ceil(options.calls / 10));
    await sleep(options.seconds * 1000);
    load.shrinkTo(0);
    await sleep(2500);
    const idle = await collectedMemory(load, inspector);
    await load.add(options.calls);
    await sleep(options.seconds * 1000);
    const loaded = await collectedMemory(load, inspector);
    return {
      calls: options.calls,
      idleRssKb: idle.rssKb,
      rssKbPerCall: (loaded.rssKb - idle.rssKb) / options.calls,
      heapKbPerCall: (loaded.heapKb - idle.heapKb) / options.calls,
    };
  } finally {
    inspector.close();
    await load.stop();
    bench.faults.take(subject.name, load.meter, subject.bargesIn);
  }
}

/** Medians of a few looks, each right after a full collection: what is in use, not what is not yet freed. */
async function collectedMemory(load: Load, inspector: Inspector): Promise<{ rssKb: number; heapKb: number }> {
  const rssKb: number[] = [];
  const heapKb: number[] = [];
  for (let look = 0; look < 5; look++) {
    heapKb.push((await inspector.heapUsed()) / 1024);
    rssKb.push(load.process.rssKb());
    await sleep(150);
  }
  return { rssKb: median(rssKb), heapKb: median(heapKb) };
}

export interface ChurnFigures {
  readonly calls: number;
  readonly heapKbPer1000: number;
  readonly rssKbPer1000: number;
  readonly handlesPer1000: number;
  readonly handlesLeft: number;
}

const churnAtOnce = 40;
const shortCallMs = 450;
const churnSamples = 5;

/** Short calls that come and go; what stays behind after each batch, as a slope per 1,000 calls. */
export async function measureChurn(bench: Bench, subject: Subject, calls: number): Promise<ChurnFigures> {
  bench.note(`churn: ${subject.name}, ${calls} short calls`);
  const load = await Load.start(subject, { core: bench.subjectCore, inspect: true });
  const inspector = await inspectorOf(load);
  try {
    const batch = Math.ceil(calls / churnSamples);
    // The first batch only warms: caches and compiled code are no leak.
    await churn(load, batch);
    const handlesBefore = await settledHandles(load);
    const heapKb: Array<[number, number]> = [];
    const rssKb: Array<[number, number]> = [];
    const handles: Array<[number, number]> = [];
    for (let sample = 0; sample <= churnSamples; sample++) {
      if (sample > 0) await churn(load, batch);
      const at = (sample * batch) / 1000;
      handles.push([at, await settledHandles(load)]);
      heapKb.push([at, (await inspector.heapUsed()) / 1024]);
      rssKb.push([at, load.process.rssKb()]);
    }
    return {
      calls,
      heapKbPer1000: slope(heapKb),
      rssKbPer1000: slope(rssKb),
      handlesPer1000: slope(handles),
      handlesLeft: (handles.at(-1)?.[1] ?? 0) - handlesBefore,
    };
  } finally {
    inspector.close();
    await load.stop();
    bench.faults.take(subject.name, load.meter, subject.bargesIn);
  }
}

async function churn(load: Load, calls: number): Promise<void> {
  let left = calls;
  const line = async (): Promise<void> => {
    while (left-- > 0) await load.shortCall(shortConversation, shortCallMs);
  };
  await Promise.all(Array.from({ length: churnAtOnce }, line));
}

/** Open handles once the sockets of ended calls have had their time to close: 3 s at most. */
async function settledHandles(load: Load): Promise<number> {
  let last = load.process.handles();
  for (let look = 0; look < 6; look++) {
    await sleep(500);
    const now = load.process.handles();
    if (now >= last && look > 0) return now;
    last = now;
  }
  return last;
}

async function inspectorOf(load: Load): Promise<Inspector> {
  const url = load.process.inspectorUrl;
  if (url !== undefined) return Inspector.connect(url);
  await load.stop();
  throw new Error(`${load.process.subject.name} has no inspector`);
}
