import { setTimeout as sleep } from 'node:timers/promises';
import { Load } from './load.ts';
import type { Bench } from './measure.ts';
import type { Subject } from './subjects.ts';

/** Over the limit: frames are lost, or the slowest hundredth is later than this, ms. */
const lateMs = 20;
/** From here on the generator itself may be what is late. */
const generatorFull = 0.92;
const generatorLateMs = 10;
const settleMs = 4000;
const windowSeconds = 5;
const coarse = 1.25;
const fineSteps = 4;

export interface LimitFigures {
  /** The most calls that were carried in time. */
  readonly calls: number;
  /** What ended the search. */
  readonly endedBy: 'subject' | 'generator' | 'end of the search';
  readonly steps: readonly LimitStep[];
}

export interface LimitStep {
  readonly calls: number;
  readonly p99Ms: number;
  readonly lost: number;
  readonly cpuMsPerCallSecond: number;
  readonly generatorLoad: number;
  readonly generatorLateP99Ms: number;
  readonly inTime: boolean;
}

/** The highest number of calls on one core with p99 below 20 ms each way and no frame lost. */
export async function measureLimit(
  bench: Bench,
  subject: Subject,
  range: { from: number; to: number },
): Promise<LimitFigures> {
  const load = await Load.start(subject, { core: bench.subjectCore });
  const steps: LimitStep[] = [];
  const look = async (calls: number): Promise<LimitStep> => {
    const step = await observeStep(load, calls);
    const verdict = step.inTime ? 'in time' : 'too late';
    bench.note(`limit: ${subject.name}, ${calls} calls: p99 ${step.p99Ms.toFixed(1)} ms, ${verdict}`);
    steps.push(step);
    return step;
  };
  // A neighbour on the machine can spoil one look, hardly two.
  const tryCalls = async (calls: number): Promise<LimitStep> => {
    const first = await look(calls);
    return first.inTime ? first : look(calls);
  };
  try {
    let good = 0;
    let failed: LimitStep | undefined;
    for (let calls = range.from; calls <= range.to; calls = Math.ceil(calls * coarse)) {
      const step = await tryCalls(calls);
      if (!step.inTime) {
        failed = step;
        break;
      }
      good = calls;
    }
    if (!failed) return { calls: good, endedBy: 'end of the search', steps };
    let bad = failed.calls;
    for (let fine = 1; fine < fineSteps; fine++) {
      const calls = Math.round((good + bad) / 2);
      load.shrinkTo(good);
      await sleep(settleMs);
      const step = await tryCalls(calls);
      if (step.inTime) good = calls;
      else {
        bad = calls;
        failed = step;
      }
    }
    return { calls: good, endedBy: endedBy(failed), steps };
  } finally {
    await load.stop();
  }
}

function endedBy({ generatorLoad, generatorLateP99Ms }: LimitStep): LimitFigures['endedBy'] {
  return generatorLoad > generatorFull || generatorLateP99Ms > generatorLateMs ? 'generator' : 'subject';
}

async function observeStep(load: Load, calls: number): Promise<LimitStep> {
  await load.add(calls - load.calls);
  await sleep(settleMs);
  const { meter } = load;
  const lostBefore = meter.framesLost + meter.downstreamBlocksLost;
  const sentBefore = meter.framesSent;
  const arrivedBefore = meter.framesArrived;
  const window = await load.observe(windowSeconds);
  // What has not arrived at all is not in the percentiles; half a second of backlog is over any limit.
  const backlog = meter.framesSent - sentBefore - (meter.framesArrived - arrivedBefore);
  const p99Ms = Math.max(meter.upstreamMs.summary().p99, meter.downstreamMs.summary().p99);
  const lost = meter.framesLost + meter.downstreamBlocksLost - lostBefore;
  return {
    calls,
    p99Ms,
    lost,
    cpuMsPerCallSecond: window.cpuMsPerCallSecond,
    generatorLoad: window.generatorLoad,
    generatorLateP99Ms: meter.generatorLateMs.summary().p99,
    inTime: p99Ms < lateMs && lost === 0 && backlog < calls * 5,
  };
}
