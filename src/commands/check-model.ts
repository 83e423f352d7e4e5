import type { Clock } from '../base/clock.ts';
import type { PatchcordError } from '../base/errors.ts';
import { silentLogger } from '../base/logger.ts';
import type { Settings } from '../config/schema.ts';
import { realtimeSettings } from '../model-choice.ts';
import { openAiRealtimeModel } from '../models/openai-realtime/model.ts';
import type { CheckResult, TimeReading } from './check-public-url.ts';
import { type Finding, fail, ok } from './finding.ts';

export interface ModelCheckOptions {
  readonly settings: Settings;
  readonly clock: Clock;
}

/** Opens a session as a call would, and closes it when the model greets. Asks the same server for the time. */
export async function checkModel({ settings, clock }: ModelCheckOptions): Promise<CheckResult> {
  const { apiKey, baseUrl, model: name, connectTimeoutMs } = settings.openai;
  if (!apiKey) {
    const what = 'OPENAI_API_KEY is not set, the demo voice answers';
    return { findings: [ok(what, 'set it to let a speech model answer')] };
  }
  const model = openAiRealtimeModel(realtimeSettings(settings, apiKey, baseUrl), {
    clock,
    log: silentLogger,
  });
  const [health, time] = await Promise.all([model.check(), readTime(baseUrl, connectTimeoutMs, clock)]);
  const finding = health.ok
    ? ok(`the model ${name} answers`)
    : explained(health.error, { model: name, host: new URL(baseUrl).host, timeoutMs: connectTimeoutMs });
  return { findings: [finding], ...(time ? { time } : {}) };
}

/** Any answer has the time, a refusal too. */
async function readTime(baseUrl: string, timeoutMs: number, clock: Clock): Promise<TimeReading | undefined> {
  const url = new URL(baseUrl.replace(/^ws/i, 'http'));
  const abort = new AbortController();
  const deadline = clock.setTimeout(() => abort.abort(), timeoutMs);
  try {
    const { headers } = await fetch(url, { method: 'HEAD', redirect: 'manual', signal: abort.signal });
    const date = headers.get('date');
    return date ? { from: url.host, date, receivedEpochMs: clock.epochMs() } : undefined;
  } catch {
    // Whether the model can be reached is the other check's to say.
    return undefined;
  } finally {
    deadline.cancel();
  }
}

interface Asked {
  readonly model: string;
  readonly host: string;
  readonly timeoutMs: number;
}

/** In words that hold nothing the server said: its messages may quote a part of the key. */
function explained(error: PatchcordError, { model, host, timeoutMs }: Asked): Finding {
  const { status, closeCode, code, connected } = error.details;
  if (error.code === 'PATCHCORD_MODEL_TIMEOUT') {
    const stage = connected === true ? 'connects and then says nothing' : 'does not answer';
    return fail(`the model at ${host} ${stage} for ${timeoutMs} ms`, 'check the network and OPENAI_BASE_URL');
  }
  if (typeof status === 'number') return refusal(status, model, host);
  if (closeCode !== undefined) {
    return fail(
      `the model closes with ${String(closeCode)} before a session begins`,
      'check OPENAI_MODEL and the account',
    );
  }
  if (isFault(error)) return fault(typeof code === 'string' ? code : undefined);
  if (error.code === 'PATCHCORD_MODEL_UNREACHABLE' || error.code === 'PATCHCORD_MODEL_LOST') {
    const reason = typeof code === 'string' ? code : error.message;
    return fail(
      `the model at ${host} cannot be reached (${reason})`,
      'check the network, a firewall for outgoing WebSockets, and OPENAI_BASE_URL',
    );
  }
  return fail('the model opens with something that is no event', 'check OPENAI_MODEL and OPENAI_BASE_URL');
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

/** The server's event `error`; a failed connection has a code of the system's instead, in capitals. */
function isFault({ code, details }: PatchcordError): boolean {
  if (code === 'PATCHCORD_MODEL_AUTH' || code === 'PATCHCORD_MODEL_REJECTED') return true;
  return details.type !== undefined || (typeof details.code === 'string' && /^[a-z]/.test(details.code));
}

function fault(code: string | undefined): Finding {
  const what = `the model opens with error${code === undefined ? '' : ` (${code})`}`;
  if (code === 'insufficient_quota') return fail(what, 'the account is out of quota: check billing');
  if (code === 'invalid_api_key') return fail(what, 'OPENAI_API_KEY is wrong or revoked: make a new one');
  if (code === 'beta_api_shape_disabled')
    return fail(
      what,
      'something on the way adds the header OpenAI-Beta: look at the proxy behind OPENAI_BASE_URL',
    );
  if (code?.startsWith('rate_limit')) return fail(what, 'the account is rate limited: try again in a minute');
  return fail(what, 'check OPENAI_MODEL and OPENAI_BASE_URL');
}
