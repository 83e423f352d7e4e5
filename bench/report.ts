import type { Carrier } from './carriers.ts';
import type { LimitFigures } from './limit.ts';
import type { ChurnFigures, LoadFigures, MemoryFigures } from './measure.ts';
import type { PacingFigures } from './pacing.ts';
import type { ResamplerFigures, ResamplingFigures } from './resampling.ts';
import type { TruncationFigures } from './truncation.ts';

/** Subject and relay, in this order. */
export type Pair<T> = readonly [subject: T, relay: T];

/** A carrier's calls beside the relay's of the same rounds. */
export interface CarrierFigures {
  readonly carrier: Pick<Carrier, 'title' | 'resamples' | 'truncationGoalMs'>;
  readonly load: Pair<LoadFigures> | undefined;
  readonly truncation: TruncationFigures | undefined;
}

export interface Results {
  readonly subject: string;
  readonly machine: string;
  readonly load: ReadonlyArray<Pair<LoadFigures>>;
  readonly half: Pair<LoadFigures> | undefined;
  readonly limit: Pair<LimitFigures> | undefined;
  readonly truncation: readonly TruncationFigures[];
  readonly carriers: readonly CarrierFigures[];
  readonly pacing: readonly PacingFigures[];
  readonly resampling: ResamplingFigures | undefined;
  readonly memory: Pair<MemoryFigures> | undefined;
  readonly churn: Pair<ChurnFigures> | undefined;
  readonly bargesIn: boolean;
  readonly faults: Readonly<Record<string, number>>;
  readonly rejections: number | undefined;
}

/** One line of the table. */
export interface Row {
  readonly figure: string;
  readonly unit: string;
  readonly subject: string;
  /** The relay's figure, or whose the row says. */
  readonly yardstick: string;
  readonly ratio: string;
  readonly goal: string;
}

const none = '-';

/** Three significant digits, but no exponent. */
export function show(value: number): string {
  if (!Number.isFinite(value)) return none;
  const magnitude = Math.abs(value);
  if (magnitude >= 100 || Number.isInteger(value)) return String(Math.round(value));
  return value.toFixed(magnitude >= 10 ? 1 : magnitude >= 1 ? 2 : 3);
}

/** Rows that are being put together. */
class Rows {
  readonly all: Row[] = [];

  pair(figure: string, unit: string, [subject, yardstick]: Pair<number>, goal = ''): void {
    const ratio = yardstick === 0 ? none : show(subject / yardstick);
    this.all.push({ figure, unit, subject: show(subject), yardstick: show(yardstick), ratio, goal });
  }

  single(figure: string, unit: string, value: number, goal = ''): void {
    this.several(figure, unit, [value], goal);
  }

  several(figure: string, unit: string, values: readonly number[], goal = ''): void {
    const subject = values.map(show).join(', ');
    this.all.push({ figure, unit, subject, yardstick: none, ratio: none, goal });
  }
}

export function rowsOf(results: Results): Row[] {
  const rows = new Rows();
  for (const [subject, relay] of results.load) {
    const cpu: Pair<number> = [subject.cpuMsPerCallSecond, relay.cpuMsPerCallSecond];
    rows.pair(`CPU per call-second, ${subject.calls} calls`, 'ms', cpu, 'ratio <= 1.15');
  }
  if (results.limit) addLimit(rows, results.limit);
  if (results.half) addHalfLoad(rows, results.half, results.bargesIn);
  for (const truncation of results.truncation) addTruncation(rows, truncation, 20);
  addCarriers(rows, results.carriers);
  for (const pacing of results.pacing) addPacing(rows, pacing);
  if (results.rejections !== undefined)
    rows.single('rejections by the model side', 'errors', results.rejections, '0');
  if (results.memory) addMemory(rows, results.memory);
  if (results.churn) addChurn(rows, results.churn);
  if (results.resampling) addResampling(rows, results.resampling);
  return rows.all;
}

function addLimit(rows: Rows, limits: Pair<LimitFigures>): void {
  const [subject, relay] = limits;
  const bounds = limits.map((limit) => (limit.endedBy === 'subject' ? '' : `, ${limit.endedBy}`));
  const note = bounds.some((bound) => bound !== '') ? ` (bounded by: subject${bounds.join(' | relay')})` : '';
  rows.pair(`calls per core in time${note}`, 'calls', [subject.calls, relay.calls]);
}

function addHalfLoad(rows: Rows, [subject, relay]: Pair<LoadFigures>, bargesIn: boolean): void {
  const at = `at half load (${subject.calls} calls)`;
  const each = (name: string, of: (figures: LoadFigures) => LoadFigures['upstreamMs']): void => {
    rows.pair(`${name} ${at}, p50`, 'ms', [of(subject).p50, of(relay).p50], 'ratio <= 1.3');
    rows.pair(`${name} ${at}, p99`, 'ms', [of(subject).p99, of(relay).p99], 'ratio <= 1.5');
  };
  each('caller to model', (figures) => figures.upstreamMs);
  each('model to caller', (figures) => figures.downstreamMs);
  if (!bargesIn) return;
  const basis = "against the relay's model to caller";
  rows.pair(`barge-in to clear ${at}, p50, ${basis}`, 'ms', [subject.clearMs.p50, relay.downstreamMs.p50]);
  const p99: Pair<number> = [subject.clearMs.p99, relay.downstreamMs.p99];
  rows.pair(`barge-in to clear ${at}, p99, ${basis}`, 'ms', p99, 'ratio <= 1.3');
  rows.single('audio of dead answers after clear', 'bytes', subject.deadBytes, '0');
}

