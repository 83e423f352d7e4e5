/** AudioHook, "Duration": ISO 8601 with seconds only, `PT1.5S`. */
const pattern = /^PT(\d*\.)?\d+S$/;

export function durationOf(ms: number): string {
  return `PT${Number((ms / 1000).toFixed(4))}S`;
}

/** Milliseconds; undefined for what is no duration. */
export function msOf(duration: unknown): number | undefined {
  if (typeof duration !== 'string' || !pattern.test(duration)) return undefined;
  return Number(duration.slice(2, -1)) * 1000;
}
