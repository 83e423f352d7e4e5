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

/** The report as one table of lines; `whenRefused` says what to do where calls were refused with 401 or 403. */
export function tableOf(report: SimulationReport, whenRefused: readonly string[] = []): string[] {
  const { calls, marks, underruns, frames, bytes, violations, truncationErrorMs } = report;
  const rows: string[][] = [['', 'count', 'p50', 'p95', 'p99', 'max']];
  const latency = (name: string, values: Percentiles | undefined) =>
    rows.push([name, ...(values === undefined ? ['0', 'n/a', 'n/a', 'n/a', 'n/a'] : cells(values))]);
  latency('pick-up to first audio (ms)', report.pickUpToFirstAudioMs);
  latency('caller stopped to first audio (ms)', report.callerStoppedToFirstAudioMs);
  latency('barge-in to clear (ms)', report.bargeInToClearMs);
  latency('heard when cleared (ms)', report.heardAtClearMs);
  latency('truncation error, absolute (ms)', truncationErrorMs);
  if (report.frameGapMs !== undefined) latency('between two agent frames (ms)', report.frameGapMs);
  const lines = aligned(rows);
  const counts: string[][] = [
    ['calls', `${calls.ok} ok, ${calls.failed} failed, ${calls.dropped} dropped`],
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
  lines.push('', ...aligned(counts));
  for (const [reason, count] of Object.entries(report.reasons)) lines.push(`  ${count} x ${reason}`);
  const refusal = Object.keys(report.reasons)
    .map((reason) => /HTTP (401|403)/.exec(reason)?.[1])
    .find((status) => status !== undefined);
  if (refusal !== undefined) {
    whenRefused.forEach((line, at) => {
      lines.push(`  ${at === 0 ? `${refusal}: ` : ''}${line}`);
    });
  }
  return lines;
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
