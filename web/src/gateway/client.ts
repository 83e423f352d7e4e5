import type { DialBody, DialReply, ErrorReply, SayBody, StatusReply } from '../../../src/api/contract.ts';

/** What the gateway answered when it did not do what it was asked. */
export class GatewayError extends Error {
  /** HTTP status; 0 where there was no answer. */
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = 'GatewayError';
    this.status = status;
    this.code = code;
  }
}

const deadlineMs = 15_000;

/** The gateway that served this page. Every method throws a GatewayError when it is refused or gets no answer in time. */
export class GatewayClient {
  status(): Promise<StatusReply> {
    return this.#ask('GET', 'v1/status');
  }

  dial(body: DialBody): Promise<DialReply> {
    return this.#ask('POST', 'v1/calls', body);
  }

  async hangUp(callId: string): Promise<void> {
    await this.#ask('POST', `v1/calls/${encodeURIComponent(callId)}/hangup`, {});
  }

  async interrupt(callId: string): Promise<void> {
    await this.#ask('POST', `v1/calls/${encodeURIComponent(callId)}/interrupt`, {});
  }

  async say(callId: string, text: string): Promise<void> {
    const body: SayBody = { text };
    await this.#ask('POST', `v1/calls/${encodeURIComponent(callId)}/say`, body);
  }

  /** A WebSocket address beside this page. */
  socketUrl(path: string): string {
    const url = new URL(path, document.baseURI);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    url.search = '';
    url.hash = '';
    return url.href;
  }

  /** Swaps a key for a session, which the browser keeps as a cookie that scripts cannot read. */
  async signIn(key: string): Promise<void> {
    const response = await this.#fetch(`./?key=${encodeURIComponent(key)}`, { redirect: 'manual' });
    // The gateway sends whoever it lets in on to the page; a script is not told where.
    if (response.type !== 'opaqueredirect') throw await refusal(response);
  }

  async #ask<T>(method: string, path: string, body?: object): Promise<T> {
    const content =
      body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    const response = await this.#fetch(path, { method, ...content });
    if (!response.ok) throw await refusal(response);
    return (await response.json()) as T;
  }

  async #fetch(path: string, how: RequestInit): Promise<Response> {
    try {
      return await fetch(new URL(path, document.baseURI), {
        ...how,
        credentials: 'same-origin',
        signal: AbortSignal.timeout(deadlineMs),
      });
    } catch {
      throw new GatewayError(0, 'UNREACHABLE', 'The gateway cannot be reached.');
    }
  }
}

async function refusal(response: Response): Promise<GatewayError> {
  const value: unknown = await response.json().catch(() => undefined);
  return isErrorReply(value)
    ? new GatewayError(response.status, value.code, value.error)
    : new GatewayError(response.status, 'HTTP', `The gateway answered with HTTP ${response.status}.`);
}

function isErrorReply(value: unknown): value is ErrorReply {
  return (
    typeof value === 'object' &&
    value !== null &&
    'error' in value &&
    typeof value.error === 'string' &&
    'code' in value
  );
}
