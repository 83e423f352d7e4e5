import type { Clock } from '../../base/clock.ts';
import { type JsonReply, type JsonRequest, JsonServer } from './json-server.ts';

export interface FakeAgentApiOptions {
  readonly agentId: string;
  /** What `system-instructions` answers: an object with `system` or `instructions`, or the text itself. */
  readonly instructions?: unknown;
  /** What `greeting` answers: an object with `greeting` or `text`, or the text itself; 404 without. */
  readonly greeting?: unknown;
  /** What `tools` answers; 404 without. */
  readonly tools?: unknown;
  /** Status of an answer by its number from 1; 200 unless given. */
  readonly statusFor?: (path: string, number: number) => number;
  /** Every answer takes this long. */
  readonly delayMs?: number;
  readonly clock?: Clock;
}

export interface AgentApiRequest {
  readonly method: string;
  /** `system-instructions`, `greeting`, `tools`, `call-summary`, or the whole path of anything else. */
  readonly name: string;
  /** Of `X-AVR-UUID`. */
  readonly uuid: string | undefined;
  readonly contentType: string | undefined;
  readonly body: unknown;
  readonly status: number;
}

/**
 * The service that tells an AVR connector who it is, and takes summaries of calls: `GET` of `system-instructions`,
 * `greeting` and `tools`, `POST` of `call-summary`, all below `/api/agents/{AGENT_ID}/` and with `X-AVR-UUID`.
 */
export class FakeAgentApi {
  readonly requests: AgentApiRequest[] = [];
  readonly #options: FakeAgentApiOptions;
  readonly #changed: () => void;
  readonly #server = new JsonServer((request) => this.#answer(request));
  readonly #numbers = new Map<string, number>();

  constructor(options: FakeAgentApiOptions, changed: () => void = () => undefined) {
    this.#options = options;
    this.#changed = changed;
  }

  /** Resolves with the base URL, to be given as `AGENT_API_BASE_URL`. */
  listen(port = 0): Promise<string> {
    return this.#server.listen(port);
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  requestsFor(name: string): AgentApiRequest[] {
    return this.requests.filter((request) => request.name === name);
  }

  async #answer(request: JsonRequest): Promise<JsonReply> {
    const prefix = `/api/agents/${this.#options.agentId}/`;
    const name = request.path.startsWith(prefix) ? request.path.slice(prefix.length) : request.path;
    const reply = this.#reply(name, request.method);
    await this.#delay();
    const uuid = request.headers['x-avr-uuid'];
    this.requests.push({
      method: request.method,
      name,
      uuid: Array.isArray(uuid) ? uuid[0] : uuid,
      contentType: request.headers['content-type'],
      body: request.body,
      status: reply.status,
    });
    this.#changed();
    return reply;
  }

  #reply(name: string, method: string): JsonReply {
    const number = (this.#numbers.get(name) ?? 0) + 1;
    this.#numbers.set(name, number);
    const status = this.#options.statusFor?.(name, number) ?? 200;
    if (status !== 200) return { status, body: { message: 'as the test wants it' } };
    const { instructions, greeting, tools } = this.#options;
    if (method === 'POST' && name === 'call-summary') return { status, body: { received: true } };
    const answers: Readonly<Record<string, unknown>> = {
      'system-instructions': instructions,
      greeting,
      tools,
    };
    const body = method === 'GET' && Object.hasOwn(answers, name) ? answers[name] : undefined;
    return body === undefined ? { status: 404, body: { message: 'Not found' } } : { status, body };
  }

  #delay(): Promise<void> | undefined {
    const { clock, delayMs = 0 } = this.#options;
    if (clock === undefined || delayMs <= 0) return undefined;
    return new Promise((resolve) => {
      clock.setTimeout(resolve, delayMs);
    });
  }
}
