import type { AudioChunk } from '../audio/chunk.ts';
import type { Clock, Timeout } from '../base/clock.ts';
import type { PatchcordError } from '../base/errors.ts';
import type { Ticker } from './frame-ticker.ts';
import type { AudioItem, ModelEvents, ResponseDone, ToolCall } from './model-session.ts';

/** The same clock, of which no timer can throw beyond the call that set it. */
export class GuardedClock implements Clock {
  readonly #clock: Clock;
  readonly #broken: (thrown: unknown) => void;

  constructor(clock: Clock, broken: (thrown: unknown) => void) {
    this.#clock = clock;
    this.#broken = broken;
  }

  now(): number {
    return this.#clock.now();
  }

  epochMs(): number {
    return this.#clock.epochMs();
  }

  setTimeout(callback: () => void, delayMs: number): Timeout {
    return this.#clock.setTimeout(() => {
      try {
        callback();
      } catch (thrown) {
        this.#broken(thrown);
      }
    }, delayMs);
  }
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
    look: () => ticker.look(),
  };
}

export interface Gate {
  /** False: what the model says is not listened to any more. */
  open(): boolean;
  broken(thrown: unknown): void;
}

/** What a model may tell: nothing once the gate is shut, and nothing that fails here reaches the model's own code. */
export class GuardedEvents implements ModelEvents {
  readonly #events: ModelEvents;
  readonly #gate: Gate;

  constructor(events: ModelEvents, gate: Gate) {
    this.#events = events;
    this.#gate = gate;
  }

  ready(): void {
    this.#guard(() => this.#events.ready());
  }

  resuming(error: PatchcordError | undefined): void {
    this.#guard(() => this.#events.resuming(error));
  }

  speechStarted(itemId: string | undefined): void {
    this.#guard(() => this.#events.speechStarted(itemId));
  }

  speechStopped(itemId: string | undefined, silentForMs?: number): void {
    this.#guard(() => this.#events.speechStopped(itemId, silentForMs));
  }

  callerText(itemId: string, text: string, final: boolean): void {
    this.#guard(() => this.#events.callerText(itemId, text, final));
  }

  responseStarted(responseId: string, requestId: string | undefined): void {
    this.#guard(() => this.#events.responseStarted(responseId, requestId));
  }

  /** Told often, as is `agentText`: guarded without a function of their own. */
  audio(item: AudioItem, chunk: AudioChunk): void {
    if (!this.#gate.open()) return;
    try {
      this.#events.audio(item, chunk);
    } catch (thrown) {
      this.#gate.broken(thrown);
    }
  }

  audioDone(item: AudioItem): void {
    this.#guard(() => this.#events.audioDone(item));
  }

  agentText(item: AudioItem, delta: string): void {
    if (!this.#gate.open()) return;
    try {
      this.#events.agentText(item, delta);
    } catch (thrown) {
      this.#gate.broken(thrown);
    }
  }

  toolCall(call: ToolCall): void {
    this.#guard(() => this.#events.toolCall(call));
  }

  responseDone(done: ResponseDone): void {
    this.#guard(() => this.#events.responseDone(done));
  }

  requestRefused(error: PatchcordError, activeResponse: boolean): void {
    this.#guard(() => this.#events.requestRefused(error, activeResponse));
  }

  goingAway(timeLeftMs: number): void {
    this.#guard(() => this.#events.goingAway(timeLeftMs));
  }

  failed(error: PatchcordError, fatal: boolean): void {
    this.#guard(() => this.#events.failed(error, fatal));
  }

  #guard(tell: () => void): void {
    if (!this.#gate.open()) return;
    try {
      tell();
    } catch (thrown) {
      this.#gate.broken(thrown);
    }
  }
}
