/** One answer: milliseconds from the end of the caller's speech. */
export interface TurnLatency {
  readonly turnId: number;
  /** First audio of the answer sent. */
  readonly firstAudioMs: number;
  /** What of that went by until the model was sure that the caller had finished. */
  readonly endpointingMs?: number;
  /** The answer reached the caller's ear. */
  readonly heardMs?: number;
}

export interface LatencyBar extends TurnLatency {
  /** Shares of the scale, 0 to 1, for the parts of the bar: waiting for the end of speech, answering, on the way. */
  readonly waitShare: number;
  readonly sentShare: number;
  readonly heardShare: number;
}

export interface LatencyChart {
  /** The newest last. */
  readonly bars: readonly LatencyBar[];
  /** Length of the scale in milliseconds: a round number that holds every bar. */
  readonly scaleMs: number;
  /** Over all answers given, not only those with a bar; undefined where there are none. */
  readonly medianMs: number | undefined;
}

/** The shortest scale, so that quick answers look quick. */
const leastScaleMs = 1000;

export function latencyChart(answers: readonly TurnLatency[], maxBars: number): LatencyChart {
  const shown = answers.slice(-maxBars);
  const longest = Math.max(0, ...shown.map(totalMs));
  const scaleMs = Math.max(leastScaleMs, Math.ceil(longest / 500) * 500);
  const bars = shown.map((answer) => {
    const waitMs = Math.max(0, Math.min(answer.endpointingMs ?? 0, answer.firstAudioMs));
    return {
      ...answer,
      waitShare: waitMs / scaleMs,
      sentShare: (answer.firstAudioMs - waitMs) / scaleMs,
      heardShare: (totalMs(answer) - answer.firstAudioMs) / scaleMs,
    };
  });
  return { bars, scaleMs, medianMs: median(answers.map((answer) => answer.firstAudioMs)) };
}

/**
 * Adds an answer, or what became known of one later: of two accounts of when it was heard the later one counts,
 * because the gateway cannot see the whole way to the ear. Keeps the newest `limit`.
 */
export function withLatency(
  answers: readonly TurnLatency[],
  answer: TurnLatency,
  limit = 200,
): readonly TurnLatency[] {
  const known = answers.find(({ turnId }) => turnId === answer.turnId);
  if (known === undefined) return [...answers, answer].slice(-limit);
  const heardMs = Math.max(known.heardMs ?? 0, answer.heardMs ?? 0);
  const merged = heardMs === 0 ? answer : { ...answer, heardMs };
  return answers.map((other) => (other === known ? merged : other));
}

export function formatSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 9950 ? 2 : 1)} s`;
}

function totalMs(answer: TurnLatency): number {
  return Math.max(answer.firstAudioMs, answer.heardMs ?? 0);
}

function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const high = sorted[middle];
  if (high === undefined || sorted.length % 2 === 1) return high;
  return ((sorted[middle - 1] ?? high) + high) / 2;
}
