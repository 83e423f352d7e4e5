import { apiKey, type Stage } from '../contract/stage.ts';

/** What a client of the replaced projects is answered. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
  /** Undefined where the answer is no JSON. */
  readonly json: unknown;
}

export type Ask = (
  method: 'GET' | 'POST',
  path: string,
  /** JSON, or a text as it stands. */
  body?: object | string,
  headers?: Readonly<Record<string, string>>,
) => Promise<Answer>;

/** Who comes through a proxy is not local, and needs a key. */
export const fromElsewhere = { 'x-forwarded-for': '203.0.113.9' };
export const withKey = { ...fromElsewhere, authorization: `Bearer ${apiKey}` };

/** Requests to the gateway on this stage, from this very machine unless the headers say otherwise. */
export function askingOf(stage: Stage): Ask {
  return async (method, path, body, headers = {}) => {
    const response = await fetch(stage.gateway.url + path, {
      method,
      redirect: 'manual',
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const contentType = response.headers.get('content-type') ?? '';
    const text = await response.text();
    const json: unknown = contentType.startsWith('application/json') ? JSON.parse(text) : undefined;
    return { status: response.status, contentType, text, json };
  };
}
