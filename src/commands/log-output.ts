import { type Logger as PinoLogger, pino } from 'pino';
import { messageOf } from '../base/errors.ts';

/** Lines are gathered up to this many bytes: a write per line costs as much as the network writes of a call. */
const gatherBytes = 8192;
/** No line waits longer than this. */
const flushEveryMs = 250;

/** The process's log on standard output: JSON lines, gathered into few writes. */
export class LogOutput {
  readonly logger: PinoLogger;
  readonly #stream: ReturnType<typeof pino.destination>;

  constructor(level: string) {
    this.#stream = pino.destination({
      dest: 1,
      sync: false,
      minLength: gatherBytes,
      periodicFlush: flushEveryMs,
    });
    this.#stream.on('error', (error: unknown) => {
      // Calls go on without a log; standard error may still be read by somebody.
      process.stderr.write(`the log could not be written: ${messageOf(error)}\n`);
    });
    this.logger = pino(
      {
        level,
        base: null,
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
      },
      this.#stream,
    );
  }

  /** Writes what is gathered, before the process ends. */
  close(): void {
    try {
      this.#stream.flushSync();
    } catch (thrown) {
      // Standard output is gone: the other stream is all that is left to say so.
      process.stderr.write(`the last log lines could not be written: ${messageOf(thrown)}\n`);
    }
  }
}
