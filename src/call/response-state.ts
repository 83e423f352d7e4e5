import type { Clock } from '../base/clock.ts';
import type { PatchcordError } from '../base/errors.ts';
import type { FloorView } from './floor.ts';
import type { ResponseRequest } from './model-session.ts';
import type { Wanted } from './wanted.ts';

export interface ResponsesPort {
  send(request: ResponseRequest): void;
  /** Cancel a response that started although the caller has the floor. */
  cancel(responseId: string): void;
  /** An active response was given up: nothing more of it comes. */
  abandoned(responseId: string): void;
  /** Nothing is active, asked for or waiting any more. */
  idle(): void;
  /** A response failed; the retries are used up when `fatal`. */
  failed(error: PatchcordError, fatal: boolean): void;
  /** An answer is due and nothing of it can be heard: this session is as good as lost. */
  silent(error: PatchcordError): void;
}

export interface ResponsesOptions {
  readonly clock: Clock;
  readonly port: ResponsesPort;
  readonly floor: FloorView;
  /** The model starts a response by itself when the caller stops speaking. */
  readonly respondsToSpeech: boolean;
  /**
   * The caller waits no longer than this for something to hear when an answer is due, and half as long once the
   * session was replaced for it; an answer that has begun must go on within this.
   */
  readonly timeoutMs: number;
}

/** Asked for, and not started yet. */
export interface Requested {
  readonly request: ResponseRequest;
  readonly wanted: Wanted;
  cancelled: boolean;
}

/** Started, and not ended yet. */
export interface Active {
  readonly responseId: string;
  /** What it was asked for; an answer when the model started it by itself. */
  readonly wanted: Wanted;
  readonly auto: boolean;
  cancelled: boolean;
  /** It gave audio or called a tool: the caller hears something, or soon will. */
  delivered: boolean;
  lastProgressAt: number;
}
