/** Numbers collected in one run, summed up by percentile. */
export class Samples {
  #values = new Float64Array(1024);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(value: number): void {
    if (this.#count === this.#values.length) {
      const grown = new Float64Array(this.#count * 2);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.#count++] = value;
  }

  addAll(other: Samples): void {
    for (const value of other.values()) this.add(value);
  }

  /** A sorted copy. */
  values(): Float64Array {
    return this.#values.slice(0, this.#count).sort();
  }

  summary(): Summary {
    const sorted = this.values();
    return {
      count: sorted.length,
      min: percentile(sorted, 0),
      p1: percentile(sorted, 1),
      p50: percentile(sorted, 50),
      p95: percentile(sorted, 95),
      p99: percentile(sorted, 99),
      max: percentile(sorted, 100),
    };
  }

  /** The same without signs: for errors, whose direction is shown by `summary`. */
  magnitudes(): Samples {
    const result = new Samples();
    for (const value of this.values()) result.add(Math.abs(value));
    return result;
  }
}

/** All values are NaN when nothing was counted. */
export interface Summary {
  readonly count: number;
  readonly min: number;
  readonly p1: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** Nearest rank: the smallest value that at least `rank` percent of the values do not exceed. */
export function percentile(sorted: ArrayLike<number>, rank: number): number {
  if (sorted.length === 0) return Number.NaN;
  const index = Math.min(sorted.length - 1, Math.max(0, Math.ceil((rank / 100) * sorted.length) - 1));
  return sorted[index] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Least-squares slope of y over x; NaN with fewer than two points. */
export function slope(points: ReadonlyArray<readonly [x: number, y: number]>): number {
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  let above = 0;
  let below = 0;
  for (const [x, y] of points) {
    above += (x - meanX) * (y - meanY);
    below += (x - meanX) ** 2;
  }
  return points.length < 2 ? Number.NaN : above / below;
}
