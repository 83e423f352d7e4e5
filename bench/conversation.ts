/** How one simulated call goes. Times are milliseconds. */
export interface Conversation {
  readonly name: string;
  /** Audio per model delta; a multiple of 20. */
  readonly deltaMs: number;
  /** How much faster than real time the model generates. */
  readonly speed: number;
  /** Audio per answer. */
  readonly answerMs: number;
  /** Answers generated back to back per caller turn. */
  readonly answers: 1 | 2;
  /** Stop generating in mid-answer until the carrier has run dry. */
  readonly underrun: boolean;
  /** How long the caller speaks, and how long the model thinks before the first delta. */
  readonly callerMs: number;
  readonly thinkMs: number;
  /** Silence after an answer that was heard to its end. */
  readonly pauseMs: number;
  /** The caller's first turn comes at a random moment within this. */
  readonly startSpreadMs: number;
  /** Every n-th turn's answer is interrupted; 1 = each, 0 = none. */
  readonly interruptEvery: number;
  /** Delay of returned marks: uniform between the two. */
  readonly markDelayMs: readonly [min: number, max: number];
}

/** The standard load: 4 s answers about half of the time, deltas of 400 ms at 4 x real time. */
export const typicalConversation: Conversation = {
  name: 'typical',
  deltaMs: 400,
  speed: 4,
  answerMs: 4000,
  answers: 1,
  underrun: false,
  callerMs: 1600,
  thinkMs: 300,
  pauseMs: 1600,
  startSpreadMs: 7500,
  interruptEvery: 3,
  markDelayMs: [0, 80],
};

const interrupted: Conversation = {
  ...typicalConversation,
  interruptEvery: 1,
  pauseMs: 600,
  callerMs: 900,
  startSpreadMs: 2000,
};

/** What the truncation figures are taken over; all of them run at once, on calls of their own. */
export const truncationConversations: readonly Conversation[] = [
  { ...interrupted, name: 'deltas 20 ms', deltaMs: 20 },
  { ...interrupted, name: 'deltas 400 ms, marks at once', markDelayMs: [0, 0] },
  { ...interrupted, name: 'deltas 400 ms' },
  { ...interrupted, name: 'deltas 4 s', deltaMs: 4000 },
  { ...interrupted, name: 'underruns', underrun: true },
  { ...interrupted, name: 'after an answer heard to its end', interruptEvery: 2 },
  { ...interrupted, name: 'two answers queued', answers: 2, answerMs: 2400 },
];

/** Short calls that come and go: one short answer, interrupted. */
export const shortConversation: Conversation = {
  ...interrupted,
  name: 'short',
  answerMs: 800,
  callerMs: 100,
  thinkMs: 20,
  pauseMs: 100,
  startSpreadMs: 50,
};
