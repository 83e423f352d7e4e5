/** What made the agent stop. */
export type CutCause = 'caller-spoke' | 'digit' | 'operator' | 'model-lost' | 'call-ended';

/** A stretch of one side's speech, as it stands now; plain data. */
export interface Turn {
  /** Rises by one per turn of the call, in the order of speaking. */
  readonly turnId: number;
  readonly role: 'caller' | 'agent';
  /** Milliseconds since the call began. */
  readonly startedAtMs: number;
  /** Everything that was said or generated. */
  readonly text: string;
  /** What of it was heard: all of it for a caller's turn; a prefix of `text` for an agent's. */
  readonly heardText: string;
  readonly heardMs: number;
  readonly generatedMs: number;
  /** Set when an agent's turn was cut. */
  readonly cut?: CutCause;
  readonly ended: boolean;
}
