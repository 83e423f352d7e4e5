import type { AudioFormat } from '../../src/audio/format.ts';
import type { ErrorCode } from '../../src/base/errors.ts';
import type { ModelSession, SessionOptions } from '../../src/call/model-session.ts';
import type { ScriptedResponse } from '../../src/emulators/openai-realtime/behaviours/scripted.ts';
import type { TestCall } from '../../src/models/test-call.ts';

/** A server of one model family, as the vendor's documentation has it, and what it knows of one conversation. */
export interface ModelServer {
  /** Opens a session of the family's adapter; the first one is what the rest speaks of. */
  open(options?: Partial<SessionOptions>): { readonly session: ModelSession; readonly call: TestCall };
  /** Every byte of caller audio that arrived. */
  callerAudio(): Buffer;
  /** Every byte of agent audio that was sent, of one item or of all. */
  agentAudio(itemId?: string): Buffer;
  /** Text that the client put into the conversation, in order. */
  texts(): readonly { readonly role: string; readonly text: string }[];
  toolResults(): readonly { readonly toolCallId: string; readonly output: string }[];
  /** Responses that the client asked for, with the instructions of each. */
  requests(): readonly { readonly instructions: string | undefined }[];
  /** What the model remembers of its own item: all, the first so many milliseconds, or nothing. */
  remembers(itemId: string): number | 'all' | 'nothing';
  /** How each response ended. */
  endings(): readonly string[];
  /** Client events that it refused. */
  rejections(): readonly string[];
  readonly liveSessions: number;
  close(): Promise<void>;
}

export interface ServerOptions<Faults> {
  readonly script?: readonly ScriptedResponse[];
  readonly faults?: Faults;
  /** Generation speed, as a multiple of real time. */
  readonly speed?: number;
  readonly latencyMs?: number;
  /** The session's age limit is this much and a minute away. */
  readonly endsInAMinuteAndMs?: number;
}

/** Something that goes wrong at the server, and what the call is told. */
export interface Trouble<Faults> {
  readonly name: string;
  readonly faults: Faults;
  /** What happens first: nothing, or the caller takes a turn. */
  readonly after: 'opening' | 'turn';
  /**
   * `fatal`: the session ends with this error; `passing`: it is told and the session goes on; `response`: one
   * response fails with it and the next is fine; `stalled`: a response has no end until it is given up; `none`:
   * nobody need know.
   */
  readonly effect: 'fatal' | 'passing' | 'response' | 'stalled' | 'none';
  readonly code?: ErrorCode;
  readonly details?: Readonly<Record<string, unknown>>;
}

export interface ModelDriver<Faults = unknown> {
  readonly traits: {
    /** Formats that the model takes and gives as they are. */
    readonly native: readonly AudioFormat[];
    /** What it takes where the wish is none of them. */
    readonly fallback: AudioFormat;
    /** It carries the id of a request into the response. */
    readonly echoesRequests: boolean;
  };
  readonly troubles: readonly Trouble<Faults>[];
  /** Faults of a server that sends more of a response after it was cancelled. */
  readonly lateAudio: Faults;
  start(options: ServerOptions<Faults>, changed: () => void): Promise<ModelServer>;
}
