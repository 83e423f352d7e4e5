/** Where a call stands. */
export type CallState = 'ringing' | 'answering' | 'live' | 'ending' | 'ended';

/** Where its model stands, beside it. */
export type ModelState = 'idle' | 'connecting' | 'ready' | 'resuming' | 'gone';

export interface Arrow<State> {
  readonly from: State;
  readonly event: string;
  readonly to: State;
}

/** Every way from one state of a call to the next. `docs/lifecycle.md` is drawn from these tables. */
export const callArrows: readonly Arrow<CallState>[] = [
  { from: 'ringing', event: 'answered', to: 'answering' },
  { from: 'ringing', event: 'end', to: 'ending' },
  { from: 'ringing', event: 'leg-ended', to: 'ended' },
  { from: 'answering', event: 'connected', to: 'live' },
  { from: 'answering', event: 'end', to: 'ending' },
  { from: 'answering', event: 'leg-ended', to: 'ended' },
  { from: 'live', event: 'end', to: 'ending' },
  { from: 'live', event: 'leg-ended', to: 'ended' },
  { from: 'ending', event: 'leg-ended', to: 'ended' },
];

export const modelArrows: readonly Arrow<ModelState>[] = [
  { from: 'idle', event: 'open', to: 'connecting' },
  { from: 'idle', event: 'close', to: 'gone' },
  { from: 'connecting', event: 'ready', to: 'ready' },
  { from: 'connecting', event: 'resuming', to: 'resuming' },
  { from: 'connecting', event: 'failed', to: 'gone' },
  { from: 'connecting', event: 'close', to: 'gone' },
  { from: 'ready', event: 'resuming', to: 'resuming' },
  { from: 'ready', event: 'failed', to: 'gone' },
  { from: 'ready', event: 'close', to: 'gone' },
  { from: 'resuming', event: 'ready', to: 'ready' },
  { from: 'resuming', event: 'failed', to: 'gone' },
  { from: 'resuming', event: 'close', to: 'gone' },
];

/** How long each state may last and what its deadline does; the limits are settings of the call. */
export const stateDeadlines: readonly {
  readonly state: CallState | `model ${ModelState}`;
  readonly deadline: string;
  readonly exit: string;
}[] = [
  { state: 'ringing', deadline: '`answerTimeoutMs`', exit: 'end `answer-timeout`' },
  { state: 'answering', deadline: '`mediaTimeoutMs`', exit: 'end `answer-timeout`' },
  { state: 'live', deadline: '`maxDurationMs`', exit: 'goodbye, then end `max-duration`' },
  { state: 'ending', deadline: '`endTimeoutMs`', exit: '`ended`, whatever the carrier says' },
  {
    state: 'model connecting',
    deadline: "the session's own bound, else 90 s",
    exit: '`failed`: apology, then end `model-failed`',
  },
  {
    state: 'model resuming',
    deadline: "the session's own bound, else 90 s",
    exit: '`failed`: apology, then end `model-failed`',
  },
];

/** The state after `event`, or undefined when the event means nothing in this state. */
export function follow<State>(
  arrows: readonly Arrow<State>[],
  from: State,
  event: string,
): State | undefined {
  return arrows.find((arrow) => arrow.from === from && arrow.event === event)?.to;
}
