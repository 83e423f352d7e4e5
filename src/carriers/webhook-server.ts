import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { messageOf, PatchcordError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { WebhookReply, WebhookRequest, WebhookRoute } from './carrier.ts';
import { paramsOf } from './webhooks.ts';

const maxBodyBytes = 256 * 1024;

/** Serves the webhooks of all carriers; where several share a path, the first that recognises the request answers. */
export function registerWebhooks(app: FastifyInstance, routes: readonly WebhookRoute[], log: Logger): void {
  const byPath = new Map<string, WebhookRoute[]>();
  for (const route of routes) byPath.set(route.path, [...(byPath.get(route.path) ?? []), route]);
  app.register((scope, _options, done) => {
    // Signatures cover the bytes of the body: nothing may parse them before.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: maxBodyBytes },
      (_request, body, parsed) => parsed(null, body),
    );
    for (const [path, sharing] of byPath) {
      const methods = [...new Set(sharing.flatMap((route) => route.methods))];
      scope.route({
        method: methods,
        url: path,
        handler: (request, reply) => answer(sharing, request, reply, log),
      });
    }
    done();
  });
}

async function answer(
  routes: readonly WebhookRoute[],
  request: FastifyRequest,
  reply: FastifyReply,
  log: Logger,
): Promise<FastifyReply> {
  const webhook = webhookRequest(request);
  const route = routes.find((each) => each.methods.includes(webhook.method) && each.recognises(webhook));
  if (!route) {
    const error = new PatchcordError('PATCHCORD_REQUEST_INVALID', 'No carrier recognises this request.');
    log.warn({ code: error.code, path: request.url.split('?')[0] }, error.message);
    return reply.status(400).send({ error: error.message, code: error.code });
  }
  let outcome: WebhookReply;
  try {
    outcome = await route.handle(webhook);
  } catch (thrown) {
    log.error({ code: 'PATCHCORD_INTERNAL', path: route.path, error: messageOf(thrown) }, 'a webhook failed');
    const error = new PatchcordError('PATCHCORD_INTERNAL');
    return reply.status(500).send({ error: error.message, code: error.code });
  }
  return reply.status(outcome.status).header('content-type', outcome.contentType).send(outcome.body);
}

function webhookRequest(request: FastifyRequest): WebhookRequest {
  const rawBody = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const contentType = (request.headers['content-type'] ?? '').toLowerCase();
  const target = request.raw.url ?? '/';
  const queryAt = target.indexOf('?');
  const isForm = contentType.startsWith('application/x-www-form-urlencoded');
  return {
    // HEAD is a GET whose body nobody wants.
    method: request.method === 'POST' ? 'POST' : 'GET',
    target,
    headers: request.headers,
    rawBody,
    query: paramsOf(queryAt < 0 ? '' : target.slice(queryAt + 1)),
    form: paramsOf(isForm ? rawBody.toString('utf8') : ''),
    json: contentType.includes('json') ? parseJson(rawBody) : undefined,
  };
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    // Not JSON: the carrier sees no parsed body and says so itself.
    return undefined;
  }
}
