/** What a check found; `advice` says what to do. */
export interface Finding {
  readonly level: 'ok' | 'warn' | 'fail';
  readonly what: string;
  readonly advice?: string;
  /** What belongs into a file as it stands, shown below. */
  readonly lines?: readonly string[];
}

export function ok(what: string, advice?: string): Finding {
  return finding('ok', what, advice);
}

export function warn(what: string, advice?: string): Finding {
  return finding('warn', what, advice);
}

export function fail(what: string, advice?: string): Finding {
  return finding('fail', what, advice);
}

/** `warn  what — what to do`, always one line. */
function findingLine({ level, what, advice }: Finding): string {
  const line = `${level.padEnd(4)}  ${what}${advice ? ` — ${advice}` : ''}`;
  return line.replaceAll(/\s*\n\s*/g, ' ');
}

/** The finding as it is printed, with its lines below it. */
export function findingLines(finding: Finding): string[] {
  return [findingLine(finding), ...(finding.lines ?? []).map((line) => `      ${line}`)];
}

/** `A`, `A and B`, `A, B and C`. */
export function listed(names: readonly string[]): string {
  if (names.length < 2) return names.join('');
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** Why a connection did not come about: Node's code (`ECONNREFUSED`), or the message. */
export function networkReason(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  if (thrown.name === 'TimeoutError') return 'no answer in time';
  const { cause } = thrown;
  if (cause instanceof Error) return networkReason(cause);
  return 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : thrown.message;
}

function finding(level: Finding['level'], what: string, advice: string | undefined): Finding {
  return advice === undefined ? { level, what } : { level, what, advice };
}
