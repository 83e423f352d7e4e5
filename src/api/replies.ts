import type { FastifyError, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify';
import type { z } from 'zod';
import { type ErrorCode, messageOf, PatchcordError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { type Access, accessRequest } from './access.ts';
import type { ErrorReply } from './contract.ts';
import { plainIssue } from './plain-issue.ts';

/** HTTP status of the errors that a request can cause; any other is a 500. */
const statusByCode: Partial<Record<ErrorCode, number>> = {
  PATCHCORD_REQUEST_INVALID: 400,
  PATCHCORD_UNAUTHORIZED: 401,
  PATCHCORD_DIAL_NOT_CONFIGURED: 403,
  PATCHCORD_DIAL_NOT_ALLOWED: 403,
  PATCHCORD_NOT_FOUND: 404,
  PATCHCORD_CALL_NOT_FOUND: 404,
  PATCHCORD_CALL_NOT_LIVE: 409,
  PATCHCORD_TRANSFER_NOT_POSSIBLE: 409,
  PATCHCORD_DIGITS_NOT_POSSIBLE: 409,
  PATCHCORD_ANNOUNCE_NOT_POSSIBLE: 409,
  PATCHCORD_DIAL_LIMIT: 429,
  PATCHCORD_PEER_FLOOD: 429,
  PATCHCORD_DIAL_FAILED: 502,
  PATCHCORD_CARRIER_API: 502,
  PATCHCORD_CALL_LIMIT: 503,
  PATCHCORD_DRAINING: 503,
};

export function statusOf(code: ErrorCode): number {
  return statusByCode[code] ?? 500;
}

export function errorReplyOf(error: PatchcordError): ErrorReply {
  const { setting } = error.details;
  const said = carrierSaid(error);
  return {
    error: said === undefined ? error.message : `${error.message}: ${said}`,
    code: error.code,
    ...(typeof setting === 'string' ? { setting } : {}),
  };
}

/** A carrier's own words of a refusal. They may name numbers, so they are the error's cause, which is not logged. */
function carrierSaid(error: PatchcordError): string | undefined {
  const refused = error.code === 'PATCHCORD_DIAL_FAILED' || error.code === 'PATCHCORD_CARRIER_API';
  if (!refused || error.details.status === undefined) return undefined;
  return error.cause instanceof Error ? error.cause.message : undefined;
}

/** Answers with the error; `status` where it is not the one of the code. */
export function sendError(reply: FastifyReply, error: PatchcordError, status = statusOf(error.code)) {
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  const { waitMs } = error.details;
  if (typeof waitMs === 'number') reply.header('retry-after', String(Math.ceil(waitMs / 1000)));
  return reply.code(status).send(errorReplyOf(error));
}

/** An error handler under which nothing that broke inside is shown outside. */
export function errorHandler(log: Logger) {
  return (thrown: FastifyError | PatchcordError, request: FastifyRequest, reply: FastifyReply) => {
    if (thrown instanceof PatchcordError && thrown.code !== 'PATCHCORD_INTERNAL') {
      if (statusOf(thrown.code) >= 500) {
        log.warn({ code: thrown.code, details: thrown.details, path: pathOf(request) }, thrown.message);
      }
      return sendError(reply, thrown);
    }
    const status = 'statusCode' in thrown ? (thrown.statusCode ?? 500) : 500;
    if (status >= 400 && status < 500) {
      return sendError(reply, new PatchcordError('PATCHCORD_REQUEST_INVALID', thrown.message), status);
    }
    log.error({ path: pathOf(request), error: messageOf(thrown), stack: thrown.stack }, 'a request failed');
    return sendError(reply, new PatchcordError('PATCHCORD_INTERNAL'));
  };
}

export function notFoundHandler(_request: FastifyRequest, reply: FastifyReply) {
  return sendError(reply, new PatchcordError('PATCHCORD_NOT_FOUND'));
}

/** A hook that lets in who may use the API, before anything of the body is read. */
export function requireAccess(access: Pick<Access, 'decide'>, log: Logger): onRequestHookHandler {
  return (request, reply, done) => {
    const decision = access.decide(accessRequest(request.raw));
    if (decision.allowed) {
      done();
      return;
    }
    const { error, status } = decision;
    log.warn(
      { code: error.code, peer: request.raw.socket.remoteAddress, path: pathOf(request) },
      error.message,
    );
    sendError(reply, error, status);
  };
}

/** The value as the schema has it. Throws PATCHCORD_REQUEST_INVALID, which names the first field that is wrong. */
export function parsed<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value ?? {}, { error: plainIssue });
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const field = issue?.path.join('.') ?? '';
  const message = `${field === '' ? 'body' : field}: ${issue?.message ?? 'not valid'}`;
  throw new PatchcordError('PATCHCORD_REQUEST_INVALID', message);
}

/** Without the query, which may hold a key. */
function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? '';
}