function addTruncation(
  rows: Rows,
  { scenario, errorMs, magnitudeMs }: TruncationFigures,
  goalMs: number,
): void {
  const worst = -errorMs.min > errorMs.max ? errorMs.min : errorMs.max;
  const figure = `truncation error, ${scenario} (${errorMs.count} cuts): p50, p99 of the size, worst`;
  rows.several(figure, 'ms', [errorMs.p50, magnitudeMs.p99, worst], `p99 <= ${goalMs}`);
}

function addCarriers(rows: Rows, carriers: readonly CarrierFigures[]): void {
  for (const { carrier, load } of carriers) {
    if (!load) continue;
    const [subject, relay] = load;
    const cpu: Pair<number> = [subject.cpuMsPerCallSecond, relay.cpuMsPerCallSecond];
    const goal = `ratio <= ${carrier.resamples ? 2.5 : 1.25}`;
    rows.pair(`CPU per call-second, ${carrier.title}, ${subject.calls} calls`, 'ms', cpu, goal);
  }
  for (const { carrier, truncation } of carriers)
    if (truncation) addTruncation(rows, truncation, carrier.truncationGoalMs);
}

function addPacing(rows: Rows, pacing: PacingFigures): void {
  const { calls, muted, deviationMs, frames, missing, cpuMsPerCallSecond, coreFull, generatorLateMs } =
    pacing;
  const what = `${calls} AudioSocket calls${muted ? ', callers muted' : ''}${coreFull ? ' (core full)' : ''}`;
  const late = `generator late by ${show(generatorLateMs.p99)} at p99`;
  const { p50, p99, max } = deviationMs;
  rows.several(
    `frames off their 20 ms grid, ${what}: p50, p99, worst; ${late}`,
    'ms',
    [p50, p99, max],
    'p99 < 5',
  );
  rows.single(`frames that came short, ${what}, of ${frames}`, 'frames', missing, '0');
  rows.single(`CPU per call-second, ${what}`, 'ms', cpuMsPerCallSecond);
}

function addMemory(rows: Rows, [subject, relay]: Pair<MemoryFigures>): void {
  const at = `${subject.calls} calls`;
  const rss: Pair<number> = [subject.rssKbPerCall, relay.rssKbPerCall];
  rows.pair(`memory per call (RSS), ${at}`, 'kB', rss, 'ratio <= 1.25');
  const heap: Pair<number> = [subject.heapKbPerCall, relay.heapKbPerCall];
  rows.pair(`heap and buffers per call after collection, ${at}`, 'kB', heap);
  rows.pair('memory without calls (RSS)', 'MB', [subject.idleRssKb / 1024, relay.idleRssKb / 1024]);
}

function addChurn(rows: Rows, [subject, relay]: Pair<ChurnFigures>): void {
  const per = `per 1,000 ended calls (${subject.calls} calls)`;
  rows.pair(`heap that stays ${per}`, 'kB', [subject.heapKbPer1000, relay.heapKbPer1000], 'about 0');
  rows.pair(`RSS that stays ${per}`, 'kB', [subject.rssKbPer1000, relay.rssKbPer1000], 'about 0');
  rows.pair(`open handles that stay ${per}`, 'handles', [subject.handlesPer1000, relay.handlesPer1000], '0');
}

function addResampling(rows: Rows, { pairs, soxMissing }: ResamplingFigures): void {
  const basis = soxMissing === undefined ? ", against soxr's" : '';
  for (const { fromRate, toRate, ours, soxr } of pairs) {
    const name = `resampler ${fromRate / 1000} -> ${toRate / 1000} kHz`;
    const each = (
      what: string,
      unit: string,
      of: (figures: ResamplerFigures) => number,
      goal: string,
    ): void => rows.pair(`${name}, ${what}${basis}`, unit, [of(ours), soxr ? of(soxr) : Number.NaN], goal);
    each('rejection', 'dB', ({ rejectionDb }) => rejectionDb, '>= 70');
    each('ripple', 'dB', ({ rippleDb }) => rippleDb, '<= 0.1');
    each('delay', 'ms', ({ lookAheadMs }) => lookAheadMs, '<= 2');
    each('CPU per 20 ms', 'µs', ({ microsPerFrame }) => microsPerFrame, '<= 10');
  }
  if (soxMissing !== undefined) rows.several(`soxr's figures are missing, for sox is: ${soxMissing}`, '', []);
}

const titles: Row = {
  figure: 'figure',
  unit: 'unit',
  subject: 'subject',
  yardstick: 'yardstick',
  ratio: 'ratio',
  goal: 'goal',
};

/** The table, its columns aligned; with `markdown` as docs/benchmark.md has it. */
export function renderTable(rows: readonly Row[], subject: string, markdown: boolean): string {
  const lines = [{ ...titles, subject }, ...rows].map((row) => [
    row.figure,
    row.unit,
    row.subject,
    row.yardstick,
    row.ratio,
    row.goal,
  ]);
  const widths = columnWidths(lines);
  const rendered = lines.map((cells) => {
    const padded = cells.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column >= 2 && column <= 4 ? cell.padStart(width) : cell.padEnd(width);
    });
    return markdown ? `| ${padded.join(' | ')} |` : padded.join('  ').trimEnd();
  });
  const rule = widths.map((width, column) => {
    const dashes = '-'.repeat(Math.max(3, width));
    return markdown && column >= 2 && column <= 4 ? `${dashes.slice(1)}:` : dashes;
  });
  const [head = '', ...body] = rendered;
  return [head, markdown ? `| ${rule.join(' | ')} |` : rule.join('  '), ...body].join('\n');
}

function columnWidths(lines: ReadonlyArray<readonly string[]>): number[] {
  const columns = lines[0]?.length ?? 0;
  return Array.from({ length: columns }, (_, column) =>
    Math.max(...lines.map((cells) => cells[column]?.length ?? 0)),
  );
}
