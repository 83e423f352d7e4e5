import type { Clock } from '../base/clock.ts';
import { messageOf, PatchcordError } from '../base/errors.ts';
import { responseText } from '../base/response-text.ts';

export interface AgentApiOptions {
  /** AGENT_API_BASE_URL; what stands in its query goes with every request. */
  readonly baseUrl: string;
  /** AGENT_ID */
  readonly agentId: string;
  /** Of one request, to the last byte of its answer. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** One turn, as the agent API takes it. */
export interface SummaryTranscript {
  readonly role: 'user' | 'agent';
  readonly text: string;
  /** ISO 8601, UTC. */
  readonly timestamp: string;
}

/** What the agent API is told of a call that is over. */
export interface CallSummary {
  readonly sessionUuid: string;
  readonly callerInfo: Readonly<Record<string, string | null>>;
  readonly callMetadata: {
    readonly startTime: string;
    readonly endTime: string;
    readonly durationSeconds: number;
  };
  readonly transcripts: readonly SummaryTranscript[];
}

const maxBytes = 1_048_576;

/**
 * The API for agents that one AVR connector asks: `{base}/api/agents/{id}/...`, with the call's id as `X-AVR-UUID`.
 * All methods throw PATCHCORD_AGENT_API, with `status` in its details where there was an answer.
 */
export class AgentApi {
  readonly #options: AgentApiOptions;

  constructor(options: AgentApiOptions) {
    this.#options = options;
  }

  /** Throws also when the answer has no instructions. */
  async instructions(uuid: string): Promise<string> {
    const text = textIn(await this.#request('GET', 'system-instructions', uuid), ['system', 'instructions']);
    if (text === undefined) throw failure('system-instructions', 'the answer has no instructions');
    return text;
  }

  /** Undefined where the agent has none of its own. */
  async greeting(uuid: string): Promise<string | undefined> {
    return textIn(await this.#optional('greeting', uuid), ['greeting', 'text']);
  }

  /** The list as it came; undefined where the agent has none. */
  async tools(uuid: string): Promise<unknown> {
    return this.#optional('tools', uuid);
  }

  async postSummary(summary: CallSummary): Promise<void> {
    await this.#request('POST', 'call-summary', summary.sessionUuid, JSON.stringify(summary));
  }

  /** Undefined in place of an answer that says that there is nothing. */
  async #optional(what: string, uuid: string): Promise<unknown> {
    try {
      return await this.#request('GET', what, uuid);
    } catch (thrown) {
      if (thrown instanceof PatchcordError && thrown.details.status === 404) return undefined;
      throw thrown;
    }
  }

  /** The parsed answer, or its text where that is not JSON. */
  async #request(method: 'GET' | 'POST', what: string, uuid: string, body?: string): Promise<unknown> {
    const { clock, timeoutMs } = this.#options;
    const abort = new AbortController();
    const timer = clock.setTimeout(
      () => abort.abort(new Error(`no answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    let response: Response;
    let text: string;
    try {
      response = await fetch(this.#url(what), {
        method,
        headers: { 'content-type': 'application/json', accept: 'application/json', 'x-avr-uuid': uuid },
        signal: abort.signal,
        ...(body === undefined ? {} : { body }),
      });
      text = await responseText(response, maxBytes);
    } catch (thrown) {
      const cause = thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown;
      throw failure(what, messageOf(cause));
    } finally {
      timer.cancel();
    }
    if (!response.ok) throw failure(what, `the answer is ${response.status}`, { status: response.status });
    return parsed(text);
  }

  #url(what: string): URL {
    const { baseUrl, agentId } = this.#options;
    const url = new URL(baseUrl);
    url.pathname = `${url.pathname.replace(/\/+$/, '')}/api/agents/${encodeURIComponent(agentId)}/${what}`;
    return url;
  }
}

function failure(what: string, why: string, details: Record<string, unknown> = {}): PatchcordError {
  return new PatchcordError('PATCHCORD_AGENT_API', `agent API: ${what}: ${why}`, { what, ...details });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A text as it is.
    return text;
  }
}

/** The first of these fields that holds a text, or the answer itself where it is one. */
function textIn(answer: unknown, fields: readonly string[]): string | undefined {
  if (typeof answer === 'string') return answer.trim() || undefined;
  if (typeof answer !== 'object' || answer === null) return undefined;
  const values = new Map<string, unknown>(Object.entries(answer));
  for (const field of fields) {
    const value = values.get(field);
    if (typeof value === 'string' && value.trim() !== '') return value.trim();
  }
  return undefined;
}
