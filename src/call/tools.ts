import type { Clock } from '../base/clock.ts';
import { type ErrorCode, messageOf, PatchcordError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Leg } from './leg.ts';
import type { ToolCall, ToolDefinition } from './model-session.ts';
import type { Party } from './party.ts';

/** What a tool may do to the call that runs it. */
export interface ToolContext {
  readonly callId: string;
  /** The carrier's own id of the call. */
  readonly carrierCallId: string;
  readonly party: Party;
  readonly toolCallId: string;
  /** The agent has already spoken in the response that calls the tool. */
  readonly spoken: boolean;
  /** Aborted at the tool's deadline and when the call ends. */
  readonly signal: AbortSignal;
  /** End the call once the goodbye was heard; taken back when the caller speaks again. */
  endCall(): void;
}

export interface ToolResult {
  /** What the model is told; JSON text or plain words. */
  readonly output: string;
  /** False: the agent need not speak about it. */
  readonly respond?: boolean;
}

export interface Tool extends ToolDefinition {
  readonly timeoutMs?: number;
  /** `args` is the parsed JSON object. May throw: the model, and nobody else, is then told the error's message. */
  run(args: Readonly<Record<string, unknown>>, context: ToolContext): Promise<ToolResult | string>;
}

export interface ToolsPort {
  started(toolCallId: string, name: string): void;
  finished(toolCallId: string, name: string, ok: boolean, durationMs: number): void;
  /** Holds neither arguments nor what a tool said: only the model is told those. */
  failed(error: PatchcordError): void;
  /** All results of one response, in the order of its calls. */
  results(
    results: readonly { readonly toolCallId: string; readonly output: string }[],
    respond: boolean,
  ): void;
  /** What came of a tool that a session asked for which was lost since; for the session of now, in words. */
  outcome(note: string, respond: boolean): void;
  endCall(): void;
}

export interface ToolsOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly callId: string;
  readonly leg: Pick<Leg, 'carrierCallId' | 'party'>;
  readonly tools: readonly Tool[];
  readonly port: ToolsPort;
}

/** What a model takes as the name of a tool. */
const toolName = /^[a-zA-Z0-9_-]{1,64}$/;

const defaultTimeoutMs = 15_000;
/** Tool calls of one response that are run; more get an error as their result. */
const maxCallsPerResponse = 32;
/** Calls of one response that get a result at all. */
const maxResultsPerResponse = 1024;
/** Responses whose end is waited for; of more, the oldest is forgotten. */
const maxWaiting = 64;
/** Longest output that a model is given. */
const maxOutputChars = 32_768;
/** Outcomes that a new session is told after the old one was lost, and the longest text of one. */
const maxUnanswered = 16;
const maxNoteChars = 4000;

interface Result extends ToolResult {
  readonly toolCallId: string;
}

/** `forModel` may hold what `error` must not: events and logs never repeat what people or tools said. */
type Outcome =
  | { readonly ok: true; readonly result: ToolResult }
  | { readonly ok: false; readonly error: PatchcordError; readonly forModel: string };

/**
 * Runs the tools that the model calls: only those of finished responses, each once, with a deadline, all results of
 * a response together. A tool goes on when the session that asked for it is lost; the next one is told its outcome.
 */
export class Tools {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #callId: string;
  readonly #leg: ToolsOptions['leg'];
  readonly #byName: ReadonlyMap<string, Tool>;
  readonly #port: ToolsPort;
  /** The calls of responses that have not ended, by their ids. */
  readonly #waiting = new Map<string, Map<string, ToolCall>>();
  readonly #running = new Set<ToolCall>();
  /** Outcomes that the agent has not spoken about: lost with the session unless the next one is told. */
  #unanswered: string[] = [];
  #session = 0;
  /** What sessions before this one asked for is for nobody any more. */
  #since = 0;
  #sessionOpen = true;
  /** No result can be given any more, to no session. */
  #dropped = false;
  readonly #abort = new AbortController();

