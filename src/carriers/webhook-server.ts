import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { PatchcordError } from '../base/errors.ts';
import type { Carrier, CarrierHost, Params, WebhookRequest, WebhookRoute } from './carrier.ts';

const maxBodyBytes = 262_144;

/**
 * Serves the webhooks of all carriers. Bodies are kept as bytes, because signatures cover them, so this has its
 * own content parsers; those of `app` stay as they are. A request that no carrier recognises gets 403.
 */
export async function serveWebhooks(
  app: FastifyInstance,
  carriers: readonly Carrier[],
  host: Pick<CarrierHost, 'refused'>,
): Promise<void> {
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: maxBodyBytes },
      (_request, body, done) => {
        done(null, body);
      },
    );
    for (const [path, routes] of byPath(carriers)) {
      for (const method of ['GET', 'POST'] as const) {
        const candidates = routes.filter(({ route }) => route.methods.includes(method));
        if (candidates.length === 0) continue;
        const exposeHeadRoute = false;
        scope.route({
          method,
          url: path,
          exposeHeadRoute,
          handler: (request, reply) => answer(request, reply, method, candidates, host),
        });
      }
    }
  });
}

interface Candidate {
  readonly carrier: string;
  readonly route: WebhookRoute;
}

function byPath(carriers: readonly Carrier[]): Map<string, Candidate[]> {
  const paths = new Map<string, Candidate[]>();
  for (const carrier of carriers) {
    for (const route of carrier.webhooks) {
      const routes = paths.get(route.path) ?? [];
      routes.push({ carrier: carrier.name, route });
      paths.set(route.path, routes);
    }
  }
  return paths;
}

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  method: 'GET' | 'POST',
  candidates: readonly Candidate[],
  host: Pick<CarrierHost, 'refused'>,
): Promise<FastifyReply> {
  const webhook = read(request, method);
  const found = candidates.find(({ route }) => route.recognises(webhook));
  if (found === undefined) {
    const names = candidates.map(({ carrier }) => carrier).join(', ');
    const error = new PatchcordError(
      'PATCHCORD_SIGNATURE_INVALID',
      `no request of ${names}: no signature, no call id`,
    );
    host.refused(candidates[0]?.carrier ?? 'unknown', error, { status: 403 });
    return reply.code(403).type('text/plain').send(error.code);
  }
  const { status, contentType, body } = await found.route.handle(webhook);
  return reply.code(status).type(contentType).send(body);
}

function read(request: FastifyRequest, method: 'GET' | 'POST'): WebhookRequest {
  const rawBody = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const target = request.raw.url ?? '/';
  const queryStart = target.indexOf('?');
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  return {
    method,
    target,
    headers: request.headers,
    rawBody,
    query: readParams(queryStart < 0 ? '' : target.slice(queryStart + 1)),
    form: readParams(type === 'application/x-www-form-urlencoded' ? rawBody.toString('utf8') : ''),
    json: type === 'application/json' ? parseJson(rawBody) : undefined,
  };
}

/** Parameters of `application/x-www-form-urlencoded` text. */
export function readParams(encoded: string): Params {
  const params = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(encoded)) {
    const values = params.get(name);
    if (values === undefined) params.set(name, [value]);
    else values.push(value);
  }
  return params;
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
