import type { LimitFigures } from './limit.ts';
import type { ChurnFigures, LoadFigures, MemoryFigures, TruncationFigures } from './measure.ts';

/** Subject and relay, in this order. */
export type Pair<T> = readonly [subject: T, relay: T];

export interface Results {
  readonly subject: string;
  readonly machine: string;
  readonly load: ReadonlyArray<Pair<LoadFigures>>;
  readonly half: Pair<LoadFigures> | undefined;
  readonly limit: Pair<LimitFigures> | undefined;
  readonly truncation: readonly TruncationFigures[];
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
  readonly relay: string;
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

export function rowsOf(results: Results): Row[] {
  const rows: Row[] = [];
  const pair = (figure: string, unit: string, [subject, relay]: Pair<number>, goal = ''): void => {
    const ratio = relay === 0 ? none : show(subject / relay);
    rows.push({ figure, unit, subject: show(subject), relay: show(relay), ratio, goal });
  };
  const single = (figure: string, unit: string, value: number, goal = ''): void => {
    rows.push({ figure, unit, subject: show(value), relay: none, ratio: none, goal });
  };
  for (const [subject, relay] of results.load) {
    const cpu: Pair<number> = [subject.cpuMsPerCallSecond, relay.cpuMsPerCallSecond];
    pair(`CPU per call-second, ${subject.calls} calls`, 'ms', cpu, 'ratio <= 1.15');
  }
  if (results.limit) {
    const [subject, relay] = results.limit;
    const bounds = results.limit.map((limit) => (limit.endedBy === 'subject' ? '' : `, ${limit.endedBy}`));
    const note = bounds.some((bound) => bound !== '')
      ? ` (bounded by: subject${bounds.join(' | relay')})`
      : '';
    pair(`calls per core in time${note}`, 'calls', [subject.calls, relay.calls]);
  }
  if (results.half) {
    const [subject, relay] = results.half;
    const at = `at half load (${subject.calls} calls)`;
    const each = (name: string, of: (figures: LoadFigures) => LoadFigures['upstreamMs']): void => {
      pair(`${name} ${at}, p50`, 'ms', [of(subject).p50, of(relay).p50], 'ratio <= 1.3');
      pair(`${name} ${at}, p99`, 'ms', [of(subject).p99, of(relay).p99], 'ratio <= 1.5');
    };
    each('caller to model', (figures) => figures.upstreamMs);
    each('model to caller', (figures) => figures.downstreamMs);
    if (results.bargesIn) {
      const basis = "against the relay's model to caller";
      pair(`barge-in to clear ${at}, p50, ${basis}`, 'ms', [subject.clearMs.p50, relay.downstreamMs.p50]);
      const p99: Pair<number> = [subject.clearMs.p99, relay.downstreamMs.p99];
      pair(`barge-in to clear ${at}, p99, ${basis}`, 'ms', p99, 'ratio <= 1.3');
      single('audio of dead answers after clear', 'bytes', subject.deadBytes, '0');
    }
  }
  for (const { scenario, errorMs, magnitudeMs } of results.truncation) {
    const worst = -errorMs.min > errorMs.max ? errorMs.min : errorMs.max;
    rows.push({
      figure: `truncation error, ${scenario} (${errorMs.count} cuts): p50, p99 of the size, worst`,
      unit: 'ms',
      subject: [errorMs.p50, magnitudeMs.p99, worst].map(show).join(', '),
      relay: none,
      ratio: none,
      goal: 'p99 <= 20',
    });
  }
  if (results.rejections !== undefined)
    single('rejections by the model side', 'errors', results.rejections, '0');
  if (results.memory) {
    const [subject, relay] = results.memory;
    const at = `${subject.calls} calls`;
    pair(`memory per call (RSS), ${at}`, 'kB', [subject.rssKbPerCall, relay.rssKbPerCall], 'ratio <= 1.25');
    pair(`heap and buffers per call after collection, ${at}`, 'kB', [
      subject.heapKbPerCall,
      relay.heapKbPerCall,
    ]);
    pair('memory without calls (RSS)', 'MB', [subject.idleRssKb / 1024, relay.idleRssKb / 1024]);
  }
  if (results.churn) {
    const [subject, relay] = results.churn;
    const per = `per 1,000 ended calls (${subject.calls} calls)`;
    pair(`heap that stays ${per}`, 'kB', [subject.heapKbPer1000, relay.heapKbPer1000], 'about 0');
    pair(`RSS that stays ${per}`, 'kB', [subject.rssKbPer1000, relay.rssKbPer1000], 'about 0');
    pair(`open handles that stay ${per}`, 'handles', [subject.handlesPer1000, relay.handlesPer1000], '0');
  }
  return rows;
}

const titles: Row = {
  figure: 'figure',
  unit: 'unit',
  subject: 'subject',
  relay: 'relay',
  ratio: 'ratio',
  goal: 'goal',
};

/** The table, its columns aligned; with `markdown` as docs/benchmark.md has it. */
export function renderTable(rows: readonly Row[], subject: string, markdown: boolean): string {
  const lines = [{ ...titles, subject }, ...rows].map((row) => [
    row.figure,
    row.unit,
    row.subject,
    row.relay,
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
