/** How fast the emulated model answers. */
export interface Pace {
  /** From the request to the first audio. */
  readonly latencyMs: number;
  /** Length of an audio delta. */
  readonly deltaMs: number;
  /** Generation speed, as a multiple of real time. */
  readonly speed: number;
  /** From a committed turn to its transcript. */
  readonly transcriptDelayMs: number;
}

export const defaultPace: Pace = { latencyMs: 250, deltaMs: 250, speed: 6, transcriptDelayMs: 400 };
