import { type Logger as PinoLogger, pino } from 'pino';
import { messageOf } from '../base/errors.ts';

/** Lines are gathered up to this many bytes: a write per line costs as much as the network writes of a call. */
const gatherBytes = 8192;
/** No line waits longer than this. */
const flushEveryMs = 250;
/** Where nobody reads, no more than this waits; further lines are dropped and counted. */
const maxWaitingBytes = 8 * 1024 * 1024;

/** The process's log on standard output: JSON lines, gathered into few writes, bounded where they are not read. */
export class LogOutput {
  readonly logger: PinoLogger;
  readonly #stream: ReturnType<typeof pino.destination>;

  #dropped = 0;

  /** `dest`: a descriptor; standard output unless given. */
  constructor(level: string, { dest = 1, maxBytes = maxWaitingBytes } = {}) {
    this.#stream = pino.destination({
      dest,
      sync: false,
      minLength: gatherBytes,
      maxLength: maxBytes,
      periodicFlush: flushEveryMs,
    });
    this.#stream.on('error', (error: unknown) => {
      // Calls go on without a log; standard error may still be read by somebody.
      process.stderr.write(`the log could not be written: ${messageOf(error)}\n`);
    });
    this.#stream.on('drop', () => {
      this.#dropped += 1;
    });
    // Somebody reads again.
    this.#stream.on('drain', () => this.#tellDropped());
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

  #tellDropped(): void {
    const lines = this.#dropped;
    if (lines === 0) return;
    this.#dropped = 0;
    this.logger.error({ lines }, 'lines of this log were dropped: it was not read');
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
