import { blockMs } from './coding.ts';
import { median, Samples } from './figures.ts';

/** Frames at either end of a window that tell whether frames came short or twice in it. */
const edge = 50;

/** When the frames of one call came, beside the 20 ms grid that they should come on. */
export class FrameGrid {
  /** How much later than its place in a grid from 0 on each frame came. */
  readonly #offsetsMs: number[] = [];

  arrived(nowMs: number): void {
    this.#offsetsMs.push(nowMs - this.#offsetsMs.length * blockMs);
  }

  get frames(): number {
    return this.#offsetsMs.length;
  }

  /** How far each frame was from its call's own grid, which lies where half of the frames come early and half late. */
  deviationsMs(): Samples {
    const middle = median(this.#offsetsMs);
    const samples = new Samples();
    for (const offsetMs of this.#offsetsMs) samples.add(offsetMs - middle);
    return samples;
  }

  /** Frames that came short, by the time that passed; negative: that came twice. A frame comes late, but never early. */
  missing(): number {
    if (this.frames < 2 * edge) return 0;
    const first = Math.min(...this.#offsetsMs.slice(0, edge));
    return Math.round((Math.min(...this.#offsetsMs.slice(-edge)) - first) / blockMs);
  }
}
