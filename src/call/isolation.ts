import type { Clock, Timeout } from '../base/clock.ts';
import type { Ticker } from './frame-ticker.ts';
import type { ModelEvents } from './model-session.ts';

/** The same clock, of which no timer can throw beyond the call that set it. */
export function guardedClock(clock: Clock, broken: (thrown: unknown) => void): Clock {
  return {
    now: () => clock.now(),
    epochMs: () => clock.epochMs(),
    setTimeout: (callback: () => void, delayMs: number): Timeout =>
      clock.setTimeout(() => {
        try {
          callback();
        } catch (thrown) {
          broken(thrown);
        }
      }, delayMs),
  };
}

/** The same ticker, of which no frame can throw beyond the call that it is for. */
export function guardedTicker(ticker: Ticker, broken: (thrown: unknown) => void): Ticker {
  return {
    frameMs: ticker.frameMs,
    join: (due) =>
      ticker.join((frames) => {
        try {
          due(frames);
        } catch (thrown) {
          broken(thrown);
        }
      }),
  };
}

export interface Gate {
  /** False: what the model says is not listened to any more. */
  open(): boolean;
  broken(thrown: unknown): void;
}

/** What a model may tell: nothing once the gate is shut, and nothing that fails here reaches the model's own code. */
export function guardedEvents(events: ModelEvents, gate: Gate): ModelEvents {
  const guard = <Args extends readonly unknown[]>(tell: (...args: Args) => void) => {
    return (...args: Args): void => {
      if (!gate.open()) return;
      try {
        tell(...args);
      } catch (thrown) {
        gate.broken(thrown);
      }
    };
  };
  return {
    ready: guard(() => events.ready()),
    resuming: guard((error) => events.resuming(error)),
    speechStarted: guard((itemId) => events.speechStarted(itemId)),
    speechStopped: guard((itemId, silentForMs) => events.speechStopped(itemId, silentForMs)),
    callerText: guard((itemId, text, final) => events.callerText(itemId, text, final)),
    responseStarted: guard((responseId, requestId) => events.responseStarted(responseId, requestId)),
    audio: guard((item, chunk) => events.audio(item, chunk)),
    audioDone: guard((item) => events.audioDone(item)),
    agentText: guard((item, delta) => events.agentText(item, delta)),
    toolCall: guard((call) => events.toolCall(call)),
    responseDone: guard((done) => events.responseDone(done)),
    requestRefused: guard((error, activeResponse) => events.requestRefused(error, activeResponse)),
    goingAway: guard((timeLeftMs) => events.goingAway(timeLeftMs)),
    failed: guard((error, fatal) => events.failed(error, fatal)),
  };
}
