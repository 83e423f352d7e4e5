import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import type { Clock } from '../base/clock.ts';
import { deriveRealtimeUrl } from '../models/openai-realtime/profiles.ts';
import type { CheckResult, TimeReading } from './check-public-url.ts';
import { type Finding, fail, networkReason, ok } from './finding.ts';

export interface ModelCheckOptions {
  readonly apiKey: string | undefined;
  /** As the vendor writes it; the socket's address is derived from it. */
  readonly baseUrl: string;
  readonly model: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** Opens a Realtime session as a call would and closes it at `session.created`. */
export function checkModel(options: ModelCheckOptions): Promise<CheckResult> {
  const { apiKey, model, clock } = options;
  if (!apiKey) {
    const finding = ok(
      'OPENAI_API_KEY is not set, the demo voice answers',
      'set it to let a speech model answer',
    );
    return Promise.resolve({ findings: [finding] });
  }
  return new Promise((resolve) => {
    const url = new URL(deriveRealtimeUrl(options.baseUrl, model));
    const socket = new WebSocket(url, {
      headers: { authorization: `Bearer ${apiKey}` },
      perMessageDeflate: false,
    });
    let time: TimeReading | undefined;
    const finish = (finding: Finding): void => {
      deadline.cancel();
      socket.removeAllListeners();
      // A socket that is cut off while it connects still reports that; nobody is left to care.
      socket.on('error', () => undefined);
      socket.terminate();
      resolve({ findings: [finding], ...(time ? { time } : {}) });
    };
    const deadline = clock.setTimeout(() => {
      const stage =
        socket.readyState === WebSocket.OPEN ? 'connects and then says nothing' : 'does not answer';
      finish(
        fail(
          `the model at ${url.host} ${stage} for ${options.timeoutMs} ms`,
          'check the network and OPENAI_BASE_URL',
        ),
      );
    }, options.timeoutMs);
    const readTime = ({ headers }: IncomingMessage): void => {
      if (!headers.date) return;
      time = { from: url.host, date: headers.date, receivedEpochMs: clock.epochMs() };
    };
    socket.on('upgrade', readTime);
    socket.on('unexpected-response', (_request, response) => {
      readTime(response);
      finish(refusal(response.statusCode ?? 0, model, url.host));
    });
    socket.on('message', (data) => finish(firstEvent(data.toString(), model)));
    socket.on('close', (code) => {
      finish(
        fail(`the model closes with ${code} before a session begins`, 'check OPENAI_MODEL and the account'),
      );
    });
    socket.on('error', (error) => {
      const advice = 'check the network, a firewall for outgoing WebSockets, and OPENAI_BASE_URL';
      finish(fail(`the model at ${url.host} cannot be reached (${networkReason(error)})`, advice));
    });
  });
}

function refusal(status: number, model: string, host: string): Finding {
  const what = `the model at ${host} refuses with ${status}`;
  if (status === 401) return fail(what, 'OPENAI_API_KEY is wrong or revoked: make a new one');
  if (status === 403)
    return fail(what, `the key's project may not use ${model}: allow it or set OPENAI_MODEL`);
  if (status === 404)
    return fail(what, `there is no ${model} for this account: check OPENAI_MODEL and OPENAI_BASE_URL`);
  if (status === 429)
    return fail(what, 'the account is out of quota or rate limited: check billing and limits');
  if (status >= 500) return fail(what, 'the server has a problem: try again in a minute');
  return fail(what, 'check OPENAI_MODEL and OPENAI_BASE_URL');
}

function firstEvent(text: string, model: string): Finding {
  const event = parseEvent(text);
  if (event?.type === 'session.created') return ok(`the model ${model} answers`);
  // The message of an error may quote a part of the key; its code does not.
  const what = `the model opens with ${event?.type ?? 'something that is no event'}${event?.code ? ` (${event.code})` : ''}`;
  if (event?.code === 'insufficient_quota') return fail(what, 'the account is out of quota: check billing');
  if (event?.code === 'invalid_api_key')
    return fail(what, 'OPENAI_API_KEY is wrong or revoked: make a new one');
  return fail(what, 'check OPENAI_MODEL and OPENAI_BASE_URL');
}

function parseEvent(text: string): { readonly type: string; readonly code?: string } | undefined {
  try {
    const event: unknown = JSON.parse(text);
    if (typeof event !== 'object' || event === null || !('type' in event) || typeof event.type !== 'string') {
      return undefined;
    }
    const error = 'error' in event ? event.error : undefined;
    const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
    return typeof code === 'string' ? { type: event.type, code } : { type: event.type };
  } catch {
    return undefined;
  }
}
