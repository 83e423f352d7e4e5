import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';
import { type Clock, SystemClock, type Timeout } from '../base/clock.ts';

/** Lines are gathered up to this many bytes: a write per line costs as much as the network writes of a call. */
const gatherBytes = 8192;
/** No line waits longer than this. */
const flushEveryMs = 250;

/** The process's log on standard output: JSON lines, gathered into few writes. */
export class LogOutput {
  readonly logger: PinoLogger;
  readonly #stream: DestinationStream & { flushSync(): void };
  readonly #clock: Clock;
  #timer: Timeout | undefined;

  constructor(level: string, clock: Clock = new SystemClock()) {
    this.#clock = clock;
    this.#stream = pino.destination({ dest: 1, sync: false, minLength: gatherBytes });
    this.logger = pino(
      {
        level,
        base: null,
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
      },
      this.#stream,
    );
    this.#wait();
  }

  /** Writes what is gathered, before the process ends. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#flush();
  }

  #wait(): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.logger.flush();
      this.#wait();
    }, flushEveryMs);
  }

  #flush(): void {
    try {
      this.#stream.flushSync();
    } catch (thrown) {
      // Standard output was never opened or is gone: there is nobody left to tell.
      process.exitCode ??= thrown ? 1 : 0;
    }
  }
}
