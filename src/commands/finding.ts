/** What a check found; `advice` says what to do. */
export interface Finding {
  readonly level: 'ok' | 'warn' | 'fail';
  readonly what: string;
  readonly advice?: string;
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
export function findingLine({ level, what, advice }: Finding): string {
  const line = `${level.padEnd(4)}  ${what}${advice ? ` — ${advice}` : ''}`;
  return line.replaceAll(/\s*\n\s*/g, ' ');
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
