import type { Clock } from '../base/clock.ts';
import { messageOf, PatchcordError } from '../base/errors.ts';
import { responseText } from '../base/response-text.ts';
import { readRetryAfter } from '../base/retry-after.ts';

export interface HttpApiOptions {
  /** Name of the carrier, for messages. */
  readonly carrier: string;
  /** As the vendor writes it, without a trailing slash. */
  readonly baseUrl: string;
  /** Value of the Authorization header; undefined: the API asks for none. */
  readonly authorization?: string;
  readonly clock: Clock;
  readonly deadlineMs?: number;
  /** Picks the vendor's own error code and text out of a JSON error body. */
  readonly readError?: (body: unknown) => { readonly code?: string; readonly message?: string };
}

export type HttpApiBody =
  | { readonly form: readonly (readonly [name: string, value: string])[] }
  | { readonly json: unknown };

export interface HttpApiReply {
  readonly status: number;
  /** The parsed body; undefined when it is empty or not JSON. */
  readonly body: unknown;
}

const maxReplyBytes = 1_048_576;

/** A carrier's REST API. Credentials stay inside: no error or log line carries them, nor the request's body. */
export class HttpApi {
  readonly #options: HttpApiOptions;

  constructor(options: HttpApiOptions) {
    this.#options = options;
  }

  /**
   * Settles within the deadline (5 s unless set). Throws PATCHCORD_CARRIER_API when the carrier can't be reached,
   * does not answer in time, or answers with anything but 2xx; `details` then hold `status`, `carrierCode` and
   * `retryAfterMs` (its `Retry-After`). What the carrier says in words may name people's numbers: it is the error's
   * `cause` and not in what is logged. Without an answer the `cause` is what failed.
   */
  async request(method: 'GET' | 'POST' | 'DELETE', path: string, body?: HttpApiBody): Promise<HttpApiReply> {
    const { carrier, baseUrl, authorization, clock, deadlineMs = 5000 } = this.#options;
    const abort = new AbortController();
    const timeout = clock.setTimeout(
      () => abort.abort(new Error(`no answer within ${deadlineMs} ms`)),
      deadlineMs,
    );
    let status: number;
    let text: string;
    let retryAfterMs: number | undefined;
    try {
      const response = await fetch(`${baseUrl}${path}`, {
        method,
        redirect: 'error',
        signal: abort.signal,
        headers: {
          ...(authorization === undefined ? {} : { authorization }),
          accept: 'application/json',
          ...contentType(body),
        },
        ...(body === undefined ? {} : { body: encode(body) }),
      });
      status = response.status;
      retryAfterMs = readRetryAfter(response.headers.get('retry-after'), clock.epochMs());
      text = await responseText(response, maxReplyBytes);
    } catch (thrown) {
      const why =
        thrown instanceof Error && thrown.cause !== undefined ? messageOf(thrown.cause) : messageOf(thrown);
      throw new PatchcordError(
        'PATCHCORD_CARRIER_API',
        `${carrier}: ${method} ${path}: ${why}`,
        { carrier, method, path },
        thrown,
      );
    } finally {
      timeout.cancel();
    }
    const parsed = parse(text);
    if (status >= 200 && status < 300) return { status, body: parsed };
    const { code, message } = this.#options.readError?.(parsed) ?? {};
    throw new PatchcordError(
      'PATCHCORD_CARRIER_API',
      `${carrier}: ${method} ${path}: ${status}${code === undefined ? '' : ` (${code})`}`,
      {
        carrier,
        method,
        path,
        status,
        ...(code === undefined ? {} : { carrierCode: code }),
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      },
      message === undefined ? undefined : new Error(message),
    );
  }
}

/** The carrier's own words of a refusal, for who asked; undefined where it had none. Not for the log. */
export function carrierSaid(thrown: unknown): string | undefined {
  if (!(thrown instanceof PatchcordError) || thrown.details.status === undefined) return undefined;
  return thrown.cause instanceof Error ? thrown.cause.message : undefined;
}

export function basicAuthorization(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

function contentType(body: HttpApiBody | undefined): Record<string, string> {
  if (body === undefined) return {};
  return { 'content-type': 'form' in body ? 'application/x-www-form-urlencoded' : 'application/json' };
}

function encode(body: HttpApiBody): string {
  if ('json' in body) return JSON.stringify(body.json);
  const fields = new URLSearchParams();
  for (const [name, value] of body.form) fields.append(name, value);
  return fields.toString();
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
