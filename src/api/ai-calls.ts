import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { type ErrorCode, PatchcordError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Access } from './access.ts';
import { takeBodies } from './bodies.ts';
import { found, type LiveCalls } from './calls.ts';
import type { Dialling } from './dialling.ts';
import { errorHandler, errorReplyOf, parsed, requireAccess, statusOf } from './replies.ts';

/** What the routes of the replaced Telnyx bridge tell of the settings. */
export interface AiCallsSettings {
  readonly hasApiKey: boolean;
  readonly fromNumber: string | undefined;
  readonly hasAppId: boolean;
  readonly hasOutboundProfile: boolean;
  /** As Telnyx writes it; asked for whether it can be reached. */
  readonly apiBaseUrl: string;
  /** False: the demo voice answers. */
  readonly hasModel: boolean;
  readonly publicUrl: string | undefined;
}

export interface AiCallsApi {
  readonly access: Pick<Access, 'decide'>;
  readonly calls: LiveCalls;
  readonly dialling: Pick<Dialling, 'dial'>;
  readonly log: Logger;
  readonly settings: AiCallsSettings;
  /** ISO 8601. */
  now(): string;
}

const carrier = 'telnyx';
/** How long a provider may take to answer the question whether it is there. */
const probeMs = 5000;

const text = (max: number) => z.string().trim().max(max).optional();
const createBody = z.object({
  to: text(40),
  instructions: text(32_000),
  voice: text(64),
  greeting: text(1000),
});
const outboundBody = z.object({ to: text(40), connection_id: text(128), say: text(1000) });
const speakBody = z.object({ text: text(3000), voice: text(64) });

/** Adds the REST of the replaced Telnyx bridge under `/api`: docs/carriers/telnyx.md. */
export function registerAiCalls(app: FastifyInstance, api: AiCallsApi): void {
  app.get('/api/health', () => ({ ok: true, ts: api.now() }));
  app.register(
    (scope, _options, done) => {
      takeBodies(scope);
      scope.setErrorHandler(errorHandler(api.log));
      scope.addHook('onRequest', requireAccess(api.access, api.log));
      registerCalls(scope, api);
      registerOutbound(scope, api);
      scope.get('/providers/status', () => providers(api.settings));
      // A route, as a handler for what is not found would come after the console's files, which answer for every path.
      scope.all('/*', (_request, reply) =>
        reply.code(404).send({ error: 'Not found', code: 'PATCHCORD_NOT_FOUND' }),
      );
      done();
    },
    { prefix: '/api' },
  );
}

interface CallParams {
  readonly Params: { readonly callId: string };
}

function registerCalls(app: FastifyInstance, api: AiCallsApi): void {
  const { calls, settings } = api;
  app.get('/ai-calls/status', () => ({
    success: true,
    status: {
      activeConnections: calls.snapshots().filter((call) => call.carrier === carrier).length,
      telnyxConfigured: settings.hasApiKey,
      openaiConfigured: settings.hasModel,
      baseUrl: settings.publicUrl ?? null,
    },
  }));
  app.post('/ai-calls/create', async (request, reply) => {
    const { to, instructions, voice, greeting } = parsed(createBody, request.body);
    if (!to) return bad(reply, "Missing 'to' number");
    if (!settings.hasApiKey) return bad(reply, 'Telnyx is not configured', 'TELNYX_API_KEY');
    if (!settings.hasModel) return bad(reply, 'OpenAI is not configured', 'OPENAI_API_KEY');
    const overrides = {
      ...(instructions ? { instructions } : {}),
      ...(voice ? { voice } : {}),
      ...(greeting ? { greeting } : {}),
    };
    try {
      const { callId, carrierCallId } = await api.dialling.dial(to, overrides, carrier);
      const call = {
        id: carrierCallId,
        callId,
        to,
        from: settings.fromNumber,
        status: 'initiated',
        instructions: instructions || 'Default AI assistant instructions',
      };
      return { success: true, call };
    } catch (thrown) {
      return carrierFailed(api, request, reply, thrown, 'Failed to create call');
    }
  });
  app.post<CallParams>('/ai-calls/:callId/hangup', ({ params }) => {
    found(calls, params.callId).end('operator');
    return { success: true, message: 'Call hangup initiated' };
  });
  app.post<CallParams>('/ai-calls/:callId/interrupt', ({ params }) => {
    found(calls, params.callId).interrupt();
    return { success: true, message: 'AI speech interrupted' };
  });
}

function registerOutbound(app: FastifyInstance, api: AiCallsApi): void {
  const { settings } = api;
  app.post('/calls/outbound', async (request, reply) => {
    const { to, connection_id: connection, say } = parsed(outboundBody, request.body);
    if (!to) return bad(reply, "Missing 'to' number");
    try {
      const dialled = await api.dialling.dial(
        to,
        say ? { greeting: say } : {},
        carrier,
        connection || undefined,
      );
      const call = {
        call_control_id: dialled.carrierCallId,
        callId: dialled.callId,
        to,
        from: settings.fromNumber,
      };
      return { ok: true, call };
    } catch (thrown) {
      return carrierFailed(api, request, reply, thrown, 'Internal error');
    }
  });
  app.post<CallParams>('/calls/:callId/speak', ({ params, body }, reply) => {
    const { text: words } = parsed(speakBody, body);
    if (!words) return bad(reply, "Missing 'text'");
    if (!found(api.calls, params.callId).say(words)) throw new PatchcordError('PATCHCORD_CALL_NOT_LIVE');
    return { ok: true, result: { spoken: 'by the agent' } };
  });
}

function bad(reply: FastifyReply, error: string, setting?: string): FastifyReply {
  const code: ErrorCode =
    setting === undefined ? 'PATCHCORD_REQUEST_INVALID' : 'PATCHCORD_DIAL_NOT_CONFIGURED';
  return reply.code(400).send({ error, code, ...(setting === undefined ? {} : { setting }) });
}

/** Refusals of ours keep their status; what the carrier refused or never answered is the 500 that clients know. */
function carrierFailed(
  api: AiCallsApi,
  request: FastifyRequest,
  reply: FastifyReply,
  thrown: unknown,
  error: string,
): FastifyReply {
  if (!(thrown instanceof PatchcordError)) throw thrown;
  const status = statusOf(thrown.code);
  if (status !== 502 && status !== 500) throw thrown;
  api.log.warn(
    { code: thrown.code, details: thrown.details, path: request.routeOptions.url },
    thrown.message,
  );
  const { error: details } = errorReplyOf(thrown);
  return reply.code(500).send({ error, code: thrown.code, details });
}

async function providers(settings: AiCallsSettings): Promise<Record<string, unknown>> {
  return {
    telnyx: {
      configured: settings.hasApiKey && settings.fromNumber !== undefined,
      reachable: await reaches(settings.apiBaseUrl),
      info: {
        hasApiKey: settings.hasApiKey,
        fromNumberSet: settings.fromNumber !== undefined,
        outboundProfileSet: settings.hasOutboundProfile,
        appIdSet: settings.hasAppId,
      },
    },
    elevenlabs: { configured: false, reachable: false, info: { hasApiKey: false, hasVoiceId: false } },
  };
}

/** Any HTTP answer at all counts. */
async function reaches(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(probeMs), redirect: 'manual' });
    await response.body?.cancel();
    return true;
  } catch {
    // Refused, unknown or too late: it can't be reached, which is the answer.
    return false;
  }
}
