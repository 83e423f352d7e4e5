import type { FastifyInstance, FastifyReply } from 'fastify';
import { type ErrorCode, PatchcordError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { CallSnapshot } from '../call/events.ts';
import type { TransferOutcome, TransferTarget } from '../call/leg.ts';
import type { Access } from './access.ts';
import { takeBodies } from './bodies.ts';
import type {
  AnnouncementBody,
  CallReply,
  CallsReply,
  DialReply,
  EmptyReply,
  ErrorReply,
  StatusReply,
  TransferReply,
} from './contract.ts';
import type { Dialling, OutboundOverrides } from './dialling.ts';
import { errorHandler, errorReplyOf, parsed, requireAccess } from './replies.ts';
import { announcementBody, dialBody, digitsBody, makeCallBody, sayBody, transferBody } from './schemas.ts';

/** What the API does with a live call. */
export interface LiveCall {
  snapshot(): CallSnapshot;
  interrupt(): boolean;
  /** False: the call is not live. */
  say(text: string): boolean;
  /** Undefined: keys cannot be pressed in this call. */
  sendDigits(digits: string): Promise<void> | undefined;
  readonly canTransfer: boolean;
  /** Undefined: the call cannot be transferred. */
  transfer(target: TransferTarget): Promise<TransferOutcome> | undefined;
  end(reason: 'operator'): void;
}

/** The live calls, as far as the API needs to know them. */
export interface LiveCalls {
  /** By our id or the carrier's. */
  find(id: string): LiveCall | undefined;
  snapshots(): CallSnapshot[];
}

/** Where calls that will come are announced. */
export interface Announcing {
  /** Throws PATCHCORD_REQUEST_INVALID, PATCHCORD_ANNOUNCE_NOT_POSSIBLE. */
  announce(announcement: AnnouncementBody): void;
}

export interface CallsApi {
  readonly access: Pick<Access, 'decide'>;
  readonly calls: LiveCalls;
  readonly dialling: Pick<Dialling, 'dial' | 'transferTarget'>;
  readonly announcing: Announcing;
  readonly log: Logger;
  status(): StatusReply;
}

/** Adds `/v1/status`, `/v1/calls...`, `/v1/announcements` and `/make-call`, with their own body parsers, errors and access check. */
export function registerCallsApi(app: FastifyInstance, api: CallsApi): void {
  app.register((scope, _options, done) => {
    takeBodies(scope);
    scope.setErrorHandler(errorHandler(api.log));
    scope.addHook('onRequest', requireAccess(api.access, api.log));
    registerCalls(scope, api);
    registerDialling(scope, api);
    scope.post('/v1/announcements', (request, reply): EmptyReply => {
      api.announcing.announce(parsed(announcementBody, request.body));
      reply.code(201);
      return {};
    });
    done();
  });
}

function registerCalls(app: FastifyInstance, { calls, dialling, status }: CallsApi): void {
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
  app.post<{ Params: { id: string } }>('/v1/calls/:id/say', ({ params, body }): EmptyReply => {
    const { text } = parsed(sayBody, body);
    if (!found(calls, params.id).say(text)) throw new PatchcordError('PATCHCORD_CALL_NOT_LIVE');
    return {};
  });
  app.post<{ Params: { id: string } }>(
    '/v1/calls/:id/digits',
    async ({ params, body }): Promise<EmptyReply> => {
      const { digits } = parsed(digitsBody, body);
      const sent = found(calls, params.id).sendDigits(digits);
      if (!sent) throw new PatchcordError('PATCHCORD_DIGITS_NOT_POSSIBLE');
      await sent;
      return {};
    },
  );
  app.post<{ Params: { id: string } }>(
    '/v1/calls/:id/transfer',
    async ({ params, body }): Promise<TransferReply> => {
      const { to, callerId } = parsed(transferBody, body);
      const call = found(calls, params.id);
      // First of all: whoever is told of a setting that is missing would set it in vain.
      if (!call.canTransfer) throw new PatchcordError('PATCHCORD_TRANSFER_NOT_POSSIBLE');
      const outcome = call.transfer(dialling.transferTarget(to, callerId || undefined));
      if (!outcome) throw new PatchcordError('PATCHCORD_TRANSFER_NOT_POSSIBLE');
      const { transferred, detail } = await outcome;
      return { transferred, ...(detail === undefined ? {} : { detail }) };
    },
  );
}

function registerDialling(app: FastifyInstance, { dialling, log }: CallsApi): void {
  app.post('/v1/calls', async (request, reply): Promise<DialReply> => {
    const body = parsed(dialBody, request.body);
    const { callId, carrierCallId } = await dialling.dial(
      body.to,
      overridesOf(body),
      body.carrier || undefined,
      body.connection || undefined,
    );
    reply.code(201).header('location', `/v1/calls/${callId}`);
    return { callId, carrierCallId };
  });

  app.post('/make-call', async (request, reply) => {
    const { to, silence, ...about } = parsed(makeCallBody, request.body);
    const overrides = { ...overridesOf(about), ...(silence ? { turnSilenceMs: silence } : {}) };
    try {
      const call = await dialling.dial(to, overrides);
      return {
        message: 'Call initiated' as const,
        callSid: call.carrierCallId,
        // What the bridge over Plivo called it.
        ...(call.carrier === 'plivo' ? { callUuid: call.carrierCallId } : {}),
        callId: call.callId,
      };
    } catch (thrown) {
      if (!(thrown instanceof PatchcordError) || !carrierFailures.has(thrown.code)) throw thrown;
      log.warn({ code: thrown.code, details: thrown.details, path: '/make-call' }, thrown.message);
      return carrierFailed(reply, thrown);
    }
  });
}

const carrierFailures: ReadonlySet<ErrorCode> = new Set(['PATCHCORD_DIAL_FAILED', 'PATCHCORD_CARRIER_API']);

/** Status and text that clients of the replaced bridges know, with ours beside them. */
function carrierFailed(reply: FastifyReply, error: PatchcordError): FastifyReply {
  const { status, carrierCode } = error.details;
  const { error: message, ...rest } = errorReplyOf(error);
  const body: ErrorReply = {
    ...rest,
    error: 'Failed to make call',
    details: { message, status, carrierCode },
  };
  return reply.code(500).send(body);
}

export function found(calls: Pick<LiveCalls, 'find'>, id: string): LiveCall {
  const call = calls.find(id);
  if (!call) throw new PatchcordError('PATCHCORD_CALL_NOT_FOUND');
  return call;
}

/** What the body says about the agent; empty text counts as absent. */
export function overridesOf(
  body: Partial<Record<'instructions' | 'voice' | 'greeting', string | undefined>>,
): OutboundOverrides {
  return {
    ...(body.instructions ? { instructions: body.instructions } : {}),
    ...(body.voice ? { voice: body.voice } : {}),
    ...(body.greeting ? { greeting: body.greeting } : {}),
  };
}
