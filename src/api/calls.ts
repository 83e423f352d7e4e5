import type { FastifyInstance, FastifyReply } from 'fastify';
import { type ErrorCode, PatchcordError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { CallSnapshot } from '../call/events.ts';
import type { Access } from './access.ts';
import type { CallReply, CallsReply, DialReply, EmptyReply, ErrorReply, StatusReply } from './contract.ts';
import type { Dialling, OutboundOverrides } from './dialling.ts';
import { errorHandler, errorReplyOf, parsed, requireAccess } from './replies.ts';
import { dialBody, makeCallBody } from './schemas.ts';

/** What the API does with a live call. */
export interface LiveCall {
  snapshot(): CallSnapshot;
  interrupt(): boolean;
  end(reason: 'operator'): void;
}

/** The live calls, as far as the API needs to know them. */
export interface LiveCalls {
  /** By our id or the carrier's. */
  find(id: string): LiveCall | undefined;
  snapshots(): CallSnapshot[];
}

export interface CallsApi {
  readonly access: Pick<Access, 'decide'>;
  readonly calls: LiveCalls;
  readonly dialling: Pick<Dialling, 'dial'>;
  readonly log: Logger;
  status(): StatusReply;
}

const maxBodyBytes = 262_144;

/** Adds `/v1/status`, `/v1/calls...` and `/make-call`, with their own body parsers, errors and access check. */
export function registerCallsApi(app: FastifyInstance, api: CallsApi): void {
  app.register((scope, _options, done) => {
    takeBodies(scope);
    scope.setErrorHandler(errorHandler(api.log));
    scope.addHook('onRequest', requireAccess(api.access, api.log));
    registerCalls(scope, api);
    registerDialling(scope, api);
    done();
  });
}

function registerCalls(app: FastifyInstance, { calls, status }: CallsApi): void {
  app.get('/v1/status', (): StatusReply => status());
  app.get('/v1/calls', (): CallsReply => ({ calls: calls.snapshots() }));
  app.get<{ Params: { id: string } }>(
    '/v1/calls/:id',
    ({ params }): CallReply => ({ call: found(calls, params.id).snapshot() }),
  );
  app.post<{ Params: { id: string } }>('/v1/calls/:id/hangup', ({ params }): EmptyReply => {
    found(calls, params.id).end('operator');
    return {};
  });
  app.post<{ Params: { id: string } }>('/v1/calls/:id/interrupt', ({ params }): EmptyReply => {
    found(calls, params.id).interrupt();
    return {};
  });
}

function registerDialling(app: FastifyInstance, { dialling, log }: CallsApi): void {
  app.post('/v1/calls', async (request, reply): Promise<DialReply> => {
    const body = parsed(dialBody, request.body);
    const { callId, carrierCallId } = await dialling.dial(
      body.to,
      overridesOf(body),
      body.carrier || undefined,
    );
    reply.code(201).header('location', `/v1/calls/${callId}`);
    return { callId, carrierCallId };
  });

  app.post('/make-call', async (request, reply) => {
    const body = parsed(makeCallBody, request.body);
    try {
      const call = await dialling.dial(body.to, overridesOf(body));
      return {
        message: 'Call initiated' as const,
        callSid: call.carrierCallId,
        callId: call.callId,
        ...(body.silence === undefined ? {} : { warnings: [silenceWarning] }),
      };
    } catch (thrown) {
      if (!(thrown instanceof PatchcordError) || !carrierFailures.has(thrown.code)) throw thrown;
      log.warn({ code: thrown.code, details: thrown.details, path: '/make-call' }, thrown.message);
      return carrierFailed(reply, thrown);
    }
  });
}

const silenceWarning =
  'silence is not used: the silence that ends a turn is the setting OPENAI_VAD_SILENCE_DURATION_MS';

const carrierFailures: ReadonlySet<ErrorCode> = new Set(['PATCHCORD_DIAL_FAILED', 'PATCHCORD_CARRIER_API']);

/** Status and text that clients of the replaced bridges know, with ours beside them. */
function carrierFailed(reply: FastifyReply, error: PatchcordError): FastifyReply {
  const { status, carrierCode } = error.details;
  const body: ErrorReply = {
    ...errorReplyOf(error),
    error: 'Failed to make call',
    details: { message: error.message, status, carrierCode },
  };
  return reply.code(500).send(body);
}

function found(calls: LiveCalls, id: string): LiveCall {
  const call = calls.find(id);
  if (!call) throw new PatchcordError('PATCHCORD_CALL_NOT_FOUND');
  return call;
}

/** What the body says about the agent; empty text counts as absent. */
function overridesOf(body: Partial<Record<keyof OutboundOverrides, string | undefined>>): OutboundOverrides {
  return {
    ...(body.instructions ? { instructions: body.instructions } : {}),
    ...(body.voice ? { voice: body.voice } : {}),
    ...(body.greeting ? { greeting: body.greeting } : {}),
  };
}

/** JSON and forms, whatever the rest of the server makes of bodies. A POST without one is fine. */
function takeBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const options = { parseAs: 'string', bodyLimit: maxBodyBytes } as const;
  app.addContentTypeParser('application/json', options, (_request, text, done) => {
    try {
      done(null, String(text).trim() === '' ? {} : JSON.parse(String(text)));
    } catch (thrown) {
      done(new PatchcordError('PATCHCORD_REQUEST_INVALID', 'body: not valid JSON', {}, thrown));
    }
  });
  app.addContentTypeParser('application/x-www-form-urlencoded', options, (_request, text, done) => {
    done(null, Object.fromEntries(new URLSearchParams(String(text))));
  });
}
