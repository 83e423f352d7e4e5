import type { CallSummary } from './call-summary.ts';

export interface Percentiles {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

export interface SimulationReport {
  readonly calls: { readonly ok: number; readonly failed: number; readonly dropped: number };
  /** How often each reason made a call fail, or be dropped. */
  readonly reasons: Readonly<Record<string, number>>;
  readonly pickUpToFirstAudioMs: Percentiles | undefined;
  readonly callerStoppedToFirstAudioMs: Percentiles | undefined;
  readonly bargeInToClearMs: Percentiles | undefined;
  readonly bargeInsIgnored: number;
  readonly heardAtClearMs: Percentiles | undefined;
  /** What the model was told minus what was played, absolute, and the extremes signed; undefined without `--model-port` or without truncations. */
  readonly truncationErrorMs:
    | (Percentiles & { readonly lowest: number; readonly highest: number })
    | undefined;
  readonly marks: { readonly returned: number; readonly voided: number };
  readonly underruns: { readonly count: number; readonly ms: number };
  readonly frames: { readonly sent: number; readonly late: number; readonly lost: number };
  readonly bytes: { readonly toGateway: number; readonly fromGateway: number };
  /** Between two frames of the gateway; undefined where it need not send in real time. */
  readonly frameGapMs: Percentiles | undefined;
  readonly violations: { readonly count: number; readonly kinds: readonly string[] };
}

export function reportOf(
  calls: readonly CallSummary[],
  truncationErrorsMs: readonly number[] = [],
): SimulationReport {
  const sum = (of: (call: CallSummary) => number) => calls.reduce((total, call) => total + of(call), 0);
  const outcomes = (outcome: CallSummary['outcome']) =>
    calls.filter((call) => call.outcome === outcome).length;
  const reasons: Record<string, number> = Object.create(null);
  for (const { reason } of calls) if (reason !== undefined) reasons[reason] = (reasons[reason] ?? 0) + 1;
  const errors = percentilesOf(truncationErrorsMs.map(Math.abs));
  return {
    calls: { ok: outcomes('ok'), failed: outcomes('failed'), dropped: outcomes('dropped') },
    reasons,
    pickUpToFirstAudioMs: percentilesOf(calls.flatMap((call) => call.pickUpToFirstAudioMs ?? [])),
    callerStoppedToFirstAudioMs: percentilesOf(calls.flatMap((call) => call.replyMs)),
    bargeInToClearMs: percentilesOf(calls.flatMap((call) => call.bargeInToClearMs)),
    bargeInsIgnored: sum((call) => call.bargeInsIgnored),
    heardAtClearMs: percentilesOf(
      // A clear while nothing sounds cuts nothing.
      calls.flatMap((call) => call.clears.map(({ stretchMs }) => stretchMs).filter((ms) => ms > 0)),
    ),
    truncationErrorMs: errors && {
      ...errors,
      lowest: round(Math.min(...truncationErrorsMs)),
      highest: round(Math.max(...truncationErrorsMs)),
    },
    marks: { returned: sum((call) => call.marksReturned), voided: sum((call) => call.marksVoided) },
    underruns: { count: sum((call) => call.underruns), ms: sum((call) => call.underrunMs) },
    frames: {
      sent: sum((call) => call.framesSent),
      late: sum((call) => call.framesLate),
      lost: sum((call) => call.framesLost),
    },
    bytes: {
      toGateway: sum((call) => call.bytesToGateway),
      fromGateway: sum((call) => call.bytesFromGateway),
    },
    frameGapMs: percentilesOf(calls.flatMap((call) => call.frameGapsMs)),
    violations: {
      count: sum((call) => call.violationCount),
      kinds: [...new Set(calls.flatMap((call) => call.violations))],
    },
  };
}

/** Nearest rank, to the microsecond; undefined for no values at all. */
export function percentilesOf(values: readonly number[]): Percentiles | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const rank = (share: number) => round(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0);
  return { count: sorted.length, p50: rank(0.5), p95: rank(0.95), p99: rank(0.99), max: rank(1) };
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** What to do about calls that failed. */
export interface Advice {
  /** They were answered with 401 or 403. */
  readonly whenRefused: readonly string[];
  /** Nobody listens there. */
  readonly whenUnreachable: readonly string[];
}

/** The report as lines: what became of the calls and why, what to do about it, then the table of figures. */
export function tableOf(report: SimulationReport, advice: Advice): string[] {
  const { marks, underruns, frames, bytes, violations, truncationErrorMs } = report;
  const rows: string[][] = [['', 'count', 'p50', 'p95', 'p99', 'max']];
  const latency = (name: string, values: Percentiles | undefined) =>
    rows.push([name, ...(values === undefined ? ['0', 'n/a', 'n/a', 'n/a', 'n/a'] : cells(values))]);
  latency('pick-up to first audio (ms)', report.pickUpToFirstAudioMs);
  latency('caller stopped to first audio (ms)', report.callerStoppedToFirstAudioMs);
  latency('barge-in to clear (ms)', report.bargeInToClearMs);
  latency('heard when cleared (ms)', report.heardAtClearMs);
  latency('truncation error, absolute (ms)', truncationErrorMs);
  if (report.frameGapMs !== undefined) latency('between two agent frames (ms)', report.frameGapMs);
  const counts: string[][] = [
    ['barge-ins without a clear', String(report.bargeInsIgnored)],
    ['marks', `${marks.returned} returned, ${marks.voided} voided by a clear`],
    ['underruns', `${underruns.count} (${underruns.ms.toFixed(0)} ms)`],
    ['caller frames', `${frames.sent} sent, ${frames.late} late, ${frames.lost} lost`],
    ['bytes', `${bytes.toGateway} to the gateway, ${bytes.fromGateway} from it`],
    [
      'protocol violations',
      `${violations.count}${violations.count > 0 ? `: ${violations.kinds.join(', ')}` : ''}`,
    ],
  ];
  return [...outcomeOf(report, advice), '', ...aligned(rows), '', ...aligned(counts)];
}

function outcomeOf({ calls, reasons }: SimulationReport, advice: Advice): string[] {
  const lines = [`calls  ${calls.ok} ok, ${calls.failed} failed, ${calls.dropped} dropped`];
  for (const [reason, count] of Object.entries(reasons)) lines.push(`  ${count} x ${reason}`);
  const told = Object.keys(reasons);
  const refusal = /HTTP (401|403)/.exec(told.join(' '))?.[1];
  if (refusal !== undefined) lines.push(...headed(refusal, advice.whenRefused));
  // Where the media goes is what the gateway has answered.
  const unreachable = told.some((each) => each.includes('ECONNREFUSED') && !each.startsWith('stream:'));
  if (unreachable) lines.push(...headed('ECONNREFUSED', advice.whenUnreachable));
  return lines;
}

function headed(head: string, lines: readonly string[]): string[] {
  return lines.map((line, at) => `  ${at === 0 ? `${head}: ` : ''}${line}`);
}

function cells({ count, p50, p95, p99, max }: Percentiles): string[] {
  return [String(count), ...[p50, p95, p99, max].map((value) => value.toFixed(0))];
}

function aligned(rows: readonly string[][]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 || row.length === 2
          ? cell.padEnd(widths[column] ?? 0)
          : cell.padStart((widths[column] ?? 0) + 2),
      )
      .join(row.length === 2 ? '  ' : '')
      .trimEnd(),
  );
}
