/** What a command has of the world around it; tests hand in their own. */
export interface CommandIo {
  /** The environment, with what a `.env` file in the working directory adds to it. */
  readonly env: NodeJS.ProcessEnv;
  /** One line to standard output. */
  out(line: string): void;
  /** One line to standard error. */
  err(line: string): void;
  /**
   * `handler` is called once: at the first SIGINT or SIGTERM, or when what started this process has gone. `atOnce`: at a
   * signal after that; the process ends with 1 once it settles, and at the next signal in any case.
   */
  onStop(handler: () => void, atOnce?: () => Promise<void>): void;
}