  constructor(options: ToolsOptions) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#callId = options.callId;
    this.#leg = options.leg;
    this.#byName = new Map(options.tools.map((tool) => [tool.name, tool]));
    this.#port = options.port;
  }

  get busy(): boolean {
    return this.#running.size > 0;
  }

  /** The model called a tool; it runs when the response is finished. */
  called(call: ToolCall): void {
    let calls = this.#waiting.get(call.responseId);
    if (!calls) {
      calls = new Map();
      this.#waiting.set(call.responseId, calls);
      const [oldest] = this.#waiting.keys();
      if (this.#waiting.size > maxWaiting && oldest !== undefined) this.#waiting.delete(oldest);
    }
    if (calls.size >= maxResultsPerResponse || calls.has(call.toolCallId)) return;
    calls.set(call.toolCallId, call);
  }

  /** `spoken`: the response also had audio. */
  responseDone(responseId: string, completed: boolean, spoken: boolean): void {
    const waiting = this.#waiting.get(responseId);
    this.#waiting.delete(responseId);
    if (!completed || this.#dropped) return;
    if (!waiting) {
      // The agent has answered to whatever came before.
      this.#unanswered = [];
      return;
    }
    const calls = [...waiting.values()];
    const session = this.#session;
    const running = calls.slice(0, maxCallsPerResponse);
    for (const call of running) this.#running.add(call);
    Promise.all(running.map((call) => this.#run(call, spoken)))
      .then((results) => {
        for (const call of running) this.#running.delete(call);
        this.#give(session, calls, [...results, ...this.#refuse(calls.slice(maxCallsPerResponse))]);
      })
      .catch((thrown) => {
        this.#log.error({ error: messageOf(thrown) }, 'results of tools could not be given');
        this.#port.failed(new PatchcordError('PATCHCORD_INTERNAL'));
      });
  }

  /** The session that asked is gone. What runs goes on; its outcome is for the next session. */
  sessionLost(): void {
    this.#session += 1;
    this.#sessionOpen = false;
    this.#waiting.clear();
  }

  /** A session is there; returns what a new one must be told, so that it calls nothing a second time. */
  sessionReady(): string[] {
    if (this.#sessionOpen) return [];
    this.#sessionOpen = true;
    const notes = [...this.#unanswered];
    for (const { name } of this.#running) {
      notes.push(
        `The tool ${name} was called before the interruption and is still running. Its outcome will follow: do not call it again for this.`,
      );
    }
    return notes;
  }

  /** It is another conversation: nobody is told of what was called before. */
  startAnew(): void {
    this.#session += 1;
    this.#since = this.#session;
    this.#waiting.clear();
    this.#running.clear();
    this.#unanswered = [];
  }

  /** No session comes any more: outcomes are for nobody. */
  drop(): void {
    this.#dropped = true;
    this.#running.clear();
    this.#waiting.clear();
    this.#unanswered = [];
  }

  close(): void {
    this.drop();
    this.#abort.abort();
  }

  #give(session: number, calls: readonly ToolCall[], results: readonly Result[]): void {
    if (this.#dropped || session < this.#since) return;
    const respond = results.some((result) => result.respond !== false);
    const notes = results.map(({ output }, index) => noteOf(calls[index]?.name ?? '', output));
    const lost = session !== this.#session;
    if (respond || lost) this.#unanswered = [...this.#unanswered, ...notes].slice(-maxUnanswered);
    if (!lost) this.#port.results(results, respond);
    else if (this.#sessionOpen) this.#port.outcome(notes.join('\n'), respond);
  }

  /** Those beyond the bound: each gets its one result. */
  #refuse(calls: readonly ToolCall[]): Result[] {
    if (calls.length === 0) return [];
    const error = new PatchcordError('PATCHCORD_TOOL_LIMIT');
    this.#port.failed(error);
    return calls.map(({ toolCallId }) => ({ toolCallId, output: failure(error, error.message) }));
  }

  async #run(call: ToolCall, spoken: boolean): Promise<Result> {
    const { toolCallId } = call;
    const name = toolName.test(call.name) ? call.name : 'invalid';
    const startedAt = this.#clock.now();
    this.#port.started(toolCallId, name);
    const outcome = await this.#outcome(call, name, spoken);
    // Of a call that is over, nothing is told.
    if (!this.#abort.signal.aborted) {
      this.#port.finished(toolCallId, name, outcome.ok, this.#clock.now() - startedAt);
      if (!outcome.ok) this.#port.failed(outcome.error);
    }
    if (!outcome.ok) return { toolCallId, output: failure(outcome.error, outcome.forModel) };
    return { ...outcome.result, toolCallId, output: outcome.result.output.slice(0, maxOutputChars) };
  }

  async #outcome(call: ToolCall, name: string, spoken: boolean): Promise<Outcome> {
    const tool = this.#byName.get(call.name);
    if (!tool) return failed('PATCHCORD_TOOL_UNKNOWN', `There is no tool named ${name}.`);
    const args = readArguments(call.arguments);
    if (!args.ok) {
      return failed('PATCHCORD_TOOL_ARGUMENTS', `The arguments of ${name} are not ${args.expected}.`);
    }
    const timeoutMs = tool.timeoutMs ?? defaultTimeoutMs;
    const abort = new AbortController();
    const { promise: late, resolve: stop } = Promise.withResolvers<Outcome>();
    const timer = this.#clock.setTimeout(() => {
      abort.abort();
      stop(failed('PATCHCORD_TOOL_TIMEOUT', `The tool ${name} took longer than ${timeoutMs} ms.`));
    }, timeoutMs);
    // Nothing of a tool outlives the call, not even its deadline.
    const callOver = (): void => {
      abort.abort();
      stop(failed('PATCHCORD_TOOL_FAILED', 'The call is over.'));
    };
    const over = this.#abort.signal;
    over.addEventListener('abort', callOver, { once: true });
    const context: ToolContext = {
      callId: this.#callId,
      carrierCallId: this.#leg.carrierCallId,
      party: this.#leg.party,
      toolCallId: call.toolCallId,
      spoken,
      signal: abort.signal,
      endCall: () => this.#port.endCall(),
    };
    try {
      return await Promise.race([outcomeOf(tool, args.value, context), late]);
    } finally {
      timer.cancel();
      over.removeEventListener('abort', callOver);
    }
  }
}

/**
 * The tools as given.
 * @throws PatchcordError PATCHCORD_CONFIG_INVALID when two have the same name, or one a name that no model takes
 */
export function checkedTools(tools: readonly Tool[]): readonly Tool[] {
  const names = new Set<string>();
  for (const { name } of tools) {
    if (!toolName.test(name)) {
      const message = `A tool has the name ${JSON.stringify(name)}: a name is 1 to 64 letters, digits, _ or -.`;
      throw new PatchcordError('PATCHCORD_CONFIG_INVALID', message);
    }
    if (names.has(name)) {
      throw new PatchcordError('PATCHCORD_CONFIG_INVALID', `Two tools have the name ${name}.`);
    }
    names.add(name);
  }
  return tools;
}

/** Never rejects: a tool may throw at once, later, or give something that is no result. */
async function outcomeOf(
  tool: Tool,
  args: Readonly<Record<string, unknown>>,
  context: ToolContext,
): Promise<Outcome> {
  try {
    const given = await tool.run(args, context);
    const result = typeof given === 'string' ? { output: given } : given;
    if (typeof result?.output === 'string') return { ok: true, result };
    return failed('PATCHCORD_TOOL_FAILED', `The tool ${tool.name} gave no text.`);
  } catch (thrown) {
    const message = `The tool ${tool.name} failed.`;
    return failed('PATCHCORD_TOOL_FAILED', message, `${message} ${messageOf(thrown)}`);
  }
}

function failed(code: ErrorCode, message: string, forModel: string = message): Outcome {
  return { ok: false, error: new PatchcordError(code, message), forModel };
}

function failure(error: PatchcordError, forModel: string): string {
  return JSON.stringify({ error: error.code, message: forModel.slice(0, maxNoteChars) });
}

function noteOf(name: string, output: string): string {
  return `The tool ${name} called before the interruption finished: ${output.slice(0, maxNoteChars)}`;
}

type Arguments =
  | { readonly ok: true; readonly value: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly expected: string };

function readArguments(text: string): Arguments {
  let parsed: unknown;
  try {
    parsed = text.trim() === '' ? {} : JSON.parse(text);
  } catch {
    // The parser's own words quote the text.
    return { ok: false, expected: 'valid JSON' };
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    return { ok: false, expected: 'a JSON object' };
  }
  return { ok: true, value: parsed as Readonly<Record<string, unknown>> };
}
