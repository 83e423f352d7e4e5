import { setTimeout as sleep } from 'node:timers/promises';
import { typicalConversation } from './conversation.ts';
import { Samples, type Summary } from './figures.ts';
import { Load } from './load.ts';
import type { Bench } from './measure.ts';
import type { Subject } from './subjects.ts';

/** From this share of its core on it is load, and not pacing, that makes frames late. */
const coreFull = 0.95;

export interface PacingFigures {
  readonly calls: number;
  /** The callers' phones send nothing: all that is left is what the subject sends. */
  readonly muted: boolean;
  /** How far frames came from the 20 ms grid of their own call, early or late. */
  readonly deviationMs: Summary;
  readonly frames: number;
  /** Frames that came short, by the time that passed; negative: that came twice. */
  readonly missing: number;
  readonly cpuMsPerCallSecond: number;
  /** Share of its core that the subject used, 0 to 1. */
  readonly subjectLoad: number;
  readonly coreFull: boolean;
  readonly generatorLateMs: Summary;
  readonly generatorLoad: number;
}

export interface PacingOptions {
  readonly calls: number;
  readonly muted: boolean;
  readonly settleSeconds: number;
  readonly seconds: number;
  /** False: too much else runs for a missing frame to be the subject's fault. */
  readonly judged: boolean;
}

/** AudioSocket calls, whose audio the subject paces: when do their frames come? */
export async function measurePacing(
  bench: Bench,
  subject: Subject,
  options: PacingOptions,
): Promise<PacingFigures> {
  const { calls, muted, settleSeconds, seconds, judged } = options;
  bench.note(`pacing: ${subject.name}, ${calls} AudioSocket calls${muted ? ', callers muted' : ''}`);
  const load = await Load.start(subject, { core: bench.subjectCore });
  let figures: PacingFigures;
  try {
    await load.add(calls, typicalConversation, 'audiosocket');
    if (muted) load.muteCallers();
    await sleep(settleSeconds * 1000);
    const grids = load.watchFrames();
    const window = await load.observe(seconds);
    load.unwatchFrames();
    const deviations = new Samples();
    let missing = 0;
    let uneven = 0;
    for (const grid of grids) {
      deviations.addAll(grid.deviationsMs().magnitudes());
      missing += grid.missing();
      uneven += Math.abs(grid.missing());
    }
    if (judged) load.meter.unevenFrames = uneven;
    const subjectLoad = (window.cpuMsPerCallSecond * calls) / 1000;
    figures = {
      calls,
      muted,
      deviationMs: deviations.summary(),
      frames: deviations.count,
      missing,
      cpuMsPerCallSecond: window.cpuMsPerCallSecond,
      subjectLoad,
      coreFull: subjectLoad >= coreFull,
      generatorLateMs: load.meter.generatorLateMs.summary(),
      generatorLoad: window.generatorLoad,
    };
  } finally {
    await load.stop();
  }
  // What a full core makes of its calls is told by the figures.
  if (!figures.coreFull) bench.faults.take(`${subject.name}, pacing`, load.meter, subject.bargesIn);
  return figures;
}
