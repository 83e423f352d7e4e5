import { type Meter, Tally } from './meter.ts';

/** What must be zero whatever the load and the machine. */
export class Faults {
  readonly tally = new Tally();
  readonly rejections = new Tally();

  /** Adds what a run of a subject saw. The relay has no barge-in, so nothing of that is asked of it. */
  take(subject: string, meter: Meter, bargesIn: boolean): void {
    const add = (name: string, count: number): void => {
      if (count > 0) this.tally.add(`${subject}: ${name}`, count);
    };
    add('caller frames lost', meter.framesLost);
    add('blocks of answers lost', meter.downstreamBlocksLost);
    add('paced frames that came short or twice', meter.unevenFrames);
    for (const [name, count] of Object.entries(meter.violations.toObject())) add(name, count);
    if (!bargesIn) return;
    add('barge-ins without clear', meter.missedClears);
    add('bytes of dead answers after clear', meter.deadBytes);
    for (const [name, count] of Object.entries(meter.rejections.toObject())) {
      add(`rejected: ${name}`, count);
      this.rejections.add(name, count);
    }
  }
}
