import { setTimeout as sleep } from 'node:timers/promises';
import { typicalConversation } from './conversation.ts';
import { Samples, type Summary } from './figures.ts';
import { Load } from './load.ts';
import type { Bench } from './measure.ts';
import type { Subject } from './subjects.ts';

export interface PacingFigures {
  readonly calls: number;
  /** How far frames came from the 20 ms grid of their own call, both ways. */
  readonly deviationMs: Summary;
  readonly frames: number;
  /** By the time that passed; negative: some came twice. */
  readonly missing: number;
  readonly cpuMsPerCallSecond: number;
  readonly generatorLateMs: Summary;
  readonly generatorLoad: number;
}

/** Calls of a carrier whose audio the subject paces: when do its frames come? */
export async function measurePacing(
  bench: Bench,
  subject: Subject,
  options: {
    calls: number;
    settleSeconds: number;
    seconds: number;
    /** False: too much else runs for a missing frame to be the subject's fault. */
    judged: boolean;
  },
): Promise<PacingFigures> {
  const { calls, settleSeconds, seconds, judged } = options;
  bench.note(`pacing: ${subject.name}, ${calls} AudioSocket calls`);
  const load = await Load.start(subject, { core: bench.subjectCore });
  try {
    await load.add(calls, typicalConversation, 'audiosocket');
    await sleep(settleSeconds * 1000);
    const grids = load.watchFrames();
    const window = await load.observe(seconds);
    load.unwatchFrames();
    const deviations = new Samples();
    let missing = 0;
    for (const grid of grids) {
      deviations.addAll(grid.deviationsMs().magnitudes());
      missing += grid.missing();
      if (judged) load.meter.unevenFrames += Math.abs(grid.missing());
    }
    return {
      calls,
      deviationMs: deviations.summary(),
      frames: deviations.count,
      missing,
      cpuMsPerCallSecond: window.cpuMsPerCallSecond,
      generatorLateMs: load.meter.generatorLateMs.summary(),
      generatorLoad: window.generatorLoad,
    };
  } finally {
    await load.stop();
    bench.faults.take(`${subject.name}, pacing`, load.meter, subject.bargesIn);
  }
}
