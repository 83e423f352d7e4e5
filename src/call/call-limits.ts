/** Bounds of one call, milliseconds. */
export interface CallLimits {
  /** From the announcement of the call until the other side picks up. */
  readonly answerTimeoutMs: number;
  /** From picking up until media flows. */
  readonly mediaTimeoutMs: number;
  /** From media on; then the agent says goodbye. 0: no limit. */
  readonly maxDurationMs: number;
  /** A carrier whose media never pauses may be silent for this long. 0: for ever. */
  readonly mediaLostMs: number;
  /** Silence on both sides before each step of the no-input ladder. 0: off. */
  readonly noInputMs: number;
  /** The silence in a row that ends the call. */
  readonly noInputLimit: number;
  /** The caller hears something of an answer that is due within this, and an answer that has begun goes on within this. */
  readonly responseTimeoutMs: number;
  /** The agent must begin its goodbye within this. */
  readonly goodbyeTimeoutMs: number;
  /** The carrier must confirm the end within this. */
  readonly endTimeoutMs: number;
  /** Caller audio kept while the model is not ready. */
  readonly earlyAudioMs: number;
  /** Pause after which pressed keys are taken together. */
  readonly interDigitMs: number;
}
