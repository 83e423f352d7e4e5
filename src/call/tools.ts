import type { Clock } from '../base/clock.ts';
import { messageOf, PatchcordError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { ToolCall, ToolDefinition } from './model-session.ts';

/** What a tool may do to the call that runs it. */
export interface ToolContext {
  readonly callId: string;
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
  /** `args` is the parsed JSON object. May throw: the model is then told that the tool failed. */
  run(args: Readonly<Record<string, unknown>>, context: ToolContext): Promise<ToolResult | string>;
}

export interface ToolsPort {
  started(call: ToolCall): void;
  finished(call: ToolCall, ok: boolean, durationMs: number): void;
  failed(error: PatchcordError): void;
  /** All results of one response, in the order of its calls. */
  results(
    results: readonly { readonly toolCallId: string; readonly output: string }[],
    respond: boolean,
  ): void;
  endCall(): void;
}

export interface ToolsOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly callId: string;
  readonly tools: readonly Tool[];
  readonly port: ToolsPort;
}

const defaultTimeoutMs = 15_000;
/** Tool calls of one response; more are refused. */
const maxCallsPerResponse = 32;
/** Longest output that a model is given. */
const maxOutputChars = 32_768;

/**
 * Runs the tools that the model calls: only those of finished responses, each once, with a deadline, all results of
 * a response together.
 */
export class Tools {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #callId: string;
  readonly #byName: ReadonlyMap<string, Tool>;
  readonly #port: ToolsPort;
  readonly #waiting = new Map<string, ToolCall[]>();
  /** Grows when results may no longer be given: the session they belong to is gone. */
  #generation = 0;
  #running = 0;
  readonly #abort = new AbortController();

  constructor(options: ToolsOptions) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#callId = options.callId;
    this.#byName = new Map(options.tools.map((tool) => [tool.name, tool]));
    this.#port = options.port;
  }

  get busy(): boolean {
    return this.#running > 0;
  }

  /** The model called a tool; it runs when the response is finished. */
  called(call: ToolCall): void {
    const calls = this.#waiting.get(call.responseId) ?? [];
    if (calls.some((known) => known.toolCallId === call.toolCallId)) return;
    if (calls.length < maxCallsPerResponse) calls.push(call);
    this.#waiting.set(call.responseId, calls);
  }

  /** `spoken`: the response also had audio. */
  responseDone(responseId: string, completed: boolean, spoken: boolean): void {
    const calls = this.#waiting.get(responseId);
    this.#waiting.delete(responseId);
    if (!calls || !completed) return;
    this.#running += 1;
    const generation = this.#generation;
    Promise.all(calls.map((call) => this.#run(call, spoken)))
      .then((results) => this.#give(generation, results))
      .catch((thrown) => {
        this.#log.error({ error: messageOf(thrown) }, 'results of tools could not be given');
        this.#port.failed(new PatchcordError('PATCHCORD_INTERNAL'));
      });
  }

  /** The session that asked is gone: results of running tools are dropped. */
  forget(): void {
    this.#generation += 1;
    this.#running = 0;
    this.#waiting.clear();
  }

  close(): void {
    this.forget();
    this.#abort.abort();
  }

  #give(generation: number, results: readonly (ToolResult & { readonly toolCallId: string })[]): void {
    if (generation !== this.#generation) return;
    this.#running -= 1;
    this.#port.results(
      results,
      results.some((result) => result.respond !== false),
    );
  }

  async #run(call: ToolCall, spoken: boolean): Promise<ToolResult & { readonly toolCallId: string }> {
    const { toolCallId, name } = call;
    const startedAt = this.#clock.now();
    this.#port.started(call);
    try {
      const result = await this.#outcome(call, spoken);
      this.#port.finished(call, true, this.#clock.now() - startedAt);
      return { ...result, toolCallId, output: result.output.slice(0, maxOutputChars) };
    } catch (thrown) {
      const error =
        thrown instanceof PatchcordError
          ? thrown
          : new PatchcordError('PATCHCORD_TOOL_FAILED', `The tool ${name} failed: ${messageOf(thrown)}`);
      this.#port.finished(call, false, this.#clock.now() - startedAt);
      this.#port.failed(error);
      return { toolCallId, output: JSON.stringify({ error: error.code, message: error.message }) };
    }
  }

  async #outcome(call: ToolCall, spoken: boolean): Promise<ToolResult> {
    const tool = this.#byName.get(call.name);
    if (!tool) throw new PatchcordError('PATCHCORD_TOOL_UNKNOWN', `There is no tool named ${call.name}.`);
    const args = parseArguments(call);
    const abort = new AbortController();
    const timeoutMs = tool.timeoutMs ?? defaultTimeoutMs;
    const context: ToolContext = {
      callId: this.#callId,
      toolCallId: call.toolCallId,
      spoken,
      signal: AbortSignal.any([abort.signal, this.#abort.signal]),
      endCall: () => this.#port.endCall(),
    };
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = this.#clock.setTimeout(() => {
      abort.abort();
      reject(
        new PatchcordError(
          'PATCHCORD_TOOL_TIMEOUT',
          `The tool ${call.name} took longer than ${timeoutMs} ms.`,
        ),
      );
    }, timeoutMs);
    // Nothing of a tool outlives the call, not even its deadline.
    this.#abort.signal.addEventListener('abort', () => {
      timer.cancel();
      reject(new PatchcordError('PATCHCORD_TOOL_FAILED', 'The call is over.'));
    });
    try {
      const result = await Promise.race([tool.run(args, context), late]);
      return typeof result === 'string' ? { output: result } : result;
    } finally {
      timer.cancel();
    }
  }
}

function parseArguments(call: ToolCall): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = call.arguments.trim() === '' ? {} : JSON.parse(call.arguments);
  } catch (thrown) {
    throw new PatchcordError('PATCHCORD_TOOL_ARGUMENTS', `Arguments of ${call.name}: ${messageOf(thrown)}`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new PatchcordError('PATCHCORD_TOOL_ARGUMENTS', `Arguments of ${call.name} are not a JSON object.`);
  }
  return parsed as Readonly<Record<string, unknown>>;
}
